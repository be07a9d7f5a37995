// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace deputyd
{

/// "EPERM" for 1; the number for one that has no name.
std::string errno_name(int number);
/// The errno of that name, or 0.
int errno_by_name(const std::string &name);

} // namespace deputyd

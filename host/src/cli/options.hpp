// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace deputyd
{

/// The command "deputy": reads its arguments and does what they say. Errors are one line on standard error.
/// @return exit status.
int deputy_main(int argc, char **argv);

} // namespace deputyd

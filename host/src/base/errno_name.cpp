// SPDX-License-Identifier: Apache-2.0
#include "base/errno_name.hpp"

#include <cstring>

namespace deputyd
{

std::string errno_name(int number)
{
    const char *name = strerrorname_np(number);
    return name == nullptr ? std::to_string(number) : name;
}

} // namespace deputyd

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

int errno_by_name(const std::string &name)
{
    for (int e = 1; e < 256; ++e) {
        const char *known = strerrorname_np(e);
        if (known != nullptr && name == known) {
            return e;
        }
    }
    return 0;
}

} // namespace deputyd

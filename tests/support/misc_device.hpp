// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <string>

namespace deputy_test
{

/// The minor number of a device of the "misc" kind, from /proc/misc; 0 if there is none.
inline unsigned misc_minor(const std::string &name)
{
    std::ifstream all("/proc/misc");
    unsigned number = 0;
    for (std::string found; all >> number >> found;) {
        if (found == name) {
            return number;
        }
    }
    return 0;
}

} // namespace deputy_test

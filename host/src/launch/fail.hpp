// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <string>

namespace deputyd
{

/// Throws std::runtime_error "cannot WHAT: REASON", with the reason of an errno.
[[noreturn]] void fail(const std::string &what, int number = errno);

/// Like fail(); but where the errno says that the kernel does not know the call or option, the message names
/// the feature and the version that brought it.
/// @param feature for example "idmapped mounts". @param since for example "5.12".
[[noreturn]] void fail_feature(const std::string &what, const char *feature, const char *since,
                               int number = errno);

/// Throws as fail() does if a system call returned a negative number. @return the number else.
inline int must(int returned, const char *what)
{
    if (returned < 0) {
        fail(what);
    }
    return returned;
}

} // namespace deputyd

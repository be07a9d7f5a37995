// SPDX-License-Identifier: Apache-2.0
#include "launch/fail.hpp"

#include <stdexcept>
#include <system_error>

namespace deputyd
{

void fail(const std::string &what, int number)
{
    throw std::runtime_error("cannot " + what + ": " + std::system_category().message(number));
}

void fail_feature(const std::string &what, const char *feature, const char *since, int number)
{
    if (number == ENOSYS || number == EINVAL || number == ENODEV || number == EOPNOTSUPP) {
        throw std::runtime_error("cannot " + what + ": this kernel has no " + feature + " (since Linux " +
                                 since + "): " + std::system_category().message(number));
    }
    fail(what, number);
}

} // namespace deputyd

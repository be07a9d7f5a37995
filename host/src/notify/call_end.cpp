// SPDX-License-Identifier: Apache-2.0
#include "notify/call_end.hpp"

#include <cerrno>

namespace deputyd
{

call_end end_of(const decision &what, delivery outcome) noexcept
{
    switch (outcome) {
    case delivery::lost:
        return {};
    case delivery::refused: // the kernel's errno, of the caller's limits mostly
        return {ending::error};
    case delivery::misbehaving:
        return {ending::failed, EPERM};
    case delivery::delivered:
        break;
    }
    switch (what.what) {
    case decision::kind::value:
        return {ending::value, 0, what.value};
    case decision::kind::descriptor:
        return {ending::descriptor};
    case decision::kind::proceed:
        return {ending::continued};
    case decision::kind::error:
        break;
    }
    return {what.failed ? ending::failed : ending::error, what.error, 0, what.denied};
}

} // namespace deputyd

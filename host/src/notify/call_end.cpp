// SPDX-License-Identifier: Apache-2.0
#include "notify/call_end.hpp"

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
        return {ending::failed, what.misfit_error};
    case delivery::delivered:
        break;
    }
    switch (what.why) {
    case decision::cause::handler:
        break;
    case decision::cause::failure:
        return {ending::failed, what.error};
    case decision::cause::limit:
        return {ending::limited, what.error};
    case decision::cause::off:
        return {ending::off, what.error};
    case decision::cause::denied:
        return {ending::error, what.error, 0, true};
    case decision::cause::observed:
        return {ending::observed, what.would_error};
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
    return {ending::error, what.error};
}

} // namespace deputyd

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profile/claim.hpp"
#include "profile/cube.hpp"
#include "profile/denials.hpp"
#include "profile/rule.hpp"

namespace deputyd::profile
{

/// A profile of LXC, version 2: a header, sections for architectures, and lines "syscall action [arguments]".
struct lxc_text {
    struct line {
        std::string text;    ///< as it is written
        std::string syscall; ///< empty for sections, comments and settings
        std::string action;  ///< LXC's word with its errno; the default one where the line has none
        answer does;
        cubes calls;
        bool has_arguments = false;
    };
    std::vector<line> lines; ///< the header included
    answer fallback;         ///< for calls without a rule
};

/// @throw std::runtime_error with the line's number and what is wrong in it.
lxc_text parse_lxc(std::string_view text);

/// A profile that allows what no rule names.
lxc_text empty_lxc();

/// The base that a profile of LXC is, on this machine.
denying_base parse_base(const lxc_text &profile);

/// As hand_over() does for profiles in JSON.
void hand_over(lxc_text &profile, const denials &found);

/// As merge() does for profiles in JSON. @throw std::runtime_error saying what cannot be merged.
std::string merge_lxc(const lxc_text &base, std::span<const claim> wanted);

} // namespace deputyd::profile

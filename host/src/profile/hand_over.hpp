// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "caller/denied_calls.hpp"
#include "profile/claim.hpp"
#include "profile/denials.hpp"

namespace deputyd::profile
{

/// Claims what is denied whole. A claim that is there grows.
void claim_whole(std::vector<claim> &wanted, const denials &found);

/// Turns the rules of a profile whose conditions are settled.
void hand_over(json &profile, const denials &found);

/// What the host must know. @param notified system calls that are handed over for other reasons.
/// @throw std::runtime_error if nothing is denied.
denied_calls to_table(const denials &found, const std::set<std::string> &notified);

/// A line for each reason why calls are left.
std::vector<std::string> notes_of(const denials &found);

/// System calls with rules that notify.
std::set<std::string> notified_by(std::span<const rule> rules);

/// The base that a profile is whose conditions are settled. @throw std::runtime_error.
denying_base parse_base(const json &profile);

} // namespace deputyd::profile

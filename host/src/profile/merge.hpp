// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "profile/claim.hpp"
#include "profile/rule.hpp"

namespace deputyd::profile
{

/// Makes a profile in JSON lead the claimed calls where they belong. Of two rules for one system call that
/// overlap, runtimes silently heed one, and a rule without arguments beats one with. So each claimed system
/// call leaves the rules of the base, and what is not claimed of it comes back as rules with arguments that
/// give the base's answer and overlap none. Conditions (includes, excludes) stay with what they were on.
///
/// Comparisons are exact in the low halves of arguments. Where the base's answer needs such rules, a claim
/// counts the low halves alone, because libseccomp compiles an upper half to nothing on 32-bit architectures
/// where several may be in one profile: the host then refuses what it finds not wanted.
/// @throw std::runtime_error saying what cannot be merged.
void merge(json &profile, std::span<const claim> wanted);

/// claim.calls by their low halves.
cubes low_halves(const cubes &calls);

/// What is left of a rule's calls without those claimed, in a form that 32-bit architectures read correctly.
/// @param permissive whether the rule lets calls through and what has no rule does not: then calls with bits
/// in
///        an upper half, which no rule can tell, may be left to the default.
/// @throw std::runtime_error for others of that kind.
cubes unclaimed(const cubes &calls, const cubes &claimed, bool permissive, const std::string &syscall);

} // namespace deputyd::profile

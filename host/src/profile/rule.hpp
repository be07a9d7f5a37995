// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "profile/cube.hpp"

namespace deputyd::profile
{

/// Keeps the order of a profile's keys, for people who compare it with its base.
using json = nlohmann::ordered_json;

/// What a rule, or a profile by default, does with a call.
struct answer {
    std::string action; ///< SCMP_ACT_*
    int error = 0;      ///< of SCMP_ACT_ERRNO and SCMP_ACT_TRACE, EPERM where the profile names none

    bool operator==(const answer &) const = default;
    bool notifies() const { return action == "SCMP_ACT_NOTIFY"; }
    bool denies() const { return action == "SCMP_ACT_ERRNO"; }
    /// Whether the kernel carries the call out.
    bool lets_through() const;
};

/// A rule of a profile in JSON, as runtime-spec, docker and podman write it.
struct rule {
    std::vector<std::string> names;
    answer does;
    /// Its calls. Two conditions on one argument are alternatives, as runc takes them.
    cubes calls;
    bool has_arguments = false;    ///< false: all calls
    bool repeats_argument = false; ///< two conditions on one argument
};

/// @param where names it in messages, as "syscalls[3]". @throw std::runtime_error saying what is wrong in it.
rule parse_rule(const json &text, const std::string &where);

/// The answer to calls for which a profile has no rule. @throw std::runtime_error.
answer default_answer(const json &profile);

/// The profile's rules, [] where it has none. @throw std::runtime_error if they are no list.
const json &rules_of(const json &profile);

/// An arguments list that says exactly c, in the form that runtimes read.
json to_arguments(const cube &c);

/// A rule in JSON. @param c its calls.
json to_rule(const std::string &syscall, const answer &does, const cube &c);

/// Whether a rule of docker or podman applies only to some containers.
bool is_conditional(const json &text);

} // namespace deputyd::profile

// SPDX-License-Identifier: Apache-2.0
#include "profile/merge.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace deputyd::profile
{
namespace
{

constexpr std::uint64_t low_half = 0xffffffff;

/// The base's rules, read once.
struct parsed_base {
    std::vector<rule> rules;
    std::vector<bool> conditional;
    answer fallback;
};

bool names(const rule &r, const std::string &syscall)
{
    return std::find(r.names.begin(), r.names.end(), syscall) != r.names.end();
}

parsed_base parse(const json &profile)
{
    parsed_base b;
    b.fallback = default_answer(profile);
    if (b.fallback.notifies()) {
        throw std::runtime_error(
            "the base's default action hands every call to a listener; take another base");
    }
    const json &texts = rules_of(profile);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        b.rules.push_back(parse_rule(texts[i], "syscalls[" + std::to_string(i) + "]"));
        b.conditional.push_back(is_conditional(texts[i]));
    }
    return b;
}

/// Whether rule i decides calls of a system call at all: one for every call and every container silences all
/// others, but for one of its kind before it.
/// @throw std::runtime_error if that depends on the container.
bool is_heeded(const parsed_base &b, std::size_t i, const std::string &syscall)
{
    for (std::size_t j = 0; j < b.rules.size(); ++j) {
        if (!names(b.rules[j], syscall) || b.rules[j].has_arguments || b.conditional[j]) {
            continue;
        }
        if (i < j && !b.rules[i].has_arguments && b.rules[i].does != b.rules[j].does) {
            // What comes back of both would be the same rule twice, which libseccomp refuses.
            throw std::runtime_error(
                "the base has a rule for " + syscall +
                "() that depends on the container before one that does not: the format oci can "
                "tell which is meant, or take one of them out of the base");
        }
        return i == j;
    }
    return true;
}

/// Whether rule i must come back for the calls that are not claimed.
bool must_return(const parsed_base &b, std::size_t i, const std::string &syscall)
{
    return is_heeded(b, i, syscall) && b.rules[i].does != b.fallback;
}

/// A rule of the base for one of its system calls and these calls alone.
json narrowed(const json &text, const std::string &syscall, const cube &c)
{
    json r = text;
    r.erase("name");
    r["names"] = json::array({syscall});
    r["args"] = to_arguments(c);
    return r;
}

json without_names(const json &text, std::span<const claim> wanted)
{
    const auto is_claimed = [&](const json &name) {
        return std::any_of(wanted.begin(), wanted.end(), [&](const claim &c) { return name == c.syscall; });
    };
    json r = text;
    if (r.contains("name") && is_claimed(r["name"])) {
        r.erase("name");
    }
    if (r.contains("names")) {
        json kept = json::array();
        for (const json &name : r["names"]) {
            if (!is_claimed(name)) {
                kept.push_back(name);
            }
        }
        r["names"] = kept;
    }
    return r;
}

bool has_names(const json &text)
{
    return (text.contains("name") && text["name"] != "") ||
           (text.contains("names") && !text["names"].empty());
}

} // namespace

cubes low_halves(const cubes &calls)
{
    cubes low;
    for (cube c : calls) {
        for (std::size_t i = 0; i < 6; ++i) {
            c.mask[i] &= low_half;
            c.value[i] &= low_half;
        }
        if (std::find(low.begin(), low.end(), c) == low.end()) {
            low.push_back(c);
        }
    }
    return low;
}

cubes unclaimed(const cubes &calls, const cubes &claimed, bool permissive, const std::string &syscall)
{
    cubes telling = calls; // claims have no upper half, so what is left of these has none
    const auto upper = std::remove_if(telling.begin(), telling.end(), has_upper_half);
    if (upper != telling.end() && !permissive) {
        throw std::runtime_error("the base's rule for " + syscall +
                                 "() compares upper halves of arguments, which cannot be merged: take the "
                                 "system call out of the base");
    }
    telling.erase(upper, telling.end());
    return subtract(telling, claimed);
}

void merge(json &profile, std::span<const claim> wanted)
{
    const parsed_base base = parse(profile);
    const json old = rules_of(profile);
    std::vector<claim> exact(wanted.begin(), wanted.end());
    for (claim &c : exact) {
        for (std::size_t i = 0; i < base.rules.size(); ++i) {
            if (names(base.rules[i], c.syscall) && must_return(base, i, c.syscall)) {
                c.calls = low_halves(c.calls);
            }
        }
    }
    json rules = json::array();
    for (const claim &c : exact) {
        const answer does = c.notifies() ? answer{"SCMP_ACT_NOTIFY", 0} : answer{"SCMP_ACT_ERRNO", c.error};
        for (const cube &calls : c.calls) {
            rules.push_back(to_rule(c.syscall, does, calls));
        }
    }
    for (std::size_t i = 0; i < base.rules.size(); ++i) {
        const rule &r = base.rules[i];
        if (const json kept = without_names(old[i], wanted); has_names(kept)) {
            rules.push_back(kept);
        }
        for (const claim &c : exact) {
            if (!names(r, c.syscall) || !must_return(base, i, c.syscall)) {
                continue;
            }
            if (r.has_arguments && !r.repeats_argument && !overlap(r.calls, c.calls)) {
                json same = old[i];
                same.erase("name");
                same["names"] = json::array({c.syscall});
                rules.push_back(same);
                continue;
            }
            const bool permissive = r.does.lets_through() && !base.fallback.lets_through();
            for (const cube &rest : unclaimed(r.calls, c.calls, permissive, c.syscall)) {
                rules.push_back(narrowed(old[i], c.syscall, rest));
            }
        }
    }
    profile["syscalls"] = rules;
}

} // namespace deputyd::profile

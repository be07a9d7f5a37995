// SPDX-License-Identifier: Apache-2.0
#include "profile/hand_over.hpp"

#include <algorithm>
#include <stdexcept>

#include "base/syscall_name.hpp"

namespace deputyd::profile
{
namespace
{

/// A rule for some of its names.
json for_names(const json &text, const json &names)
{
    json r = text;
    r.erase("name");
    r["names"] = names;
    return r;
}

} // namespace

void claim_whole(std::vector<claim> &wanted, const denials &found)
{
    for (const std::string &name : found.whole) {
        const auto same = std::find_if(wanted.begin(), wanted.end(),
                                       [&](const claim &c) { return c.syscall == name && c.notifies(); });
        if (same == wanted.end()) {
            wanted.push_back({name, 0, {cube{}}});
        } else {
            same->calls = {cube{}};
        }
    }
}

void hand_over(json &profile, const denials &found)
{
    const answer fallback = default_answer(profile);
    const answer notify{"SCMP_ACT_NOTIFY", 0};
    json rules = json::array();
    for (const json &text : rules_of(profile)) {
        const rule r = parse_rule(text, "syscalls");
        json same = json::array(), turned = json::array();
        for (const std::string &name : r.names) {
            if (found.converts(name) && r.does == fallback) {
                continue; // runtimes drop it
            }
            const bool turns = found.converts(name) && r.does.denies();
            (turns ? turned : same).push_back(name);
        }
        if (!same.empty()) {
            rules.push_back(for_names(text, same));
        }
        if (!turned.empty()) {
            json notifies = for_names(text, turned);
            notifies["action"] = notify.action;
            notifies.erase("errnoRet");
            notifies.erase("errno");
            rules.push_back(notifies);
        }
    }
    for (const auto &[name, calls] : found.by_default) {
        for (const cube &c : calls) {
            rules.push_back(to_rule(name, notify, c));
        }
    }
    profile["syscalls"] = rules;
}

denied_calls to_table(const denials &found, const std::set<std::string> &notified)
{
    if (found.errors.empty()) {
        throw std::runtime_error("the base answers no system call with an errno that could be handed over: "
                                 "leave out --audit-denied, or take another --base");
    }
    std::map<int, std::size_t> counts;
    for (const auto &[name, error] : found.errors) {
        ++counts[error];
    }
    denied_calls table;
    table.fallback = std::max_element(counts.begin(), counts.end(), [](const auto &a, const auto &b) {
                         return a.second < b.second;
                     })->first;
    for (const auto &[name, error] : found.errors) {
        if (error != table.fallback) {
            table.others.emplace(name, error);
        }
    }
    for (const std::string &name : notified) {
        if (!found.errors.contains(name) && is_syscall(name)) {
            table.others.emplace(name, 0);
        }
    }
    return table;
}

std::vector<std::string> notes_of(const denials &found)
{
    std::map<std::string, std::string> names_by_reason;
    for (const auto &[name, reason] : found.left) {
        std::string &names = names_by_reason[reason];
        names += (names.empty() ? "" : ", ") + name;
    }
    std::vector<std::string> lines;
    for (const auto &[reason, names] : names_by_reason) {
        lines.push_back("denied by the filter alone and not logged, for " + reason + ": " + names);
    }
    return lines;
}

std::set<std::string> notified_by(std::span<const rule> rules)
{
    std::set<std::string> names;
    for (const rule &r : rules) {
        if (r.does.notifies()) {
            names.insert(r.names.begin(), r.names.end());
        }
    }
    return names;
}

denying_base parse_base(const json &profile)
{
    denying_base base;
    base.fallback = default_answer(profile);
    const json &texts = rules_of(profile);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        base.rules.push_back(parse_rule(texts[i], "syscalls[" + std::to_string(i) + "]"));
    }
    for (const json &name : profile.at("architectures")) {
        base.architectures.push_back(name.get<std::string>());
    }
    return base;
}

} // namespace deputyd::profile

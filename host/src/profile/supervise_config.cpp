// SPDX-License-Identifier: Apache-2.0
#include "profile/supervise_config.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/metadata_word.hpp"
#include "profile/hand_over.hpp"
#include "profile/write.hpp"

namespace deputyd::profile
{
namespace
{

/// Whether this process may lift the limit; tried in a child, for the runtime's own limits stay as they are.
bool may_lift_memlock()
{
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
        ::_exit(::setrlimit(RLIMIT_MEMLOCK, &none) == 0 ? 0 : 1);
    }
    int status = 1;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

void lift_memlock(json &config)
{
    if (!config.contains("process") || !config["process"].is_object()) {
        return;
    }
    json &process = config["process"];
    if (!process.contains("rlimits") || process["rlimits"].is_null()) {
        process["rlimits"] = json::array();
    }
    json &limits = process["rlimits"];
    const bool has_own = std::any_of(limits.begin(), limits.end(), [](const json &l) {
        return l.is_object() && l.contains("type") && l["type"] == "RLIMIT_MEMLOCK";
    });
    if (!limits.is_array() || has_own || !may_lift_memlock()) {
        return;
    }
    limits.push_back({{"type", "RLIMIT_MEMLOCK"}, {"hard", UINT64_MAX}, {"soft", UINT64_MAX}});
}

/// Engines that drop listeners drop the word too, and nobody would know the errno of such calls.
void check_claimed(const std::set<std::string> &notified, std::span<const claim> wanted)
{
    for (const std::string &name : notified) {
        const bool is_claimed = std::any_of(
            wanted.begin(), wanted.end(), [&](const claim &c) { return c.notifies() && c.syscall == name; });
        if (!is_claimed) {
            throw std::runtime_error("its profile hands " + name +
                                     " over, which no handler takes, and its metadata does not say what that "
                                     "fails with (denied=...): this engine drops what deputy profile "
                                     "--audit-denied wrote; write the profile without it");
        }
    }
}

/// The word of a profile that --audit-denied wrote, for what is claimed of it now.
std::string denied_before(const json &profile, std::span<const claim> wanted)
{
    const auto old = profile.is_object() ? profile.find("listenerMetadata") : profile.end();
    const std::string word =
        old != profile.end() && old->is_string() ? metadata_word(old->get<std::string>(), "denied") : "";
    std::vector<rule> rules;
    if (profile.is_object()) {
        for (const json &text : rules_of(profile)) {
            rules.push_back(parse_rule(text, "syscalls"));
        }
    }
    const std::set<std::string> there = notified_by(rules);
    if (word.empty()) {
        check_claimed(there, wanted);
        return "";
    }
    denied_calls table = parse_denied(word);
    for (const claim &c : wanted) {
        if (c.notifies() && !there.contains(c.syscall)) {
            table.others.emplace(c.syscall, 0);
        }
    }
    return " denied=" + table.word();
}

} // namespace

void supervise(json &config, std::span<const claim> wanted, const std::string &socket,
               const std::string &policy)
{
    if (!config.contains("linux") || !config["linux"].is_object()) {
        throw std::runtime_error("config.json has no object linux: it is for no Linux container");
    }
    json &profile = config["linux"]["seccomp"];
    recipe r;
    r.socket = socket;
    r.metadata = "policy=" + policy;
    if (profile.is_object() && profile.contains("listenerPath")) {
        const json &old = profile["listenerPath"];
        if (old.is_string() && old != "" && old != socket) {
            throw std::runtime_error("the container's seccomp profile has a listener already, at " +
                                     old.get<std::string>() + ", and the kernel allows one");
        }
    }
    r.metadata += denied_before(profile, wanted);
    profile = with_listener(profile, r, wanted);
    lift_memlock(config);
}

} // namespace deputyd::profile

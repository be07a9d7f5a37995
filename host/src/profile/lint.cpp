// SPDX-License-Identifier: Apache-2.0
#include "profile/lint.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "profile/architectures.hpp"
#include "profile/claim.hpp"
#include "profile/lxc_text.hpp"
#include "profile/write.hpp"

namespace deputyd::profile
{
namespace
{

/// A rule about one system call.
struct entry {
    const rule *text;
    std::size_t number; ///< in the profile's order
};
using by_syscall = std::map<std::string, std::vector<entry>>;

/// A profile of either form, ready to be judged.
struct subject {
    std::vector<rule> rules;
    answer fallback;
    by_syscall entries;
    bool notifies = false; ///< whether any rule does
};

by_syscall index_of(const std::vector<rule> &rules)
{
    by_syscall all;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        for (const std::string &name : rules[i].names) {
            all[name].push_back({&rules[i], i});
        }
    }
    return all;
}

void complete(subject &s)
{
    s.entries = index_of(s.rules);
    s.notifies = s.fallback.notifies() ||
                 std::any_of(s.rules.begin(), s.rules.end(), [](const rule &r) { return r.does.notifies(); });
}

std::string quoted(const entry &e)
{
    return e.text->does.action + (e.text->has_arguments ? " with arguments" : "");
}

/// Rules that take calls from one that notifies.
void find_shadowed(const subject &s, std::vector<finding> &out)
{
    for (const auto &[name, all] : s.entries) {
        for (const entry &n : all) {
            if (!n.text->does.notifies()) {
                continue;
            }
            for (const entry &o : all) {
                if (o.text->does == n.text->does || !overlap(o.text->calls, n.text->calls)) {
                    continue;
                }
                const bool earlier = o.number < n.number;
                if (!o.text->has_arguments && (n.text->has_arguments || earlier)) {
                    out.push_back({"shadowed-rule", name,
                                   "a rule " + quoted(o) +
                                       " for the same calls silences the one that notifies" +
                                       (n.text->has_arguments ? ", in either order" : ", being first") +
                                       ": make the profile with deputy profile --base"});
                    break;
                }
                if (o.text->has_arguments && n.text->has_arguments) {
                    out.push_back({"overlapping-rules", name,
                                   "a rule " + quoted(o) +
                                       " is for some of the calls that another notifies; "
                                       "which is heeded is left to libseccomp"});
                    break;
                }
            }
        }
    }
}

void find_repeated_arguments(const subject &s, std::vector<finding> &out)
{
    for (const rule &r : s.rules) {
        if (r.repeats_argument) {
            out.push_back({"repeated-argument", r.names.front(),
                           "two conditions on one argument: runc takes calls for which either holds, others "
                           "refuse the profile"});
        }
    }
}

void find_unfit_calls(const subject &s, const std::optional<runtime> &r, std::vector<finding> &out)
{
    static const std::map<std::string, std::string> reasons = {
        {"write", "runc refuses to start a container whose write() is notified"},
        {"sendmsg",
         "youki, and crun before 1.6, pass the listener on with sendmsg() under the filter and hang"},
        {"recvmsg", "youki passes the listener on with recvmsg() under the filter and hangs"}};
    for (const auto &[name, reason] : reasons) {
        const auto all = s.entries.find(name);
        if (all == s.entries.end() || (r && !r->fails_with(name))) {
            continue;
        }
        if (std::any_of(all->second.begin(), all->second.end(),
                        [](const entry &e) { return e.text->does.notifies(); })) {
            out.push_back({"unfit-call", name, reason + ": do not notify it"});
        }
    }
    if (s.fallback.notifies() && (!r || r->refuses_default_notify())) {
        out.push_back({"default-notify", "defaultAction",
                       "runc and youki refuse SCMP_ACT_NOTIFY as default action: name the calls"});
    }
}

/// Whether calls that ask for a listener get through to the kernel.
bool may_listen(const subject &s)
{
    const auto all = s.entries.find("seccomp");
    const cubes asked = {new_listener()};
    cubes left = asked;
    if (all != s.entries.end()) {
        for (const entry &e : all->second) {
            if (!e.text->has_arguments) { // silences all others
                return e.text->does.lets_through();
            }
        }
        for (const entry &e : all->second) {
            if (e.text->does.lets_through() && overlap(e.text->calls, left)) {
                return true;
            }
            left = subtract(left, e.text->calls);
        }
    }
    return !left.empty() && s.fallback.lets_through();
}

void find_inner_listener(const subject &s, std::vector<finding> &out)
{
    if (s.notifies && may_listen(s)) {
        out.push_back({"inner-listener", "seccomp",
                       "a program in the container may ask for a listener of its own, which gets EBUSY only "
                       "while ours is open and takes our calls once it is not: refuse "
                       "SECCOMP_FILTER_FLAG_NEW_LISTENER, as deputy profile does"});
    }
}

void find_missing_architectures(const json &profile, std::vector<finding> &out)
{
    std::vector<std::string> listed;
    for (const json &a : profile["architectures"]) {
        if (!a.is_string()) {
            throw std::runtime_error("architectures must have texts");
        }
        listed.push_back(a.get<std::string>());
    }
    for (const std::string &name : listed) {
        const architecture_family *family = find_architectures(name);
        if (family == nullptr) {
            continue;
        }
        for (const std::string &other : family->others) {
            if (std::find(listed.begin(), listed.end(), other) == listed.end()) {
                out.push_back({"missing-architecture", other,
                               "calls of this architecture, which the kernel runs too, are killed instead of "
                               "notified: list it beside " +
                                   name});
            }
        }
    }
}

bool has_text(const json &profile, const char *key)
{
    return profile.contains(key) && profile[key].is_string() && profile[key] != "";
}

void find_listener_traps(const json &profile, bool notifies, const std::optional<runtime> &r,
                         std::vector<finding> &out)
{
    const bool has_path = has_text(profile, "listenerPath");
    if (notifies && !has_path) {
        out.push_back({"no-listener", "listenerPath",
                       r && !r->starts_without_listener()
                           ? r->name() + " refuses rules that notify without listenerPath: set it"
                           : "without it runc and youki refuse rules that notify, and under crun such calls "
                             "fail with ENOSYS: set it"});
    }
    if (!notifies && has_path) {
        out.push_back({"idle-listener", "listenerPath",
                       "no rule notifies: crun sends a listener all the same, others do not: leave it out"});
    }
    if (has_text(profile, "listenerMetadata") && !has_path) {
        out.push_back(
            {"metadata-without-listener", "listenerMetadata", "must not be there without listenerPath"});
    }
    if (has_path && profile["listenerPath"].get<std::string>().front() != '/') {
        out.push_back({"relative-listener", "listenerPath", "crun takes absolute paths only"});
    }
    if (has_path && r && !r->keeps_listener()) {
        out.push_back({"dropped-listener", "listenerPath",
                       r->text() + " drops it silently: use deputy-runtime with it, or a newer one"});
    }
}

void find_refused_flags(const json &profile, const std::optional<runtime> &r, std::vector<finding> &out)
{
    if (!profile.contains("flags") || profile["flags"].is_null() || !r || !r->flags()) {
        return;
    }
    const std::vector<std::string> accepted = *r->flags();
    for (const json &flag : profile["flags"]) {
        if (std::none_of(accepted.begin(), accepted.end(), [&](const std::string &a) { return flag == a; })) {
            out.push_back({"refused-flag", flag.is_string() ? flag.get<std::string>() : "flags",
                           r->text() + " refuses profiles with this flag: leave it out"});
        }
    }
}

void lint_json(const std::string &text, const circumstances &c, const std::optional<runtime> &r,
               std::vector<finding> &out)
{
    const json whole = parse_profile(text);
    default_answer(whole); // before anything else is asked of it
    const bool names_architectures = (whole.contains("architectures") && !whole["architectures"].empty()) ||
                                     (whole.contains("archMap") && !whole["archMap"].empty());
    const json profile = resolve(whole, c);
    subject s;
    s.fallback = default_answer(profile);
    const json &rules = rules_of(profile);
    for (std::size_t i = 0; i < rules.size(); ++i) {
        s.rules.push_back(parse_rule(rules[i], "syscalls[" + std::to_string(i) + "]"));
    }
    complete(s);
    find_shadowed(s, out);
    find_repeated_arguments(s, out);
    find_unfit_calls(s, r, out);
    find_inner_listener(s, out);
    find_listener_traps(profile, s.notifies, r, out);
    find_refused_flags(profile, r, out);
    if (names_architectures) {
        find_missing_architectures(profile, out);
    } else {
        out.push_back(
            {"missing-architecture", "architectures",
             "without them a profile knows its machine's own architecture alone, and calls of others "
             "that the kernel runs are killed instead of notified: list all"});
    }
}

void lint_lxc(const std::string &text, std::vector<finding> &out)
{
    const lxc_text profile = parse_lxc(text);
    subject s;
    s.fallback = profile.fallback;
    for (const lxc_text::line &l : profile.lines) {
        if (!l.syscall.empty()) {
            s.rules.push_back({{l.syscall}, l.does, l.calls, l.has_arguments, false});
        }
    }
    complete(s);
    find_shadowed(s, out);
    find_inner_listener(s, out);
}

} // namespace

std::vector<finding> lint(const std::string &text, const circumstances &c, const std::optional<runtime> &r)
{
    std::vector<finding> out;
    try {
        const std::size_t first = text.find_first_not_of(" \t\r\n");
        if (first != std::string::npos && text[first] >= '0' && text[first] <= '9') {
            lint_lxc(text, out);
        } else {
            lint_json(text, c, r, out);
        }
    } catch (const std::exception &e) {
        out.push_back({"unreadable", "profile", e.what()});
    }
    return out;
}

} // namespace deputyd::profile

// SPDX-License-Identifier: Apache-2.0
#include "profile/lxc_text.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <sstream>
#include <stdexcept>

#include "profile/architectures.hpp"
#include "profile/merge.hpp"

namespace deputyd::profile
{
namespace
{

[[noreturn]] void wrong(std::size_t line, const std::string &reason)
{
    throw std::runtime_error("line " + std::to_string(line) + ": " + reason);
}

std::string trimmed(std::string_view text)
{
    const char *const blank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blank);
    return first == std::string_view::npos
               ? ""
               : std::string(text.substr(first, text.find_last_not_of(blank) - first + 1));
}

/// What LXC's word for an action means; the errno of "errno N".
answer meaning(const std::string &action, std::size_t line)
{
    static const std::map<std::string, std::string> words = {{"kill", "SCMP_ACT_KILL"},
                                                             {"trap", "SCMP_ACT_TRAP"},
                                                             {"allow", "SCMP_ACT_ALLOW"},
                                                             {"notify", "SCMP_ACT_NOTIFY"}};
    if (const auto word = words.find(action); word != words.end()) {
        return {word->second, 0};
    }
    if (action.starts_with("errno")) {
        const std::string number = trimmed(std::string_view(action).substr(5));
        int error = 0;
        const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), error);
        if (failed == std::errc{} && end == number.data() + number.size() && error >= 0) {
            return {"SCMP_ACT_ERRNO", error};
        }
    }
    wrong(line, "unknown action " + action + "; there are kill, trap, allow, notify and errno N");
}

std::uint64_t number(const std::string &text, std::size_t line)
{
    const bool hex = text.starts_with("0x");
    const char *const end = text.data() + text.size();
    std::uint64_t n = 0;
    const auto [rest, failed] = std::from_chars(text.data() + (hex ? 2 : 0), end, n, hex ? 16 : 10);
    if (failed != std::errc{} || rest != end) {
        wrong(line, "no number: " + text);
    }
    return n;
}

/// "0,5,SCMP_CMP_EQ" or "1,8192,SCMP_CMP_MASKED_EQ,61440": index, value, comparison, mask.
json condition(const std::string &text, std::size_t line)
{
    static const std::map<std::string, std::string> signs = {
        {"!=", "SCMP_CMP_NE"}, {"<", "SCMP_CMP_LT"}, {"<=", "SCMP_CMP_LE"},       {"==", "SCMP_CMP_EQ"},
        {">=", "SCMP_CMP_GE"}, {">", "SCMP_CMP_GT"}, {"&=", "SCMP_CMP_MASKED_EQ"}};
    std::vector<std::string> fields;
    std::istringstream in(text);
    for (std::string field; std::getline(in, field, ',');) {
        fields.push_back(trimmed(field));
    }
    if (fields.size() != 3 && fields.size() != 4) {
        wrong(line, "arguments are [index,value,comparison] or [index,value,SCMP_CMP_MASKED_EQ,mask]");
    }
    const auto sign = signs.find(fields[2]);
    json c = {{"index", number(fields[0], line)},
              {"value", number(fields[1], line)},
              {"op", sign == signs.end() ? fields[2] : sign->second}};
    if (c["op"] == "SCMP_CMP_MASKED_EQ") {
        c["valueTwo"] = c["value"];
        c["value"] = fields.size() == 4 ? number(fields[3], line) : 0;
    }
    return c;
}

void parse_rule_line(lxc_text::line &l, const std::string &default_action, std::size_t number)
{
    const std::string body = trimmed(std::string_view(l.text).substr(0, l.text.find('#')));
    const std::size_t bracket = std::min(body.find('['), body.size());
    const std::string head = trimmed(std::string_view(body).substr(0, bracket));
    const std::size_t space = std::min(head.find_first_of(" \t"), head.size());
    l.syscall = head.substr(0, space);
    l.action = trimmed(std::string_view(head).substr(space));
    if (l.action.empty()) {
        l.action = default_action;
    }
    json arguments = json::array();
    for (std::size_t at = bracket; at < body.size();) {
        const std::size_t end = body.find(']', at);
        if (body[at] != '[' || end == std::string::npos) {
            wrong(number, "arguments are in brackets, as [0,5,SCMP_CMP_EQ]");
        }
        arguments.push_back(condition(body.substr(at + 1, end - at - 1), number));
        at = std::min(body.find_first_not_of(" \t,", end + 1), body.size());
    }
    l.does = meaning(l.action, number);
    const rule r =
        parse_rule({{"names", json::array({l.syscall})}, {"action", "SCMP_ACT_ALLOW"}, {"args", arguments}},
                   "line " + std::to_string(number));
    l.calls = r.calls;
    l.has_arguments = r.has_arguments;
}

std::string arguments_of(const cube &c)
{
    std::string text;
    for (std::size_t i = 0; i < 6; ++i) {
        const std::string start =
            (text.empty() ? " [" : "[") + std::to_string(i) + "," + std::to_string(c.value[i]);
        if (c.mask[i] == ~std::uint64_t{0}) {
            text += start + ",SCMP_CMP_EQ]";
        } else if (c.mask[i] != 0) {
            text += start + ",SCMP_CMP_MASKED_EQ," + std::to_string(c.mask[i]) + "]";
        }
    }
    return text;
}

bool is_list_word(const std::string &word, const char *a, const char *b)
{
    return word == a || word == b;
}

} // namespace

lxc_text parse_lxc(std::string_view text)
{
    lxc_text p;
    std::istringstream in{std::string(text)};
    std::string raw;
    std::string action; // of lines that name none
    for (std::size_t number = 1; std::getline(in, raw); ++number) {
        lxc_text::line l;
        l.text = raw;
        const std::string body = trimmed(std::string_view(raw).substr(0, raw.find('#')));
        if (number == 1) {
            if (body != "2") {
                wrong(1, "only version 2 of LXC's profiles can tell arguments and actions; begin it with 2");
            }
        } else if (number == 2) {
            const std::size_t space = std::min(body.find_first_of(" \t"), body.size());
            const std::string kind = body.substr(0, space);
            const bool denies = is_list_word(kind, "denylist", "blacklist");
            if (!denies && !is_list_word(kind, "allowlist", "whitelist")) {
                wrong(2, "must be denylist or allowlist");
            }
            const std::string word = trimmed(std::string_view(body).substr(space));
            action = denies ? "kill" : "allow";
            p.fallback = meaning(!word.empty() ? word : denies ? "allow" : "kill", 2);
            if (p.fallback.notifies()) {
                wrong(2, "the default action hands every call to a listener");
            }
        } else if (!body.empty() && body.front() != '[' && !body.starts_with("reject_force_umount")) {
            parse_rule_line(l, action, number);
        }
        p.lines.push_back(std::move(l));
    }
    if (p.lines.size() < 2) {
        throw std::runtime_error("a profile of LXC has at least two lines: 2, and denylist or allowlist");
    }
    return p;
}

lxc_text empty_lxc()
{
    return parse_lxc("2\ndenylist\n");
}

denying_base parse_base(const lxc_text &profile)
{
    denying_base base;
    base.fallback = profile.fallback;
    base.architectures = native_architectures().all();
    for (const char *name : {"open", "openat", "openat2"}) {
        base.kept[name] = "LXC opens files before the listener is served";
    }
    bool for_all = true;
    for (const lxc_text::line &l : profile.lines) {
        if (const std::string text = trimmed(l.text); text.starts_with('[')) {
            for_all = text.starts_with("[all]");
        }
        if (l.syscall.empty()) {
            continue;
        }
        base.rules.push_back({{l.syscall}, l.does, l.calls, l.has_arguments, false});
        if (!for_all) {
            base.kept.emplace(l.syscall, "they have rules for one architecture");
        }
    }
    return base;
}

void hand_over(lxc_text &profile, const denials &found)
{
    const answer notify{"SCMP_ACT_NOTIFY", 0};
    std::vector<lxc_text::line> lines;
    for (lxc_text::line &l : profile.lines) {
        if (found.converts(l.syscall) && l.does == profile.fallback) {
            continue;
        }
        if (found.converts(l.syscall) && l.does.denies()) {
            const std::size_t bracket = l.text.find('[');
            l.action = "notify";
            l.text = l.syscall + " notify" + (bracket == l.text.npos ? "" : " " + l.text.substr(bracket));
            l.does = notify;
        }
        lines.push_back(std::move(l));
    }
    if (!found.by_default.empty()) {
        lines.push_back({"[all]", "", "", {}, {}, false});
    }
    for (const auto &[name, calls] : found.by_default) {
        for (const cube &c : calls) {
            lines.push_back({name + " notify" + arguments_of(c), name, "notify", notify, {c}, true});
        }
    }
    profile.lines = std::move(lines);
}

std::string merge_lxc(const lxc_text &base, std::span<const claim> wanted)
{
    std::string out;
    std::vector<claim> exact(wanted.begin(), wanted.end());
    for (const lxc_text::line &l : base.lines) {
        const auto same =
            std::find_if(exact.begin(), exact.end(), [&](const claim &c) { return c.syscall == l.syscall; });
        if (same == exact.end()) {
            out += l.text + "\n";
            continue;
        }
        if (l.does == base.fallback) {
            continue;
        }
        same->calls = low_halves(same->calls);
        if (!overlap(l.calls, same->calls)) {
            out += l.text + "\n";
            continue;
        }
        const bool permissive = l.does.lets_through() && !base.fallback.lets_through();
        for (const cube &rest : unclaimed(l.calls, same->calls, permissive, l.syscall)) {
            out += l.syscall + " " + l.action + arguments_of(rest) + "\n";
        }
    }
    out += "[all]\n";
    for (const claim &c : exact) {
        for (const cube &calls : c.calls) {
            out += c.syscall + (c.notifies() ? " notify" : " errno " + std::to_string(c.error)) +
                   arguments_of(calls) + "\n";
        }
    }
    return out;
}

} // namespace deputyd::profile

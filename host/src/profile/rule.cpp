// SPDX-License-Identifier: Apache-2.0
#include "profile/rule.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

#include "base/errno_name.hpp"

namespace deputyd::profile
{
namespace
{

[[noreturn]] void wrong(const std::string &where, const std::string &reason)
{
    throw std::runtime_error(where + " " + reason);
}

/// Whether a key has a value: Go programs write absent lists as null.
bool has(const json &object, const char *key)
{
    const auto found = object.find(key);
    return found != object.end() && !found->is_null();
}

std::uint64_t number(const json &object, const char *key, const std::string &where)
{
    if (!has(object, key)) {
        return 0;
    }
    const json &n = object[key];
    if (!n.is_number_integer() || (!n.is_number_unsigned() && n.get<std::int64_t>() < 0)) {
        wrong(where + "." + key, "must be a whole number from 0 on");
    }
    return n.get<std::uint64_t>();
}

std::string text_of(const json &object, const char *key, const std::string &where)
{
    if (!has(object, key) || !object[key].is_string()) {
        wrong(where + "." + key, "must be a text");
    }
    return object[key].get<std::string>();
}

answer parse_answer(const json &object, const char *action, const char *number_key, const char *name_key,
                    const std::string &where)
{
    answer a{text_of(object, action, where), 0};
    if (a.action == "SCMP_ACT_ERRNO" || a.action == "SCMP_ACT_TRACE") {
        a.error = EPERM;
        if (has(object, number_key)) {
            const std::uint64_t n = number(object, number_key, where);
            if (n > 0xffff) {
                wrong(where + "." + number_key, "is no errno");
            }
            a.error = static_cast<int>(n);
        } else if (has(object, name_key)) {
            a.error = errno_by_name(text_of(object, name_key, where));
            if (a.error == 0) {
                wrong(where + "." + name_key, "names no errno");
            }
        }
    }
    return a;
}

/// Calls of which argument `index` satisfies one condition.
cubes condition(const json &c, unsigned index, const std::string &where)
{
    const std::string op = text_of(c, "op", where);
    const std::uint64_t value = number(c, "value", where);
    const cubes all = {cube{}};
    const bool is_greatest = value == ~std::uint64_t{0};
    if (op == "SCMP_CMP_EQ") {
        return {equal_to(index, value)};
    }
    if (op == "SCMP_CMP_NE") {
        return subtract(all, {equal_to(index, value)});
    }
    if (op == "SCMP_CMP_GE") {
        return at_least(index, value);
    }
    if (op == "SCMP_CMP_GT") {
        return is_greatest ? cubes{} : at_least(index, value + 1);
    }
    if (op == "SCMP_CMP_LT") {
        return less_than(index, value);
    }
    if (op == "SCMP_CMP_LE") {
        return is_greatest ? all : less_than(index, value + 1);
    }
    if (op == "SCMP_CMP_MASKED_EQ") { // value is the mask
        const std::uint64_t wanted = number(c, "valueTwo", where);
        cube masked;
        masked.mask[index] = value;
        masked.value[index] = wanted & value;
        return {masked}; // libseccomp drops bits of the value that are not in the mask
    }
    wrong(where + ".op", "is not known: " + op);
}

void parse_arguments(const json &arguments, const std::string &where, rule &r)
{
    if (!arguments.is_array()) {
        wrong(where, "must be a list");
    }
    std::vector<cubes> each;
    std::array<unsigned, 6> seen{};
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string here = where + "[" + std::to_string(i) + "]";
        if (!arguments[i].is_object()) {
            wrong(here, "must be an object");
        }
        const std::uint64_t index = number(arguments[i], "index", here);
        if (index > 5) {
            wrong(here + ".index", "must be from 0 to 5");
        }
        r.repeats_argument |= seen[index]++ != 0;
        each.push_back(condition(arguments[i], static_cast<unsigned>(index), here));
    }
    r.has_arguments = !each.empty();
    r.calls = {cube{}};
    if (r.repeats_argument) {
        r.calls.clear();
        for (const cubes &c : each) {
            const cubes more = subtract(c, r.calls);
            r.calls.insert(r.calls.end(), more.begin(), more.end());
        }
        return;
    }
    for (const cubes &c : each) {
        cubes both;
        for (const cube &x : r.calls) {
            for (const cube &y : c) {
                both.push_back(*intersect(x, y)); // of different arguments
            }
        }
        if (both.size() > 5000) {
            wrong(where, "is too complicated");
        }
        r.calls = std::move(both);
    }
}

} // namespace

bool answer::lets_through() const
{
    return action == "SCMP_ACT_ALLOW" || action == "SCMP_ACT_LOG";
}

rule parse_rule(const json &text, const std::string &where)
{
    if (!text.is_object()) {
        wrong(where, "must be an object");
    }
    rule r;
    if (has(text, "names")) {
        if (!text["names"].is_array()) {
            wrong(where + ".names", "must be a list");
        }
        for (const json &name : text["names"]) {
            if (!name.is_string()) {
                wrong(where + ".names", "must have texts");
            }
            r.names.push_back(name.get<std::string>());
        }
    }
    if (has(text, "name") && text["name"] != "") { // docker's older form
        r.names.push_back(text_of(text, "name", where));
    }
    if (r.names.empty()) {
        wrong(where + ".names", "names no system call");
    }
    r.does = parse_answer(text, "action", "errnoRet", "errno", where);
    parse_arguments(has(text, "args") ? text["args"] : json::array(), where + ".args", r);
    return r;
}

answer default_answer(const json &profile)
{
    if (!profile.is_object()) {
        throw std::runtime_error("a seccomp profile must be a JSON object");
    }
    return parse_answer(profile, "defaultAction", "defaultErrnoRet", "defaultErrno", "profile");
}

const json &rules_of(const json &profile)
{
    static const json none = json::array();
    if (!has(profile, "syscalls")) {
        return none;
    }
    if (!profile["syscalls"].is_array()) {
        throw std::runtime_error("syscalls must be a list");
    }
    return profile["syscalls"];
}

json to_arguments(const cube &c)
{
    json all = json::array();
    for (std::size_t i = 0; i < 6; ++i) {
        if (c.mask[i] == ~std::uint64_t{0}) {
            all.push_back({{"index", i}, {"value", c.value[i]}, {"op", "SCMP_CMP_EQ"}});
        } else if (c.mask[i] != 0) {
            all.push_back(
                {{"index", i}, {"value", c.mask[i]}, {"valueTwo", c.value[i]}, {"op", "SCMP_CMP_MASKED_EQ"}});
        }
    }
    return all;
}

json to_rule(const std::string &syscall, const answer &does, const cube &c)
{
    json r = {{"names", json::array({syscall})}, {"action", does.action}};
    if (does.error != 0) {
        r["errnoRet"] = does.error;
    }
    if (!c.is_everything()) {
        r["args"] = to_arguments(c);
    }
    return r;
}

bool is_conditional(const json &text)
{
    for (const char *key : {"includes", "excludes"}) {
        if (has(text, key) && !text[key].empty()) {
            return true;
        }
    }
    return false;
}

} // namespace deputyd::profile

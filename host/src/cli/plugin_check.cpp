// SPDX-License-Identifier: Apache-2.0
#include "cli/plugin_check.hpp"

#include <algorithm>
#include <cstdio>
#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/nearest.hpp"
#include "check/runner.hpp"

namespace deputyd
{
namespace
{

using check::finding;
using check::rule;

constexpr int status_broken = 1, status_missing = 2;

const char *word(finding::status how)
{
    switch (how) {
    case finding::status::passed:
        return "passed";
    case finding::status::failed:
        return "failed";
    default:
        return "skipped";
    }
}

/// The rules that are named, or all; empty if one is unknown, which is said.
std::vector<const rule *> choose(const std::vector<std::string> &names)
{
    std::vector<std::string> known;
    for (const rule &r : check::rules()) {
        known.emplace_back(r.name);
    }
    for (const std::string &name : names) {
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            log().error("there is no rule {}{} deputy plugin check --rules prints them", escaped(name),
                        did_you_mean(name, known));
            return {};
        }
    }
    std::vector<const rule *> chosen;
    for (const rule &r : check::rules()) {
        if (names.empty() || std::find(names.begin(), names.end(), r.name) != names.end()) {
            chosen.push_back(&r);
        }
    }
    return chosen;
}

/// A plugin writes what it likes: line by line, indented, without control characters.
std::string indented(const std::string &output)
{
    std::string text;
    for (std::size_t begin = 0; begin < output.size();) {
        const std::size_t end = std::min(output.find('\n', begin), output.size());
        text += "    " + escaped(output.substr(begin, end - begin)) + "\n";
        begin = end + 1;
    }
    return text;
}

void print(const std::string &file, const std::vector<finding> &all, std::uint64_t seed)
{
    fmt::print("{} (seed {})\n", escaped(file), seed);
    for (const finding &f : all) {
        fmt::print("  {:8} {}{}{}\n", word(f.how), f.of->name, f.reason.empty() ? "" : ": ",
                   escaped(f.reason));
        if (f.how == finding::status::failed) {
            fmt::print("{}", indented(f.output));
        }
    }
}

nlohmann::json as_json(const std::string &file, const std::vector<finding> &all, std::uint64_t seed)
{
    nlohmann::json list = nlohmann::json::array();
    for (const finding &f : all) {
        list.push_back({{"file", file},
                        {"seed", seed},
                        {"rule", f.of->name},
                        {"description", f.of->description},
                        {"status", word(f.how)},
                        {"reason", f.reason},
                        {"output", f.how == finding::status::failed ? f.output : ""}});
    }
    return list;
}

void print_rules(bool json)
{
    nlohmann::json list = nlohmann::json::array();
    for (const rule &r : check::rules()) {
        list.push_back({{"rule", r.name}, {"description", r.description}});
        if (!json) {
            fmt::print("{:16} {}\n", r.name, r.description);
        }
    }
    if (json) {
        fmt::print("{}\n", list.dump(1, '\t'));
    }
}

} // namespace

int plugin_check(const plugin_check_options &options)
{
    if (options.list_rules) {
        print_rules(options.as_json);
        return 0;
    }
    if (options.files.empty()) {
        log().error("deputy plugin check needs a plugin: deputy plugin check [OPTIONS] FILE.so...");
        return status_missing;
    }
    const std::vector<const rule *> chosen = choose(options.only);
    for (const std::string &file : options.files) {
        if (!std::filesystem::is_regular_file(file)) {
            log().error("{}: there is no such file", escaped(file));
            return status_missing;
        }
    }
    if (chosen.empty()) {
        return status_missing;
    }
    const std::uint64_t seed = options.seed ? *options.seed : std::random_device()();
    nlohmann::json list = nlohmann::json::array();
    bool broken = false;
    for (const std::string &file : options.files) {
        const auto all = check::try_rules({std::filesystem::absolute(file), seed}, chosen);
        broken = broken || std::any_of(all.begin(), all.end(),
                                       [](const finding &f) { return f.how != finding::status::passed; });
        if (options.as_json) {
            for (auto &entry : as_json(file, all, seed)) {
                list.push_back(std::move(entry));
            }
            continue;
        }
        print(file, all, seed);
    }
    if (options.as_json) {
        fmt::print("{}\n", list.dump(1, '\t', false, nlohmann::json::error_handler_t::replace));
    }
    return broken ? status_broken : 0;
}

} // namespace deputyd

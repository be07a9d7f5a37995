// SPDX-License-Identifier: Apache-2.0
#include "cli/screens.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/table.hpp"
#include "observe/latency.hpp"

namespace deputyd
{
namespace
{

using nlohmann::json;
using rows = std::vector<std::vector<std::string>>;

std::string number(const json &of, const char *key)
{
    return std::to_string(of.value(key, std::uint64_t{0}));
}

/// A time with three digits and its unit.
std::string duration_text(double microseconds)
{
    if (microseconds < 1000) {
        return fmt::format("{:.3g}us", microseconds);
    }
    return microseconds < 1e6 ? fmt::format("{:.3g}ms", microseconds / 1e3)
                              : fmt::format("{:.3g}s", microseconds / 1e6);
}

std::string age_text(std::int64_t seconds)
{
    constexpr std::int64_t minute = 60, hour = 60 * minute, day = 24 * hour;
    if (seconds < minute) {
        return fmt::format("{}s", std::max<std::int64_t>(seconds, 0));
    }
    if (seconds < hour) {
        return fmt::format("{}m", seconds / minute);
    }
    return seconds < day ? fmt::format("{}h", seconds / hour) : fmt::format("{}d", seconds / day);
}

latencies latency_of(const json &handler)
{
    latencies l;
    const json counts = handler.value("latency", json::array());
    for (std::size_t i = 0; i < std::min(counts.size(), latencies::classes); ++i) {
        l.counts[i] = counts[i].get<std::uint64_t>();
    }
    return l;
}

/// What one handler counted for one container in between.
struct progress {
    std::uint64_t calls = 0, errors = 0;
    latencies latency;
};

progress between_of(const json *before, const json &after)
{
    progress p{after.value("calls", std::uint64_t{0}), after.value("errors", std::uint64_t{0}),
               latency_of(after)};
    if (before != nullptr) {
        p.calls -= std::min(p.calls, before->value("calls", std::uint64_t{0}));
        p.errors -= std::min(p.errors, before->value("errors", std::uint64_t{0}));
        const latencies earlier = latency_of(*before);
        for (std::size_t i = 0; i < latencies::classes; ++i) {
            p.latency.counts[i] -= std::min(p.latency.counts[i], earlier.counts[i]);
        }
    }
    return p;
}

/// Handlers by container's id and name.
std::map<std::pair<std::uint64_t, std::string>, const json *> handlers_of(const json &answer)
{
    std::map<std::pair<std::uint64_t, std::string>, const json *> all;
    for (const json &c : answer.at("containers")) {
        for (const json &h : c.at("handlers")) {
            all[{c.at("id"), h.at("handler")}] = &h;
        }
    }
    return all;
}

} // namespace

std::string ps_screen(const json &containers, std::int64_t now, std::size_t width)
{
    rows lines = {{"CONTAINER", "POLICY", "SOCKET", "LISTENERS", "CALLS", "ERRORS", "IN FLIGHT", "AGE"}};
    for (const json &c : containers.at("containers")) {
        lines.push_back({c.at("name"), c.at("policy"), c.at("socket"), number(c, "listeners"),
                         number(c, "calls"), number(c, "errors"),
                         std::to_string(c.value("in_flight", 0) + c.value("waiting", 0)),
                         age_text(now - c.value("since", now))});
    }
    return table_text("lllrrrrr", lines, width);
}

std::string stats_screen(const json &statistics, std::size_t width)
{
    rows handlers = {{"HANDLER", "CALLS", "ERRORS", "FAILED", "LOST", "P50", "P99"}};
    for (const json &h : statistics.at("handlers")) {
        const json &how = h.at("endings");
        handlers.push_back({h.at("handler"), number(h, "calls"), number(h, "errors"),
                            std::to_string(how.value("failed", 0) + how.value("late", 0)),
                            number(how, "lost"), duration_text(h.value("p50_us", 0.0)),
                            duration_text(h.value("p99_us", 0.0))});
    }
    std::string text = fmt::format("deputyd {}, containers: {}, threads that serve: {}\n\n",
                                   statistics.at("version").get<std::string>(),
                                   number(statistics, "containers"), number(statistics, "threads")) +
                       table_text("lrrrrrr", handlers, width);
    rows counters = {{"COUNTER", "VALUE", "MEANING"}};
    for (const json &plugin : statistics.at("plugins")) {
        for (const json &c : plugin.at("counters")) {
            counters.push_back(
                {fmt::format("{}.{}", plugin.at("name").get<std::string>(), c.at("name").get<std::string>()),
                 number(c, "value"), c.at("help")});
        }
    }
    return counters.size() == 1 ? text : text + "\n" + table_text("lrl", counters, width);
}

std::string top_screen(const json &before, const json &after, std::chrono::duration<double> between,
                       std::size_t width)
{
    const auto earlier = handlers_of(before);
    struct line {
        std::uint64_t calls;
        std::vector<std::string> cells;
    };
    std::vector<line> lines;
    std::uint64_t calls = 0, errors = 0, in_flight = 0;
    for (const json &c : after.at("containers")) {
        in_flight += c.value("in_flight", 0U) + c.value("waiting", 0U);
        for (const json &h : c.at("handlers")) {
            const auto found = earlier.find({c.at("id"), h.at("handler")});
            const progress p = between_of(found == earlier.end() ? nullptr : found->second, h);
            calls += p.calls;
            errors += p.errors;
            const auto us = [&](double which) {
                const auto ns = static_cast<double>(p.latency.quantile(which).count());
                return p.calls == 0 ? std::string("-") : duration_text(ns / 1e3);
            };
            lines.push_back({p.calls,
                             {c.at("name"), h.at("handler"),
                              fmt::format("{:.0f}", static_cast<double>(p.calls) / between.count()),
                              fmt::format("{:.0f}", static_cast<double>(p.errors) / between.count()), us(0.5),
                              us(0.99)}});
        }
    }
    std::stable_sort(lines.begin(), lines.end(),
                     [](const auto &a, const auto &b) { return a.calls > b.calls; });
    rows cells = {{"CONTAINER", "HANDLER", "CALLS/S", "ERRORS/S", "P50", "P99"}};
    for (line &l : lines) {
        cells.push_back(std::move(l.cells));
    }
    return fmt::format("containers: {}, calls/s: {:.0f}, errors/s: {:.0f}, in flight: {}\n\n",
                       after.at("containers").size(), static_cast<double>(calls) / between.count(),
                       static_cast<double>(errors) / between.count(), in_flight) +
           table_text("llrrrr", cells, width);
}

} // namespace deputyd

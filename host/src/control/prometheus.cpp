// SPDX-License-Identifier: Apache-2.0
#include "control/prometheus.hpp"

#include <chrono>
#include <iterator>

#include <fmt/format.h>

#include "base/errno_name.hpp"
#include "control/views.hpp"

namespace deputyd
{
namespace
{

using text = fmt::memory_buffer;

template <class... Args> void add(text &out, fmt::format_string<Args...> format, Args &&...args)
{
    fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

void begin(text &out, std::string_view name, std::string_view type, std::string_view help)
{
    add(out, "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

double seconds(std::chrono::nanoseconds time)
{
    return std::chrono::duration<double>(time).count();
}

/// Names of plugins and system calls need no escape.
void add_calls(text &out, const named_calls &calls)
{
    begin(out, "deputy_calls_total", "counter", "Calls by handler and by how they ended.");
    for (const auto &[name, numbers] : calls) {
        for (std::size_t i = 0; i < endings; ++i) {
            add(out, "deputy_calls_total{{handler=\"{}\",ending=\"{}\"}} {}\n", name,
                name_of(static_cast<ending>(i)), numbers.by_ending[i]);
        }
    }
    begin(out, "deputy_call_errors_total", "counter",
          "Calls that ended with an errno, by handler and errno.");
    for (const auto &[name, numbers] : calls) {
        for (const auto &[number, count] : numbers.by_errno) {
            add(out, "deputy_call_errors_total{{handler=\"{}\",errno=\"{}\"}} {}\n", name, errno_name(number),
                count);
        }
    }
}

/// A class an octave: what is between is for the quantiles that deputy prints itself.
void add_latency(text &out, const std::string &name, const latencies &l)
{
    std::uint64_t below = 0;
    for (std::size_t i = 0; i + 1 < latencies::classes; ++i) {
        below += l.counts[i];
        if (i % 2 == 0) {
            add(out, "deputy_call_duration_seconds_bucket{{handler=\"{}\",le=\"{}\"}} {}\n", name,
                seconds(latencies::end_of(i)), below);
        }
    }
    add(out, "deputy_call_duration_seconds_bucket{{handler=\"{}\",le=\"+Inf\"}} {}\n", name, l.count());
    add(out, "deputy_call_duration_seconds_sum{{handler=\"{}\"}} {}\n", name,
        seconds(std::chrono::nanoseconds(l.total_ns)));
    add(out, "deputy_call_duration_seconds_count{{handler=\"{}\"}} {}\n", name, l.count());
}

void add_counters(text &out, const plugin_set &plugins)
{
    for (const auto &plugin : plugins.all()) {
        for (const auto &counter : plugin->own_counters().read()) {
            const std::string name = fmt::format("deputy_plugin_{}_{}_total", plugin->name(), counter.name);
            begin(out, name, "counter", counter.help);
            add(out, "{} {}\n", name, counter.value);
        }
    }
}

} // namespace

std::string prometheus_text(const host_numbers &numbers, const plugin_set &plugins)
{
    text out;
    const named_calls calls = all_calls(numbers);
    add_calls(out, calls);
    begin(out, "deputy_call_duration_seconds", "histogram", "Time from a call's arrival to its answer.");
    for (const auto &[name, of_handler] : calls) {
        add_latency(out, name, of_handler.latency);
    }
    std::size_t listeners = 0, in_flight = 0, waiting = 0;
    for (const container_numbers &c : numbers.containers) {
        listeners += c.listeners;
        in_flight += c.in_flight;
        waiting += c.waiting;
    }
    const auto gauge = [&](std::string_view name, std::string_view help, std::size_t value) {
        begin(out, name, "gauge", help);
        add(out, "{} {}\n", name, value);
    };
    gauge("deputy_containers", "Containers that are served.", numbers.containers.size());
    gauge("deputy_listeners", "Listeners that are served.", listeners);
    gauge("deputy_threads", "Threads that serve calls.", numbers.threads);
    gauge("deputy_calls_in_flight", "Calls whose handlers run.", in_flight);
    gauge("deputy_calls_waiting", "Calls that are deferred, or whose handlers block.", waiting);
    add_counters(out, plugins);
    return fmt::to_string(out);
}

} // namespace deputyd

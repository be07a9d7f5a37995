// SPDX-License-Identifier: Apache-2.0
#include "control/prometheus.hpp"

#include <chrono>
#include <iterator>
#include <map>

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

void add_number(text &out, std::string_view name, std::string_view type, std::string_view help,
                std::uint64_t value)
{
    begin(out, name, type, help);
    add(out, "{} {}\n", name, value);
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

/// Calls for which a plugin failed or was late.
void add_failures(text &out, const host_numbers &numbers, const plugin_set &plugins)
{
    std::map<std::string, std::uint64_t> failures;
    for (const auto &plugin : plugins.all()) {
        failures[plugin->name()] = 0;
    }
    const auto add_of = [&](const call_statistics::by_handler &calls) {
        for (const auto &[by, n] : calls) {
            if (by != nullptr) {
                failures[by->plugin->name()] += n.by_ending[static_cast<std::size_t>(ending::failed)] +
                                                n.by_ending[static_cast<std::size_t>(ending::late)];
            }
        }
    };
    add_of(numbers.of_gone);
    for (const container_numbers &c : numbers.containers) {
        add_of(c.calls);
    }
    begin(out, "deputy_plugin_failures_total", "counter", "Calls for which the plugin failed or was late.");
    for (const auto &[name, count] : failures) {
        add(out, "deputy_plugin_failures_total{{plugin=\"{}\"}} {}\n", name, count);
    }
}

void add_containers(text &out, const host_numbers &numbers)
{
    std::size_t listeners = 0, in_flight = 0, waiting = 0;
    for (const container_numbers &c : numbers.containers) {
        listeners += c.listeners;
        in_flight += c.in_flight;
        waiting += c.waiting;
    }
    add_number(out, "deputy_containers", "gauge", "Containers that are served.", numbers.containers.size());
    add_number(out, "deputy_listeners", "gauge", "Listeners that are served.", listeners);
    add_number(out, "deputy_listeners_queued", "gauge", "Listeners with a call that nobody has received yet.",
               numbers.queued);
    add_number(out, "deputy_threads", "gauge", "Threads that serve calls.", numbers.threads);
    add_number(out, "deputy_calls_in_flight", "gauge", "Calls whose handlers run.", in_flight);
    add_number(out, "deputy_calls_waiting", "gauge", "Calls that are deferred, or whose handlers block.",
               waiting);
}

void add_host(text &out, const host_numbers &numbers)
{
    add_number(out, "deputy_trace_dropped_calls_total", "counter",
               "Calls that a trace missed since it was read too slowly.", numbers.trace_dropped);
    add_number(out, "deputy_audit_suppressed_lines_total", "counter",
               "Refusals that the limit left out of the audit log.", numbers.audit_unlogged);
    add_number(out, "deputy_host_restarts_total", "counter",
               "Hosts that have taken over from another, by upgrade or after a crash.",
               numbers.generation - 1);
    begin(out, "deputy_build_info", "gauge", "Version of the host; the value is 1.");
    add(out, "deputy_build_info{{version=\"{}\"}} 1\n", DEPUTY_VERSION);
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
    add_containers(out, numbers);
    add_failures(out, numbers, plugins);
    add_host(out, numbers);
    add_counters(out, plugins);
    return fmt::to_string(out);
}

} // namespace deputyd

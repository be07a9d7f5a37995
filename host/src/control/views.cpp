// SPDX-License-Identifier: Apache-2.0
#include "control/views.hpp"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "base/errno_name.hpp"
#include "base/json_text.hpp"

namespace deputyd
{
namespace
{

using nlohmann::json;

double microseconds(std::chrono::nanoseconds time)
{
    return std::chrono::duration<double, std::micro>(time).count();
}

/// Counts by classes of latencies, without the zeroes at the end.
json view_of(const latencies &l)
{
    json counts = json::array();
    const auto last = std::find_if(l.counts.rbegin(), l.counts.rend(), [](auto n) { return n != 0; });
    for (auto n = l.counts.begin(); n != last.base(); ++n) {
        counts.push_back(*n);
    }
    return counts;
}

json view_of(const std::string &name, const call_numbers &calls)
{
    json by_ending = json::object(), by_errno = json::object();
    for (std::size_t i = 0; i < endings; ++i) {
        by_ending[std::string(name_of(static_cast<ending>(i)))] = calls.by_ending[i];
    }
    for (const auto &[number, count] : calls.by_errno) {
        by_errno[errno_name(number)] = count;
    }
    return {{"handler", name},
            {"calls", calls.calls()},
            {"errors", calls.errors()},
            {"endings", std::move(by_ending)},
            {"errnos", std::move(by_errno)},
            {"total_us", microseconds(std::chrono::nanoseconds(calls.latency.total_ns))},
            {"p50_us", microseconds(calls.latency.quantile(0.5))},
            {"p99_us", microseconds(calls.latency.quantile(0.99))},
            {"latency", view_of(calls.latency)}};
}

json view_of(const named_calls &calls)
{
    json all = json::array();
    for (const auto &[name, numbers] : calls) {
        all.push_back(view_of(name, numbers));
    }
    return all;
}

call_numbers sum_of(const named_calls &calls)
{
    call_numbers sum;
    for (const auto &[name, numbers] : calls) {
        sum += numbers;
    }
    return sum;
}

json view_of(const container_entry &entry, const container_numbers &numbers)
{
    const named_calls calls = by_name(numbers.calls);
    const call_numbers sum = sum_of(calls);
    return {{"id", entry.id},
            {"name", entry.name},
            {"policy", entry.policy},
            {"socket", entry.socket},
            {"cgroup", entry.cgroup},
            {"since", std::chrono::system_clock::to_time_t(entry.since)},
            {"listeners", numbers.listeners},
            {"in_flight", numbers.in_flight},
            {"waiting", numbers.waiting},
            {"calls", sum.calls()},
            {"errors", sum.errors()},
            {"p50_us", microseconds(sum.latency.quantile(0.5))},
            {"p99_us", microseconds(sum.latency.quantile(0.99))},
            {"handlers", view_of(calls)}};
}

json view_of(const loaded_plugin &plugin)
{
    json counters = json::array();
    for (const auto &c : plugin.own_counters().read()) {
        counters.push_back({{"name", c.name}, {"help", c.help}, {"value", c.value}});
    }
    return {{"name", plugin.name()}, {"version", plugin.version()}, {"counters", std::move(counters)}};
}

} // namespace

named_calls by_name(const call_statistics::by_handler &calls)
{
    named_calls named;
    for (const auto &[by, numbers] : calls) {
        named[name_of(by)] += numbers;
    }
    return named;
}

named_calls all_calls(const host_numbers &numbers)
{
    named_calls all = by_name(numbers.of_gone);
    for (const container_numbers &c : numbers.containers) {
        for (const auto &[name, calls] : by_name(c.calls)) {
            all[name] += calls;
        }
    }
    return all;
}

json view_of_containers(const std::vector<container_entry> &entries, const host_numbers &numbers)
{
    json all = json::array();
    for (const container_entry &entry : entries) {
        const auto found = std::find_if(numbers.containers.begin(), numbers.containers.end(),
                                        [&](const container_numbers &c) { return c.of->id == entry.id; });
        all.push_back(view_of(entry, found == numbers.containers.end() ? container_numbers{} : *found));
    }
    return {{"containers", std::move(all)}};
}

std::function<std::string()> trace_source(std::shared_ptr<trace_reader> reader)
{
    return [reader = std::move(reader)] {
        constexpr auto patience = std::chrono::milliseconds(500);
        const trace_reader::taken t = reader->take(patience);
        std::string lines;
        for (const call_report &r : t.calls) {
            lines += json_text(json_of(r)) + "\n";
        }
        return t.dropped == 0 ? lines : lines + json_text({{"dropped", t.dropped}}) + "\n";
    };
}

json view_of_statistics(const host_numbers &numbers, const plugin_set &plugins)
{
    json all = json::array();
    for (const auto &plugin : plugins.all()) {
        all.push_back(view_of(*plugin));
    }
    return {{"version", DEPUTY_VERSION},
            {"containers", numbers.containers.size()},
            {"threads", numbers.threads},
            {"queued", numbers.queued},
            {"trace_dropped", numbers.trace_dropped},
            {"audit_unlogged", numbers.audit_unlogged},
            {"generation", numbers.generation},
            {"handlers", view_of(all_calls(numbers))},
            {"plugins", std::move(all)}};
}

} // namespace deputyd

// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iterator>
#include <malloc.h>
#include <unistd.h>

#include <fmt/format.h>

#include "check/rule.hpp"
#include "check/trial.hpp"

namespace deputyd::check
{
namespace
{

using namespace deputy::testing;

constexpr unsigned calls_each = 2000;
constexpr unsigned deadline_seconds = 5; ///< the host's

/// Makes count calls, of each handler in turn; one in four loses its answer.
void make_calls(trial &t, unsigned count)
{
    const auto &handlers = t.plugin->handlers();
    for (unsigned i = 0; i < count && !handlers.empty(); ++i) {
        outcome got = t.call(t.hostile_request(handlers[i % handlers.size()]));
        if (t.random() % 4 == 0) {
            t.plugin->lose(got);
        }
    }
}

std::ptrdiff_t open_descriptors()
{
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

} // namespace

void check_hostile_calls(const subject &s)
{
    const opened_plugin opened = open_plugin(s.file);
    trial t(opened, s.seed);
    make_calls(t, calls_each * static_cast<unsigned>(t.plugin->handlers().size()));
}

void check_deadline(const subject &s)
{
    const opened_plugin opened = open_plugin(s.file);
    trial t(opened, s.seed);
    t.host.on_step = [](std::string_view service) {
        if (service == "defer.block") {
            ::alarm(0);
        }
    };
    for (const auto &h : t.plugin->handlers()) {
        for (unsigned i = 0; i < 100; ++i) {
            ::alarm(deadline_seconds); // ends this process
            t.call(t.hostile_request(h));
        }
    }
    ::alarm(0);
}

void check_leaks(const subject &s)
{
    constexpr unsigned many = 10000;
    constexpr std::size_t noise = 64 * 1024; // what the allocator itself may do
    const opened_plugin opened = open_plugin(s.file);
    trial t(opened, s.seed);
    constexpr unsigned few = 200;
    const auto expect_descriptors = [](std::ptrdiff_t before, std::ptrdiff_t more, unsigned calls) {
        if (const std::ptrdiff_t now = open_descriptors(); now > before + more) {
            throw broken(fmt::format("{} calls left {} descriptors open; close what deputy.descriptor/1, "
                                     "deputy.path/1 and deputy.act/1 give, on every way out",
                                     calls, now - before));
        }
    };
    make_calls(t, few);
    const std::ptrdiff_t early = open_descriptors();
    make_calls(t, few);
    expect_descriptors(early, few / 4, few); // before there are no more
    make_calls(t, many);                     // caches fill
    const std::ptrdiff_t descriptors = open_descriptors();
    const std::size_t memory = mallinfo2().uordblks;
    make_calls(t, many);
    expect_descriptors(descriptors, 0, many);
    if (const std::size_t now = mallinfo2().uordblks; now > memory + noise) {
        throw broken(
            fmt::format("{} calls left {} bytes of memory; what a call allocates must go with it, or "
                        "have a limit",
                        many, now - memory));
    }
}

} // namespace deputyd::check

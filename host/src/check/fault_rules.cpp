// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <latch>
#include <thread>

#include <fmt/format.h>

#include "check/rule.hpp"
#include "check/trial.hpp"

namespace deputyd::check
{
namespace
{

using namespace deputy::testing;

/// Fails each service of a call in turn. A handler that never ends its services would do so for ever.
void fail_each_step(trial &t, const request &what, std::int32_t error)
{
    constexpr unsigned most = 1000;
    for (unsigned n = 1;; ++n) {
        t.host.fails.fail_step(n, error);
        outcome got = t.call(what);
        const bool failed = !t.host.fails.fired().empty();
        t.host.fails.clear();
        t.plugin->lose(got);
        if (!failed) {
            return;
        }
        if (n == most) {
            throw broken(
                fmt::format("{} calls more than {} services; a call is bounded", trial::text_of(what), most));
        }
    }
}

/// What does not depend on the time or on chance.
std::string answer_of(const outcome &got)
{
    return fmt::format("verdict {}, error {}", got.verdict, got.error);
}

} // namespace

void check_faults(const subject &s)
{
    const opened_plugin opened = open_plugin(s.file);
    trial t(opened, s.seed);
    for (const auto &h : t.plugin->handlers()) {
        for (unsigned i = 0; i < 20; ++i) {
            const request what = t.hostile_request(h);
            for (const std::int32_t error : {-ESRCH, -ECANCELED, -ENOMEM, -EFAULT, -EPERM}) {
                fail_each_step(t, what, error);
            }
        }
    }
}

void check_upper_halves(const subject &s)
{
    const opened_plugin opened = open_plugin(s.file);
    for (unsigned i = 0; i < 50; ++i) {
        // Two plugins in the same state get the same call, but for the garbage.
        trial clean(opened, s.seed + i), dirty(opened, s.seed + i);
        clean.random.seed(s.seed + i);
        dirty.random.seed(s.seed + i);
        for (const auto &h : clean.plugin->handlers()) {
            request what = clean.hostile_request(h);
            request garbage = dirty.hostile_request(h);
            for (const deputy_predicate &p : h.predicates) {
                if (p.width == 32) {
                    what.args.at(p.argument) &= 0xffffffff;
                    garbage.args.at(p.argument) = what.args.at(p.argument) | 0xdeadbeef00000000;
                }
            }
            const std::string expected = answer_of(clean.call(what)), got = answer_of(dirty.call(garbage));
            if (got != expected) {
                throw broken(
                    fmt::format("{} is answered with {}, and {} with {}; the kernel does not look at the "
                                "upper half of a 32-bit argument: read it with arg32()",
                                trial::text_of(what), expected, trial::text_of(garbage), got));
            }
        }
    }
}

void check_threads(const subject &s)
{
    const opened_plugin opened = open_plugin(s.file);
    trial t(opened, s.seed);
    const std::uint32_t model = t.opened.description->threads;
    const unsigned at_once = model == DEPUTY_THREADS_PARALLEL        ? 4
                             : model == DEPUTY_THREADS_PER_CONTAINER ? 2
                                                                     : 1;
    std::vector<std::vector<request>> work(at_once);
    for (const auto &h : t.plugin->handlers()) {
        for (unsigned i = 0; i < 500; ++i) {
            for (unsigned n = 0; n < at_once; ++n) {
                work[n].push_back(t.hostile_request(h));
                if (model == DEPUTY_THREADS_PER_CONTAINER) {
                    work[n].back().container = 1 + n;
                }
            }
        }
    }
    // Handlers meet where they let others run; without it a short one seldom meets itself.
    t.host.on_step = [](std::string_view) { std::this_thread::yield(); };
    std::vector<std::exception_ptr> failed(at_once);
    std::vector<std::thread> threads;
    std::latch start(at_once);
    for (unsigned n = 0; n < at_once; ++n) {
        threads.emplace_back([&, n] {
            start.arrive_and_wait();
            try {
                for (const request &what : work[n]) {
                    t.call(what);
                }
            } catch (...) {
                failed[n] = std::current_exception();
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    for (const std::exception_ptr &e : failed) {
        if (e) {
            std::rethrow_exception(e);
        }
    }
}

} // namespace deputyd::check

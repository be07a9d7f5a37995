// SPDX-License-Identifier: Apache-2.0
#include "notify/host.hpp"

#include <algorithm>
#include <array>
#include <poll.h>
#include <set>
#include <stdexcept>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "base/log.hpp"
#include "caller/caller_table.hpp"
#include "caller/credentials.hpp"
#include "notify/deferred.hpp"
#include "notify/describe.hpp"
#include "notify/effect.hpp"
#include "notify/host_state.hpp"
#include "notify/lane.hpp"
#include "notify/listener.hpp"
#include "notify/stop_signal.hpp"
#include "notify/watchdog.hpp"

namespace deputyd
{
namespace
{

/// What a seat's thread does, from its first to its last instruction of ours.
void run_seat(const std::shared_ptr<host_state> &state, const std::shared_ptr<seat> &self)
{
    {
        const std::lock_guard lock(state->mutex); // whoever starts it has it in the list by now
        self->tid = static_cast<pid_t>(::syscall(SYS_gettid));
    }
    leaving why = leaving::stopping;
    if (!self->cancelled) {
        stop_signal::let_in();
        own_thread_state();
        why = serve_lane(state, *self);
    }

    lane &served = *self->serves;
    if (why == leaving::replaced && !self->blocking.load()) {
        served.load->away.fetch_sub(1);
    }
    state->calls.release(self->slot);
    std::function<void()> ended;
    {
        const std::lock_guard lock(state->mutex);
        self->left = true;
        std::erase(state->seats, self);
        state->ended.push_back(std::move(self->thread));
        served.over = served.over || why == leaving::over;
        --served.threads;
        ended = settle(*state, served);
        state->changed.notify_all();
    }
    if (ended) {
        ended();
    }
}

/// Starts a thread, which waits for the mutex that is held.
std::shared_ptr<seat> start_thread(const std::shared_ptr<host_state> &state, std::shared_ptr<lane> l)
{
    journal_slot *slot = state->calls.acquire(l->of->id);
    if (slot == nullptr) {
        throw std::runtime_error("the journal is full: more than " + std::to_string(journal::slots) +
                                 " threads serve calls");
    }
    try {
        auto s = std::make_shared<seat>(std::move(l), slot);
        const stop_signal::all_blocked none;
        state->seats.push_back(s);
        s->thread = std::thread([state, s] { run_seat(state, s); });
        ++s->serves->threads;
        state->noticed(); // its idle time begins
        return s;
    } catch (const std::exception &) {
        std::erase_if(state->seats, [&](const auto &s) { return s->slot == slot; });
        state->calls.release(slot);
        throw;
    }
}

/// Every lane that is served. Takes the mutex to be held.
std::set<std::shared_ptr<lane>> all_lanes(const host_state &state)
{
    const auto parked = state.parked.all();
    std::set<std::shared_ptr<lane>> all(parked.begin(), parked.end());
    for (const auto &s : state.seats) {
        all.insert(s->serves);
    }
    return all;
}

/// How many of them have something to be received.
std::size_t count_readable(const std::set<std::shared_ptr<lane>> &lanes)
{
    std::vector<pollfd> fds;
    for (const auto &l : lanes) {
        fds.push_back({l->notify->poll_fd(), POLLIN, 0});
    }
    if (::poll(fds.data(), fds.size(), 0) <= 0) {
        return 0;
    }
    return static_cast<std::size_t>(
        std::count_if(fds.begin(), fds.end(), [](const pollfd &p) { return (p.revents & POLLIN) != 0; }));
}

} // namespace

std::span<const extension> plugin_extensions()
{
    static constexpr std::array all = {
        extension{DEPUTY_EXT_ACT_1, &act_table},
        extension{DEPUTY_EXT_CALLER_1, &caller_table},
        extension{DEPUTY_EXT_COUNTERS_1, &counters_table},
        extension{DEPUTY_EXT_DEFER_1, &defer_table},
        extension{DEPUTY_EXT_DESCRIBE_1, &describe_table},
        extension{DEPUTY_EXT_DESCRIPTOR_1, &descriptor_table},
        extension{DEPUTY_EXT_EFFECT_1, &effect_table},
        extension{DEPUTY_EXT_PATH_1, &path_table},
        extension{DEPUTY_EXT_PROCESS_1, &process_table},
        extension{DEPUTY_EXT_SETTINGS_1, &settings_table},
    };
    return all;
}

std::function<void()> settle(host_state &state, lane &l)
{
    if (l.threads != 0 || l.deferred != 0 || l.parked || !(l.over || state.stopping.load())) {
        return {};
    }
    if (--l.load->lanes == 0) {
        for (const auto &[by, numbers] : l.load->statistics.read()) {
            state.of_gone[by] += numbers;
        }
        state.containers.erase(l.of->id);
        state.changed.notify_all();
    }
    return l.over ? std::exchange(l.ended, {}) : std::function<void()>{};
}

void start_seat(const std::shared_ptr<host_state> &state, std::shared_ptr<lane> l)
{
    start_thread(state, std::move(l));
}

bool start_follower(const std::shared_ptr<host_state> &state, seat &slow, turn::word call, bool hangs)
{
    const std::lock_guard lock(state->mutex);
    if (state->stopping.load()) {
        return false;
    }
    // The thread first: one that is told to leave with nobody to take over would end the lane.
    const auto follower = start_thread(state, slow.serves);
    if (!slow.calls.replace(call)) {
        follower->cancelled = true;
        return false;
    }
    // It may be back already, and the count below zero for a moment; too high it would refuse calls.
    slow.serves->load->away.fetch_add(hangs ? 1 : 0);
    return true;
}

void interrupt_waiting(seat &s) noexcept
{
    if (s.left || s.tid == 0) {
        return;
    }
    s.called_off.store(true);
    if (turn::state_of(s.calls.load()) == call_state::receiving) {
        stop_signal::send(s.tid);
    }
}

void interrupt_blocking(seat &s, std::int32_t why) noexcept
{
    if (!s.blocking.load() || s.left || s.tid == 0) {
        return;
    }
    std::int32_t none = 0;
    s.wait_over.compare_exchange_strong(none, why);
    if (turn::state_of(s.calls.load()) == call_state::handling) {
        stop_signal::send(s.tid);
    }
}

void join_ended(host_state &state)
{
    std::vector<std::thread> ended;
    {
        const std::lock_guard lock(state.mutex);
        ended.swap(state.ended);
    }
    for (auto &t : ended) {
        if (t.joinable()) {
            t.join();
        }
    }
}

struct host::state : host_state {
    using host_state::host_state;
};

host::host(settings s) : state_(std::make_shared<state>(s))
{
    stop_signal::install();
    const stop_signal::all_blocked none;
    state_->watchdog = std::thread([shared = std::shared_ptr<host_state>(state_)] { watch(shared); });
    state_->parking_guard =
        std::thread([shared = std::shared_ptr<host_state>(state_)] { watch_parked(shared); });
}

host::~host()
{
    stop();
}

void host::serve(std::shared_ptr<const container> c, std::shared_ptr<const handler_table> handlers,
                 std::unique_ptr<channel> from, std::function<void()> ended)
{
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping.load()) {
        throw std::runtime_error("cannot serve " + c->name + ": the host is stopping");
    }
    const std::uint64_t id = c->id;
    auto &load = state_->containers[id];
    if (!load) {
        load = std::make_shared<container_load>(c, std::move(handlers));
    }
    try {
        const auto l = std::make_shared<lane>(std::move(c), std::move(from), std::move(ended), load);
        // Its first call starts a thread. What cannot be waited for has one find out why.
        if (!state_->parked.add(l)) {
            start_seat(state_, l);
        }
        ++load->lanes;
    } catch (...) {
        if (load->lanes == 0) {
            state_->containers.erase(id);
        }
        throw;
    }
}

void host::serve(std::shared_ptr<const container> c, const handler_table &handlers,
                 deputy::unique_fd listener_fd)
{
    serve(std::move(c), std::shared_ptr<const handler_table>(std::shared_ptr<void>{}, &handlers),
          std::make_unique<listener>(std::move(listener_fd)), {});
}

void host::use(std::uint64_t container, std::shared_ptr<const handler_table> handlers)
{
    const std::lock_guard lock(state_->mutex);
    if (const auto found = state_->containers.find(container); found != state_->containers.end()) {
        found->second->handlers.use(std::move(handlers));
    }
}

int host::journal_fd() const noexcept
{
    return state_->calls.fd();
}

bool host::wait_gone(std::uint64_t container, std::chrono::milliseconds at_most)
{
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, at_most, [&] { return !state_->containers.contains(container); });
}

host_numbers host::numbers() const
{
    std::unique_lock lock(state_->mutex);
    host_numbers all;
    all.threads = state_->seats.size();
    all.of_gone = state_->of_gone;
    std::map<const container_load *, std::size_t> in_flight;
    for (const auto &s : state_->seats) {
        const bool runs = turn::state_of(s->calls.load()) != call_state::receiving && !s->blocking.load();
        in_flight[s->serves->load.get()] += runs ? 1 : 0;
    }
    for (const auto &[id, load] : state_->containers) {
        const auto waiting = std::max<std::int64_t>(load->waiting.load(), 0);
        all.containers.push_back({load->of, load->lanes, in_flight[load.get()],
                                  static_cast<std::size_t>(waiting), load->statistics.read()});
    }
    all.trace_dropped = state_->trace.dropped();
    all.audit_unlogged = state_->audit_unlogged.load();
    all.generation = state_->settings.generation;
    const auto lanes = all_lanes(*state_);
    lock.unlock();
    all.queued = count_readable(lanes);
    return all;
}

void host::set_audit(audit_form form) noexcept
{
    state_->audit.store(form, std::memory_order_relaxed);
}

std::shared_ptr<trace_reader> host::trace(trace_filter f)
{
    struct traced {
        std::shared_ptr<host_state> state; ///< outlives the reader, whose end is noted there
        std::shared_ptr<trace_reader> reader;
    };
    const auto t = std::make_shared<traced>();
    t->state = state_;
    t->reader = state_->trace.open(std::move(f));
    return {t, t->reader.get()};
}

std::size_t host::left_behind() const
{
    const std::lock_guard lock(state_->mutex);
    return state_->left_behind;
}

void host::stop()
{
    std::unique_lock lock(state_->mutex);
    if (state_->stopping.exchange(true)) {
        return;
    }
    std::vector<std::shared_ptr<lane>> parked = state_->parked.take_all();
    for (const auto &l : parked) {
        (void)settle(*state_, *l); // one that is over is not parked
    }
    // Each call in flight is answered, by its handler or at its deadline by the watchdog.
    const auto until = std::chrono::steady_clock::now() + state_->settings.deadline;
    while (!state_->seats.empty() && std::chrono::steady_clock::now() < until) {
        for (const auto &s : state_->seats) {
            interrupt_waiting(*s);
            interrupt_blocking(*s, -ECANCELED);
        }
        state_->changed.wait_for(lock, std::chrono::milliseconds{1});
    }
    for (const auto &s : state_->seats) {
        answer_for(*s, s->calls.load());
        s->thread.detach();
        s->serves->ended = {};
    }
    state_->left_behind = state_->seats.size();
    lock.unlock();
    {
        const std::lock_guard sleeping(state_->sleeping);
        state_->done = true;
        state_->wake.notify_one();
    }
    state_->watchdog.join();
    end_deferred(*state_);
    state_->parked.wake();
    state_->parking_guard.join();
    join_ended(*state_);
    if (state_->left_behind != 0) {
        log().warn("{} threads hang in calls and are left behind", state_->left_behind);
    }
}

} // namespace deputyd

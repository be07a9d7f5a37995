// SPDX-License-Identifier: Apache-2.0
#include "notify/host.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.hpp"
#include "caller/caller_table.hpp"
#include "caller/credentials.hpp"
#include "notify/effect.hpp"
#include "notify/host_state.hpp"
#include "notify/lane.hpp"
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
    if (!self->cancelled) {
        stop_signal::let_in();
        own_thread_state();
        serve_lane(*state, *self);
    }

    const std::shared_ptr<lane> served = self->serves;
    if (self->was_replaced) {
        served->load->away.fetch_sub(1);
    }
    state->calls.release(self->slot);
    const std::lock_guard lock(state->mutex);
    std::erase(state->seats, self);
    state->ended.push_back(std::move(self->thread));
    if (--served->load->threads == 0) {
        state->containers.erase(served->of->id);
    }
    state->changed.notify_all();
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
        ++s->serves->load->threads;
        return s;
    } catch (const std::exception &) {
        std::erase_if(state->seats, [&](const auto &s) { return s->slot == slot; });
        state->calls.release(slot);
        throw;
    }
}

} // namespace

std::span<const extension> plugin_extensions()
{
    static constexpr std::array<extension, 2> all = {
        extension{DEPUTY_EXT_CALLER_1, &caller_table},
        extension{DEPUTY_EXT_EFFECT_1, &effect_table},
    };
    return all;
}

void start_seat(const std::shared_ptr<host_state> &state, std::shared_ptr<lane> l)
{
    start_thread(state, std::move(l));
}

bool start_follower(const std::shared_ptr<host_state> &state, seat &slow, turn::word call)
{
    const std::lock_guard lock(state->mutex);
    if (state->stopping.load()) {
        return false;
    }
    // The thread first: one that is told to leave with nobody to take over would end the lane.
    const auto follower = start_thread(state, slow.serves);
    slow.serves->load->away.fetch_add(1);
    if (!slow.calls.replace(call)) {
        slow.serves->load->away.fetch_sub(1);
        follower->cancelled = true;
        return false;
    }
    return true;
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
}

host::~host()
{
    stop();
}

void host::serve(std::shared_ptr<const container> c, const handler_table &handlers,
                 deputy::unique_fd listener_fd)
{
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping.load()) {
        throw std::runtime_error("cannot serve " + c->name + ": the host is stopping");
    }
    const std::uint64_t id = c->id;
    auto &load = state_->containers[id];
    if (!load) {
        load = std::make_shared<container_load>();
    }
    try {
        start_seat(state_, std::make_shared<lane>(std::move(c), handlers, std::move(listener_fd), load));
    } catch (...) {
        if (load->threads == 0) {
            state_->containers.erase(id);
        }
        throw;
    }
}

bool host::wait_gone(std::uint64_t container, std::chrono::milliseconds at_most)
{
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, at_most, [&] { return !state_->containers.contains(container); });
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
    // Each call in flight is answered, by its handler or at its deadline by the watchdog.
    const auto until = std::chrono::steady_clock::now() + state_->settings.deadline;
    while (!state_->seats.empty() && std::chrono::steady_clock::now() < until) {
        for (const auto &s : state_->seats) {
            if (s->tid != 0 && turn::state_of(s->calls.load()) == call_state::receiving) {
                stop_signal::send(s->tid); // in the list, so not ended
            }
        }
        state_->changed.wait_for(lock, std::chrono::milliseconds{1});
    }
    for (const auto &s : state_->seats) {
        answer_for(*s, s->calls.load());
        s->thread.detach();
    }
    state_->left_behind = state_->seats.size();
    lock.unlock();
    {
        const std::lock_guard parking(state_->parking);
        state_->done = true;
        state_->unpark.notify_one();
    }
    state_->watchdog.join();
    join_ended(*state_);
    if (state_->left_behind != 0) {
        log().warn("{} threads hang in calls and are left behind", state_->left_behind);
    }
}

} // namespace deputyd

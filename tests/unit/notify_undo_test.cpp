// SPDX-License-Identifier: Apache-2.0
// An effect whose answer the caller does not get is taken back.
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>

#include "caller/caller_table.hpp"
#include "notify/effect.hpp"
#include "notify/host.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using deputyd::host;

std::int32_t validity(deputy_call *c)
{
    char none = 0;
    return deputyd::caller_table.read(c, 0, &none, 0);
}

void catch_usr1()
{
    struct sigaction action {
    };
    action.sa_handler = [](int) {};
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGUSR1, &action, nullptr);
}

/// A handler that commits, sends a signal to the caller the first time, and answers.
struct signalling {
    int signal;
    bool descriptor;
    std::atomic<int> handled{0};
    std::atomic<int> undone{0};
    std::string token;
    functional_plugin plugin;

    signalling(int s, bool fd, bool expect_loss) : signal(s), descriptor(fd)
    {
        plugin.on_undo([this](const auto &, auto t) {
            token = t;
            ++undone;
        });
        plugin.on(1, [this, expect_loss](auto *c, const auto &sys, auto &a) {
            EXPECT_EQ(deputyd::effect_table.commit(c, "first", 5), 0);
            EXPECT_EQ(deputyd::effect_table.commit(c, "effect", 6), 0);
            if (++handled == 1) {
                ::kill(static_cast<pid_t>(sys.tid), signal);
                if (expect_loss) {
                    wait_until([&] { return validity(c) == -ESRCH; });
                }
            }
            if (descriptor) {
                a.fd = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
                return DEPUTY_REPLY_FD;
            }
            return reply(a, 7);
        });
    }
};

TEST(notify_undo, a_killed_callers_effect_is_undone_by_the_last_token)
{
    for (const bool wait_killable : {true, false}) {
        for (const bool descriptor : {true, false}) {
            signalling s(SIGKILL, descriptor, true);
            supervised child([] { return static_cast<int>(call(1)); }, wait_killable);
            {
                host h({});
                h.serve(container(1, wait_killable), s.plugin.table(), child.take_listener());
                EXPECT_EQ(child.run(), -SIGKILL);
                EXPECT_TRUE(h.wait_gone(1, std::chrono::seconds{60}));
            }
            EXPECT_EQ(s.undone, 1);
            EXPECT_EQ(s.token, "effect");
        }
    }
}

TEST(notify_undo, an_interrupted_callers_effect_is_undone_and_the_call_comes_again)
{
    for (const bool descriptor : {true, false}) {
        signalling s(SIGUSR1, descriptor, true);
        supervised child([] { return static_cast<int>(call(1)); }, false, catch_usr1);
        int got = 0;
        {
            host h({});
            h.serve(container(1, false), s.plugin.table(), child.take_listener());
            got = child.run();
        }
        EXPECT_TRUE(descriptor ? got >= 3 : got == 7) << got;
        EXPECT_EQ(s.handled, 2);
        EXPECT_EQ(s.undone, 1);
    }
}

TEST(notify_undo, under_wait_killable_a_caught_signal_disturbs_no_call)
{
    signalling s(SIGUSR1, false, false);
    supervised child([] { return static_cast<int>(call(1)); }, true, catch_usr1);
    host h({});
    h.serve(container(1), s.plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), 7);
    EXPECT_EQ(s.handled, 1);
    EXPECT_EQ(s.undone, 0);
}

TEST(notify_undo, a_withdrawn_commit_is_not_undone)
{
    std::atomic<bool> undone{false};
    functional_plugin plugin;
    plugin.on_undo([&](const auto &, auto) { undone = true; });
    plugin.on(1, [](auto *c, const auto &sys, auto &a) {
        deputyd::effect_table.commit(c, "effect", 6);
        deputyd::effect_table.commit(c, nullptr, 0);
        ::kill(static_cast<pid_t>(sys.tid), SIGKILL);
        wait_until([&] { return validity(c) == -ESRCH; });
        return reply(a, 0);
    });
    supervised child([] { return static_cast<int>(call(1)); });
    host h({});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), -SIGKILL);
    h.stop();
    EXPECT_FALSE(undone);
}

TEST(notify_undo, after_the_callers_death_every_service_says_esrch)
{
    functional_plugin plugin;
    plugin.on(1, [](auto *c, const auto &sys, auto &a) {
        ::kill(static_cast<pid_t>(sys.tid), SIGKILL);
        wait_until([&] { return validity(c) == -ESRCH; });
        const auto &t = deputyd::caller_table;
        char bytes[8];
        std::int32_t fd = -1;
        std::uint32_t group = 0;
        deputy_identity id{};
        id.struct_size = sizeof id;
        EXPECT_EQ(t.read(c, address(bytes), bytes, 1), -ESRCH);
        EXPECT_EQ(t.read_string(c, address(bytes), bytes, 1), -ESRCH);
        EXPECT_EQ(t.read_struct(c, address(bytes), 1, bytes, 1), -ESRCH);
        EXPECT_EQ(t.write(c, address(bytes), bytes, 1), -ESRCH);
        EXPECT_EQ(t.identity(c, &id), -ESRCH);
        EXPECT_EQ(t.groups(c, &group, 1), -ESRCH);
        EXPECT_EQ(deputyd::descriptor_table.get(c, 0, &fd), -ESRCH);
        EXPECT_EQ(deputyd::path_table.resolve(c, AT_FDCWD, "/", 0, &fd), -ESRCH);
        EXPECT_EQ(fd, -1);
        return reply(a, 0);
    });
    supervised child([] { return static_cast<int>(call(1)); });
    host h({});
    h.serve(container(1), plugin.table(), child.take_listener());
    EXPECT_EQ(child.run(), -SIGKILL);
}

} // namespace

// SPDX-License-Identifier: Apache-2.0
// Plugins hear of the end of processes that have called.
#include <gtest/gtest.h>

#include "notify/host.hpp"
#include "notify/process_watch.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using namespace std::chrono_literals;
using deputyd::host;

/// A plugin whose call 1 has its caller's process watched and replies with the id.
class watching
{
public:
    watching()
    {
        plugin.on_process_gone([this](std::uint64_t container, std::uint64_t process) {
            EXPECT_EQ(container, 1U);
            const std::lock_guard lock(mutex);
            gone.push_back(process);
        });
        plugin.on(1, [](auto *c, const auto &, auto &a) {
            std::uint64_t id = 0;
            const std::int32_t r = deputyd::process_table.watch(c, &id);
            return r < 0 ? fail(a, -r) : reply(a, static_cast<std::int64_t>(id));
        });
    }
    std::size_t told()
    {
        const std::lock_guard lock(mutex);
        return gone.size();
    }

    functional_plugin plugin;
    std::mutex mutex;
    std::vector<std::uint64_t> gone;
};

TEST(notify_process, is_told_once_when_it_ends)
{
    watching w;
    supervised child([] {
        const pid_t other = ::fork();
        if (other == 0) {
            const long id = call(1);
            ::_exit(id > 0 && call(1) == id ? static_cast<int>(id) : 0); // the same, asked again
        }
        int status = 0;
        ::waitpid(other, &status, 0);
        return call(1) > WEXITSTATUS(status) ? WEXITSTATUS(status) : 0; // another process, another id
    });
    host h({});
    w.plugin.table();
    w.plugin.add_container(1);
    h.serve(container(1), w.plugin.table(), child.take_listener());
    const int first = child.run();
    EXPECT_GT(first, 0);
    wait_until([&] { return w.told() == 2; });
    EXPECT_EQ(w.gone.front(), static_cast<std::uint64_t>(first));
    EXPECT_NE(w.gone.back(), w.gone.front());
}

TEST(notify_process, is_its_process_for_a_thread)
{
    watching w;
    supervised child([] {
        long of_thread = 0;
        std::thread([&] { of_thread = call(1); }).join();
        return call(1) == of_thread ? static_cast<int>(of_thread) : 0;
    });
    host h({});
    w.plugin.table();
    w.plugin.add_container(1);
    h.serve(container(1), w.plugin.table(), child.take_listener());
    EXPECT_GT(child.run(), 0);
    wait_until([&] { return w.told() == 1; });
}

TEST(notify_process, is_not_told_after_the_container_has_gone)
{
    watching w;
    supervised child([] {
        const int first = static_cast<int>(call(1));
        return first > 0 && call(1) == first ? 0 : 1;
    });
    {
        host h({});
        w.plugin.table();
        w.plugin.add_container(1);
        h.serve(container(1), w.plugin.table(), child.take_listener());
        w.plugin.remove_container(1);
        EXPECT_EQ(child.run(), 0);
        EXPECT_TRUE(h.wait_gone(1, 5s));
    }
    EXPECT_EQ(w.told(), 0U);
}

} // namespace

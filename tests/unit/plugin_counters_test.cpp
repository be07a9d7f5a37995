// SPDX-License-Identifier: Apache-2.0
// What a plugin counts.
#include <cerrno>
#include <functional>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "notify/host.hpp"
#include "plugin/loaded_plugin.hpp"

namespace
{

/// Declares its counters when it is made and when it is ready, as the test wants.
class counting_plugin
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit counting_plugin(deputy::host host) : host_(host) { at_create(host_); }
    void register_handlers(deputy::registrar<counting_plugin> &) {}
    void ready() { at_ready(host_); }

    static inline std::function<void(const deputy::host &)> at_create;
    static inline std::function<void(const deputy::host &)> at_ready;

private:
    deputy::host host_;
};

class plugin_counters : public testing::Test
{
protected:
    using step = std::function<void(const deputy::host &)>;

    void load(
        step at_create, step at_ready = [](const deputy::host &) {})
    {
        counting_plugin::at_create = std::move(at_create);
        counting_plugin::at_ready = std::move(at_ready);
        plugin_ = std::make_unique<deputyd::loaded_plugin>(
            deputyd::manifest{
                DEPUTY_ABI_MAJOR, DEPUTY_ABI_MINOR, DEPUTY_ABI_MINOR, 0, "counting", "1", {"uname"}},
            deputy::detail::description<counting_plugin>::table, deputyd::plugin_extensions());
    }
    /// What a declaration fails with.
    static int error_of(const deputy::host &host, const char *name, const char *help = "Help.")
    {
        try {
            deputy::counter(host, name, help);
        } catch (const std::system_error &e) {
            return e.code().value();
        }
        return 0;
    }

    std::unique_ptr<deputyd::loaded_plugin> plugin_;
};

TEST_F(plugin_counters, are_listed_with_name_help_and_value)
{
    std::vector<deputy::counter> made;
    load([&](const deputy::host &h) { made.emplace_back(h, "loads", "Programs loaded."); },
         [&](const deputy::host &h) { made.emplace_back(h, "refused_2", ""); });
    plugin_->ready();
    made[0].add(3);
    made[0].add();
    const auto all = plugin_->own_counters().read();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].name, "loads");
    EXPECT_EQ(all[0].help, "Programs loaded.");
    EXPECT_EQ(all[0].value, 4U);
    EXPECT_EQ(all[1].name, "refused_2");
    EXPECT_EQ(all[1].value, 0U);
}

TEST_F(plugin_counters, count_from_every_thread)
{
    std::vector<deputy::counter> made;
    load([&](const deputy::host &h) { made.emplace_back(h, "calls", "Calls."); });
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 1000; ++n) {
                made[0].add();
            }
        });
    }
    for (auto &t : threads) {
        t.join();
    }
    EXPECT_EQ(plugin_->own_counters().read()[0].value, 4000U);
}

TEST_F(plugin_counters, with_a_name_that_is_none_are_refused)
{
    load([&](const deputy::host &h) {
        for (const char *name : {"", "_a", "2a", "A", "a-b", "a b", "\xc3\xa4"}) {
            EXPECT_EQ(error_of(h, name), EINVAL) << name;
        }
        EXPECT_EQ(error_of(h, std::string(64, 'a').c_str()), EINVAL);
        EXPECT_EQ(error_of(h, std::string(63, 'a').c_str()), 0);
        EXPECT_EQ(error_of(h, "two_lines", "one\ntwo"), EINVAL);
    });
    EXPECT_EQ(plugin_->own_counters().read().size(), 1U);
}

TEST_F(plugin_counters, are_distinct_and_at_most_256)
{
    load([&](const deputy::host &h) {
        EXPECT_EQ(error_of(h, "c0"), 0);
        EXPECT_EQ(error_of(h, "c0"), EEXIST);
        for (int i = 1; i < 256; ++i) {
            EXPECT_EQ(error_of(h, ("c" + std::to_string(i)).c_str()), 0);
        }
        EXPECT_EQ(error_of(h, "c256"), ENOSPC);
    });
}

TEST_F(plugin_counters, are_declared_before_the_plugin_is_ready)
{
    const deputy::host *host = nullptr;
    load([&](const deputy::host &h) { host = &h; });
    plugin_->ready();
    EXPECT_EQ(error_of(*host, "late"), EBUSY);
}

TEST_F(plugin_counters, that_are_unknown_are_ignored)
{
    load([&](const deputy::host &h) {
        const deputy::counter known(h, "known", "");
        known.add();
    });
    for (const std::uint32_t unknown : {0U, 2U, 256U, 257U, 0xffffffffU}) {
        plugin_->own_counters().add(unknown, 1);
    }
    const auto all = plugin_->own_counters().read();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].value, 1U);
}

} // namespace

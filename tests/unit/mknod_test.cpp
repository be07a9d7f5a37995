// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <fstream>
#include <linux/capability.h>
#include <sys/stat.h>

#include <deputy/testing/kit.hpp>

#include "mknod/src/plugin.hpp"
#include "support/container.hpp"

namespace mknod_plugin
{
namespace
{

using deputy::testing::outcome;

constexpr std::uint64_t null_device = 0x103;
constexpr std::uint64_t character = S_IFCHR | 0666;

/// The plugin with a container, whose root is an empty directory.
class mknod_handlers : public testing::Test
{
protected:
    mknod_handlers() : plugin(host, deputy::testing::table_of<mknod_plugin::plugin>())
    {
        host.settings.set_list(0, "/devices", {"c 1:3", "c 1:5", "b 7:*"});
        host.settings.set(0, "/nodev", std::string("refuse"));
    }
    void start() { plugin.add_container(1); }
    outcome mknodat(const std::string &path, std::uint64_t mode = character,
                    std::uint64_t device = null_device, std::uint64_t dirfd = std::uint64_t(AT_FDCWD))
    {
        address = host.map_string(path);
        return again(mode, device, dirfd);
    }
    /// The same call once more: the path lies where it was.
    outcome again(std::uint64_t mode = character, std::uint64_t device = null_device,
                  std::uint64_t dirfd = std::uint64_t(AT_FDCWD))
    {
        return plugin.call("mknodat", {dirfd, address, mode, device});
    }
    static bool succeeded(const outcome &got)
    {
        return got.verdict == DEPUTY_REPLY && got.error == 0 && got.value == 0;
    }

    deputy::testing::fake_host host;
    deputy::testing::fake_plugin plugin;
    std::uint64_t address = 0;
};

TEST_F(mknod_handlers, make_a_listed_device_with_cap_mknod_and_no_more)
{
    start();
    EXPECT_TRUE(succeeded(mknodat("/null")));
    const auto made = host.files.node_at("/null");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->mode, S_IFCHR | 0644U);
    EXPECT_EQ(made->device, null_device);
    EXPECT_EQ(made->grant, std::uint64_t{1} << CAP_MKNOD);
}

TEST_F(mknod_handlers, take_mknod_as_mknodat_from_the_working_directory)
{
    start();
    const auto path = host.map_string("loop");
    EXPECT_TRUE(succeeded(plugin.call("mknod", {path, S_IFBLK | 0600, 0x702})));
    const auto made = host.files.node_at("/loop");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->device, 0x702U);
}

TEST_F(mknod_handlers, leave_to_the_kernel_what_gets_nothing_from_here)
{
    start();
    std::filesystem::create_directory(host.files.root() / "d");
    EXPECT_EQ(mknodat("/n", S_IFCHR, 0).verdict, DEPUTY_CONTINUE) << "a whiteout";
    EXPECT_EQ(mknodat("/n", character, 0x101).verdict, DEPUTY_CONTINUE) << "a device that is not listed";
    EXPECT_EQ(mknodat("/n", S_IFBLK | 0600, null_device).verdict, DEPUTY_CONTINUE) << "a block device";
    EXPECT_EQ(mknodat("/n/").verdict, DEPUTY_CONTINUE);
    EXPECT_EQ(mknodat("/d/.").verdict, DEPUTY_CONTINUE);
    EXPECT_EQ(mknodat("/").verdict, DEPUTY_CONTINUE);
    host.identity.capabilities &= ~(std::uint64_t{1} << CAP_MKNOD);
    EXPECT_EQ(mknodat("/n").verdict, DEPUTY_CONTINUE) << "a caller without CAP_MKNOD";
    host.identity.capabilities = ~std::uint64_t{0};
    host.identity.in_container_user_ns = 0;
    EXPECT_EQ(mknodat("/n").verdict, DEPUTY_CONTINUE) << "a caller in a deeper user namespace";
    EXPECT_FALSE(host.files.node_at("/n"));
}

TEST_F(mknod_handlers, leave_a_path_that_leads_nowhere_to_the_kernel)
{
    start();
    std::filesystem::create_symlink("loop", host.files.root() / "loop");
    std::ofstream(host.files.root() / "there") << "x";
    for (const char *path : {"", "/loop/n", "/none/n", "/there/n"}) {
        EXPECT_EQ(mknodat(path).verdict, DEPUTY_CONTINUE) << path;
    }
    EXPECT_EQ(mknodat("n", character, null_device, 77).verdict, DEPUTY_CONTINUE);
}

TEST_F(mknod_handlers, are_led_character_and_block_devices_alone_whatever_the_upper_bits_say)
{
    start();
    for (const std::uint64_t garbage : {0ULL, 0x10000ULL, 0xffff0000ULL, 0x100000000ULL, ~0xffffULL}) {
        EXPECT_TRUE(succeeded(mknodat("/n", garbage | character))) << garbage;
        EXPECT_EQ(std::filesystem::remove(host.files.root() / "n"), true);
        for (const std::uint64_t type : {S_IFIFO, S_IFSOCK, S_IFREG, S_IFDIR, S_IFLNK, S_IFMT, 0}) {
            EXPECT_THROW(mknodat("/n", garbage | type | 0666), std::out_of_range) << garbage << " " << type;
        }
    }
}

TEST_F(mknod_handlers, read_32_bits_of_the_device_and_the_descriptor)
{
    start();
    EXPECT_TRUE(succeeded(mknodat("/n", character, 0xffffffff00000103)));
    EXPECT_TRUE(succeeded(mknodat("m", character, null_device, 0x12300000000 | std::uint32_t(AT_FDCWD))));
    EXPECT_EQ(host.files.node_at("/n")->device, null_device);
}

TEST_F(mknod_handlers, fail_as_the_services_do)
{
    start();
    std::ofstream(host.files.root() / "there") << "x";
    EXPECT_EQ(mknodat("/there").error, EEXIST);
    EXPECT_EQ(mknodat(std::string(5000, 'a')).error, ENAMETOOLONG);
    host.fails.fail("act.mknod", -ENOSPC);
    EXPECT_EQ(mknodat("/n").error, ENOSPC);
    EXPECT_EQ(plugin.call("mknodat", {std::uint64_t(AT_FDCWD), 1, character, null_device}).error, EFAULT);
}

TEST_F(mknod_handlers, leave_a_directory_that_cannot_be_written_to_the_kernel)
{
    start();
    host.fails.fail("act.mknod", -EACCES);
    EXPECT_EQ(mknodat("/n").verdict, DEPUTY_CONTINUE) << "it says EEXIST first to who may search there";
}

TEST_F(mknod_handlers, undo_removes_the_node)
{
    start();
    auto got = mknodat("/n");
    ASSERT_TRUE(succeeded(got));
    plugin.lose(got);
    EXPECT_FALSE(std::filesystem::exists(host.files.root() / "n"));
}

TEST_F(mknod_handlers, undo_leaves_what_somebody_has_put_in_its_place)
{
    start();
    auto got = mknodat("/n");
    std::filesystem::remove(host.files.root() / "n");
    std::ofstream(host.files.root() / "n") << "somebody else's";
    plugin.lose(got);
    EXPECT_TRUE(std::filesystem::exists(host.files.root() / "n"));
}

TEST_F(mknod_handlers, undo_of_a_call_that_failed_leaves_what_was_there)
{
    start();
    std::ofstream(host.files.root() / "n") << "x";
    auto got = mknodat("/n");
    ASSERT_EQ(got.error, EEXIST);
    plugin.lose(got);
    EXPECT_TRUE(std::filesystem::exists(host.files.root() / "n"));
}

TEST_F(mknod_handlers, undo_after_a_restart_touches_nothing)
{
    start();
    auto got = mknodat("/n");
    plugin.lose_after_restart(got);
    EXPECT_TRUE(host.files.node_at("/n"));
}

TEST_F(mknod_handlers, a_call_that_comes_again_because_its_answer_was_lost_succeeds_once)
{
    start();
    ASSERT_TRUE(succeeded(mknodat("/n")));
    EXPECT_TRUE(succeeded(again()));
    EXPECT_EQ(again().error, EEXIST);
}

TEST_F(mknod_handlers, a_node_that_the_repeated_call_has_taken_over_is_not_undone_any_more)
{
    start();
    auto first = mknodat("/n");
    ASSERT_TRUE(succeeded(again())); // received by another thread before the first call's undo
    plugin.lose(first);
    EXPECT_TRUE(host.files.node_at("/n"));
}

TEST_F(mknod_handlers, where_no_answer_can_be_lost_a_second_call_is_a_second_call)
{
    host.wait_killable = true;
    start();
    ASSERT_TRUE(succeeded(mknodat("/n")));
    EXPECT_EQ(again().error, EEXIST);
}

TEST_F(mknod_handlers, another_call_is_no_repeat)
{
    start();
    ASSERT_TRUE(succeeded(mknodat("/n")));
    EXPECT_EQ(again(S_IFCHR | 0600).error, EEXIST);
    ASSERT_TRUE(succeeded(mknodat("/m")));
    host.identity.tid = 101;
    EXPECT_EQ(again().error, EEXIST) << "another thread";
}

TEST_F(mknod_handlers, a_repeat_that_finds_something_else_fails)
{
    start();
    ASSERT_TRUE(succeeded(mknodat("/n")));
    std::filesystem::remove(host.files.root() / "n");
    std::ofstream(host.files.root() / "n") << "x";
    EXPECT_EQ(again().error, EEXIST);
}

TEST_F(mknod_handlers, leave_no_node_when_the_caller_goes_or_the_watchdog_answers_at_any_step)
{
    start();
    for (const std::int32_t error : {-ESRCH, -ECANCELED}) {
        const auto steps = deputy::testing::for_each_step(
            host, plugin, error, [&] { return mknodat("/n"); },
            [&](const std::string &service, outcome &) {
                EXPECT_FALSE(std::filesystem::exists(host.files.root() / "n")) << service;
            });
        EXPECT_GE(steps, 4U);
    }
}

/// Records of a file that stands for a node, by calls of one thread that are the same.
class mknod_made_node : public testing::Test
{
protected:
    mknod_made_node()
    {
        std::ofstream(place_.path() / "n") << "x";
        by_.tid = 1;
    }
    [[nodiscard]] made_node record() const { return {by_, *identify(directory_.get(), ""), "n"}; }
    void make(made_node &r, bool taken_over) const
    {
        EXPECT_TRUE(r.make(directory_.get(), [=] { return taken_over; }));
    }
    bool adopt(made_node &r, std::uint64_t serial) const
    {
        return r.adopt(by_, serial, directory_.get(), "n");
    }
    void undo(made_node &r, int failure = 0) const
    {
        r.undo(directory_.get(), [&](const char *name) -> deputy::result<void> {
            if (failure != 0) {
                return deputy::error{failure};
            }
            EXPECT_EQ(::unlinkat(directory_.get(), name, 0), 0);
            return {};
        });
    }
    [[nodiscard]] bool is_there() const { return std::filesystem::exists(place_.path() / "n"); }

    deputyd::test::scratch_directory place_;
    deputy::unique_fd directory_{::open(place_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    deputy_syscall by_{};
};

TEST_F(mknod_made_node, stays_to_be_undone_if_its_call_has_been_answered_meanwhile)
{
    made_node first = record();
    make(first, false);
    undo(first, ECANCELED);
    EXPECT_TRUE(is_there());
    undo(first);
    EXPECT_FALSE(is_there());
}

TEST_F(mknod_made_node, is_given_to_one_call_alone_and_undone_no_more)
{
    made_node first = record();
    make(first, false);
    first.finish(2);
    EXPECT_TRUE(adopt(first, 2));
    EXPECT_FALSE(adopt(first, 3));
    undo(first);
    EXPECT_TRUE(is_there());
}

TEST_F(mknod_made_node, that_was_taken_over_is_given_on_only_to_a_call_that_came_meanwhile)
{
    made_node meanwhile = record(), later = record();
    make(meanwhile, true);
    EXPECT_TRUE(adopt(meanwhile, 3)); // it is not finished
    make(later, true);
    later.finish(4);
    EXPECT_FALSE(adopt(later, 4));
    EXPECT_TRUE(adopt(later, 3));
}

TEST_F(mknod_made_node, is_covered_by_the_call_alone_whose_it_is)
{
    made_node first = record();
    make(first, false);
    int covered = 0;
    const auto bind = [&](const file_identity &) -> deputy::result<void> {
        ++covered;
        return {};
    };
    EXPECT_TRUE(first.cover(directory_.get(), bind));
    EXPECT_TRUE(adopt(first, 2));
    EXPECT_EQ(first.cover(directory_.get(), bind).error_number(), ESRCH);
    EXPECT_EQ(covered, 1);
}

TEST_F(mknod_made_node, stands_for_what_covers_it)
{
    made_node first = record();
    make(first, false);
    EXPECT_TRUE(first.cover(directory_.get(), [&](const file_identity &) -> deputy::result<void> {
        std::ofstream(place_.path() / "other") << "y"; // before the first goes: it has another inode
        std::filesystem::rename(place_.path() / "other", place_.path() / "n");
        return {};
    }));
    undo(first);
    EXPECT_FALSE(is_there());
}

TEST_F(mknod_handlers, act_for_nobody_of_whom_they_were_not_told)
{
    EXPECT_EQ(mknodat("/n").verdict, DEPUTY_CONTINUE);
    start();
    plugin.remove_container(1);
    EXPECT_EQ(mknodat("/n").verdict, DEPUTY_CONTINUE);
}

std::string refusal(const std::string &rule)
{
    try {
        const device_list list({rule});
    } catch (const std::system_error &e) {
        return e.what();
    }
    return "accepted";
}

TEST(mknod_devices, are_decoded_as_the_kernel_decodes_them)
{
    EXPECT_EQ(decode(S_IFCHR, 0x103), (device{false, 1, 3}));
    EXPECT_EQ(decode(S_IFBLK, 0xabc007de), (device{true, 7, 0xabcde}));
    EXPECT_EQ(decode(S_IFCHR, 0xffffffff), (device{false, 4095, 1048575}));
    EXPECT_TRUE(decode(S_IFCHR | 0x10000, 0).is_whiteout());
    EXPECT_FALSE(decode(S_IFBLK, 0).is_whiteout());
    EXPECT_FALSE(decode(S_IFCHR, 0x100000).is_whiteout());
}

TEST(mknod_devices, match_by_type_major_and_range_of_minors)
{
    const device_list list({"c 1:3", "b 7:*", "c 10:200-210"});
    EXPECT_TRUE(list.contains({false, 1, 3}));
    EXPECT_FALSE(list.contains({true, 1, 3}));
    EXPECT_FALSE(list.contains({false, 1, 4}));
    EXPECT_TRUE(list.contains({true, 7, 1048575}));
    EXPECT_FALSE(list.contains({false, 7, 0}));
    EXPECT_TRUE(list.contains({false, 10, 200}));
    EXPECT_TRUE(list.contains({false, 10, 210}));
    EXPECT_FALSE(list.contains({false, 10, 199}));
    EXPECT_FALSE(list.contains({false, 10, 211}));
}

TEST(mknod_devices, that_are_none_are_refused_by_name)
{
    using testing::HasSubstr;
    EXPECT_THAT(refusal("a 1:3"), HasSubstr("\"a 1:3\": a device begins with"));
    EXPECT_THAT(refusal("c *:3"), HasSubstr("no major number"));
    EXPECT_THAT(refusal("c 4096:0"), HasSubstr("at most 4095"));
    EXPECT_THAT(refusal("c 99999999999:0"), HasSubstr("at most 4095"));
    EXPECT_THAT(refusal("c 1:1048576"), HasSubstr("at most 1048575"));
    EXPECT_THAT(refusal("c 1"), HasSubstr("colon"));
    EXPECT_THAT(refusal("c 1:"), HasSubstr("no minor number"));
    EXPECT_THAT(refusal("c 1:5-3"), HasSubstr("ends before it begins"));
    EXPECT_THAT(refusal("c 1:3 rwm"), HasSubstr("\" rwm\" is too much"));
    EXPECT_EQ(refusal("c 4095:0-1048575"), "accepted");
}

} // namespace
} // namespace mknod_plugin

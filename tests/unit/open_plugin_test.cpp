// SPDX-License-Identifier: Apache-2.0
// Which calls rules answer, and with what. The caller's tree is one directory, the host's another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deputy/testing/kit.hpp>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "open/src/plugin.hpp"
#include "support/background.hpp"

namespace
{

using namespace deputy::testing;
using deputyd::test::scratch_directory;
using deputyd::test::text_of;
using deputyd::test::write_text;
namespace fs = std::filesystem;

/// Rules for /data/ and for /dev/thing, both rw.
class open_plugin_test : public testing::Test
{
protected:
    open_plugin_test() : plugin_(host_, table_of<open_plugin::plugin>())
    {
        for (const char *name : {"data", "data/sub", "dev", "etc"}) {
            fs::create_directory(host_.files.root() / name);
        }
        fs::create_directory(there() / "data");
        fs::create_directory(there() / "data/sub");
        write_text(there() / "data/file", "granted");
        write_text(there() / "data/sub/deep", "granted");
        write_text(there() / "thing", "granted");
        write_text(host_.files.root() / "etc/file", "own");
        write_text(host_.files.root() / "data/file", "covered");
        add_container(1, both("rw"));
    }

    [[nodiscard]] fs::path there() const { return scratch_.path(); }
    using rule = std::map<std::string, std::string>;
    void add_container(std::uint64_t id, const std::vector<rule> &rules)
    {
        host_.settings.set_count(id, "/rules", static_cast<std::uint32_t>(rules.size()));
        for (std::size_t i = 0; i < rules.size(); ++i) {
            for (const auto &[key, value] : rules[i]) {
                host_.settings.set(id, "/rules/" + std::to_string(i) + "/" + key, value);
            }
        }
        plugin_.add_container(id);
    }
    [[nodiscard]] std::vector<rule> both(const std::string &access) const
    {
        return {{{"path", "/data/"}, {"to", there() / "data"}, {"access", access}},
                {{"path", "/dev/thing"}, {"to", there() / "thing"}, {"access", access}}};
    }
    outcome openat(std::int32_t dirfd, const std::string &path, std::uint64_t flags, std::uint64_t mode = 0,
                   std::uint64_t container = 1)
    {
        const auto address = host_.map_string(path);
        return plugin_.call("openat", {static_cast<std::uint32_t>(dirfd), address, flags, mode}, container);
    }
    outcome open(const std::string &path, std::uint64_t flags = O_RDONLY, std::uint64_t mode = 0)
    {
        return openat(AT_FDCWD, path, flags, mode);
    }
    outcome openat2(const std::string &path, const open_how &how)
    {
        return plugin_.call("openat2", {static_cast<std::uint32_t>(AT_FDCWD), host_.map_string(path),
                                        host_.map_object(how), sizeof how});
    }
    static std::string read(const outcome &o)
    {
        char text[16] = "";
        return ::pread(o.fd.get(), text, sizeof text - 1, 0) < 0 ? "unreadable" : text;
    }
    static bool proceeds(const outcome &o) { return o.verdict == DEPUTY_CONTINUE; }
    static bool granted(const outcome &o) { return o.verdict == DEPUTY_REPLY_FD && read(o) == "granted"; }

    scratch_directory scratch_;
    fake_host host_;
    fake_plugin plugin_;
};

TEST_F(open_plugin_test, answers_what_rules_name)
{
    EXPECT_TRUE(granted(open("/data/file")));
    EXPECT_TRUE(granted(open("/data/sub/deep")));
    EXPECT_TRUE(granted(open("/dev/thing", O_RDWR)));
    EXPECT_TRUE(granted(open("//data/./sub/../file")));
}

TEST_F(open_plugin_test, continues_all_else)
{
    EXPECT_TRUE(proceeds(open("/etc/file")));
    EXPECT_TRUE(proceeds(open("/etc/thing")));
    EXPECT_TRUE(proceeds(open("/etc/data")));
    EXPECT_TRUE(proceeds(open("/dev/thing2")));
    EXPECT_TRUE(proceeds(open("/dev/thing/x")));
    EXPECT_TRUE(proceeds(open("/none/thing")));
    EXPECT_TRUE(proceeds(open("")));
    EXPECT_TRUE(proceeds(open("/")));
    EXPECT_TRUE(proceeds(open(std::string(5000, 'a'))));
    EXPECT_TRUE(proceeds(plugin_.call("openat", {0, 16, O_RDONLY}))); // no memory there
}

TEST_F(open_plugin_test, follows_links_before_the_rules_name_but_not_as_it)
{
    fs::create_symlink("dev", host_.files.root() / "devices");
    fs::create_symlink("/dev/thing", host_.files.root() / "etc/other");
    EXPECT_TRUE(granted(open("/devices/thing")));
    EXPECT_TRUE(proceeds(open("/etc/other")));
}

TEST_F(open_plugin_test, resolves_relative_paths_where_they_start)
{
    const auto directory = [&](const char *name) {
        return host_.open(
            deputy::unique_fd{::open((host_.files.root() / name).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)});
    };
    EXPECT_TRUE(granted(open("data/file")));
    EXPECT_TRUE(granted(openat(directory("dev"), "thing", O_RDONLY)));
    EXPECT_TRUE(granted(openat(directory("dev"), "../data/file", O_RDONLY)));
    EXPECT_TRUE(granted(openat(directory("data"), "file", O_RDONLY)));
    EXPECT_TRUE(granted(openat(directory("data/sub"), "deep", O_RDONLY)));
    EXPECT_TRUE(proceeds(openat(directory("etc"), "file", O_RDONLY)));
    EXPECT_TRUE(proceeds(openat(777, "data/file", O_RDONLY)));
}

TEST_F(open_plugin_test, continues_what_leads_out_of_the_rule)
{
    fs::create_symlink("/etc/passwd", there() / "data/absolute");
    fs::create_symlink("../thing", there() / "data/relative");
    fs::create_symlink("sub/deep", there() / "data/inside");
    EXPECT_TRUE(proceeds(open("/data/../etc/file")));
    EXPECT_TRUE(proceeds(open("/data/absolute")));
    EXPECT_TRUE(proceeds(open("/data/relative")));
    EXPECT_TRUE(granted(open("/data/inside")));
}

TEST_F(open_plugin_test, does_not_follow_what_a_single_file_has_become)
{
    fs::remove(there() / "thing");
    fs::create_symlink("/etc/passwd", there() / "thing");
    EXPECT_EQ(open("/dev/thing").error, ELOOP);
}

TEST_F(open_plugin_test, takes_the_first_rule_that_fits)
{
    write_text(there() / "data/sub/first", "first");
    add_container(2, {{{"path", "/data/file"}, {"to", there() / "data/sub/first"}, {"access", "rw"}},
                      {{"path", "/data/"}, {"to", there() / "data"}, {"access", "rw"}}});
    EXPECT_EQ(read(openat(AT_FDCWD, "/data/file", O_RDONLY, 0, 2)), "first");
    EXPECT_EQ(read(openat(AT_FDCWD, "/data/sub/deep", O_RDONLY, 0, 2)), "granted");
}

TEST_F(open_plugin_test, gives_the_close_on_exec_flag_that_was_asked_for)
{
    EXPECT_EQ(open("/data/file").fd_flags, 0U);
    EXPECT_EQ(open("/data/file", O_CLOEXEC).fd_flags, static_cast<std::uint32_t>(O_CLOEXEC));
}

TEST_F(open_plugin_test, limits_access_where_the_kernel_would)
{
    add_container(2, both("ro"));
    const auto ro = [&](const char *path, std::uint64_t flags) {
        return openat(AT_FDCWD, path, flags, 0600, 2).error;
    };
    EXPECT_EQ(ro("/data/file", O_WRONLY), EACCES);
    EXPECT_EQ(ro("/data/file", O_RDWR), EACCES);
    EXPECT_EQ(ro("/data/file", O_RDONLY | O_TRUNC), EACCES);
    EXPECT_EQ(ro("/data/new", O_RDONLY | O_CREAT), EACCES);
    EXPECT_EQ(ro("/data/file", O_RDWR | O_CREAT | O_EXCL), EEXIST);
    EXPECT_EQ(ro("/data/sub", O_RDWR), EISDIR);
    EXPECT_EQ(ro("/data/sub", O_RDWR | O_TMPFILE), EACCES);
    EXPECT_EQ(ro("/data/none", O_WRONLY), ENOENT);
    EXPECT_EQ(ro("/data/file/x", O_WRONLY), ENOTDIR);
    EXPECT_FALSE(fs::exists(there() / "data/new"));
    EXPECT_EQ(text_of(there() / "data/file"), "granted");
}

TEST_F(open_plugin_test, leaves_a_deeper_user_namespace_to_the_kernel)
{
    host_.identity.in_container_user_ns = 0;
    EXPECT_TRUE(proceeds(open("/data/file")));
}

TEST_F(open_plugin_test, leaves_flags_that_the_kernel_refuses_to_the_kernel)
{
    EXPECT_TRUE(proceeds(openat2("/data/file", {1U << 30, 0, 0})));
    EXPECT_TRUE(proceeds(openat2("/data/file", {O_RDONLY, 0600, 0})));
    const auto short_how =
        plugin_.call("openat2", {static_cast<std::uint32_t>(AT_FDCWD), host_.map_string("/data/file"),
                                 host_.map_zeroes(24), 23});
    EXPECT_TRUE(proceeds(short_how));
}

TEST_F(open_plugin_test, honours_what_openat2_demands_or_leaves_it_to_the_kernel)
{
    fs::create_symlink("/data", host_.files.root() / "etc/data");
    EXPECT_TRUE(granted(openat2("/data/file", {O_RDONLY, 0, RESOLVE_NO_SYMLINKS})));
    EXPECT_TRUE(granted(openat2("data/file", {O_RDONLY, 0, RESOLVE_BENEATH})));
    EXPECT_TRUE(granted(openat2("/data/file", {O_RDONLY, 0, RESOLVE_IN_ROOT})));
    EXPECT_TRUE(proceeds(openat2("/data/file", {O_RDONLY, 0, RESOLVE_BENEATH})));
    EXPECT_TRUE(proceeds(openat2("/etc/../data/file", {O_RDONLY, 0, RESOLVE_NO_SYMLINKS})));
    EXPECT_EQ(openat2("/data/file", {O_RDONLY, 0, RESOLVE_CACHED}).error, EAGAIN);
    EXPECT_EQ(openat2("/data/file", {O_RDONLY, 0, RESOLVE_NO_XDEV}).error, EXDEV);
}

TEST_F(open_plugin_test, continues_or_refuses_o_path_as_the_rule_says)
{
    EXPECT_TRUE(proceeds(open("/data/file", O_PATH)));
    add_container(
        2, {{{"path", "/data/file"}, {"to", there() / "thing"}, {"access", "rw"}, {"o_path", "refuse"}}});
    EXPECT_EQ(openat(AT_FDCWD, "/data/file", O_PATH, 0, 2).error, EACCES);
    EXPECT_TRUE(granted(openat(AT_FDCWD, "/data/file", O_RDONLY, 0, 2)));
}

TEST_F(open_plugin_test, takes_back_a_file_that_was_made_for_a_lost_answer)
{
    outcome made = open("/data/sub/new", O_RDWR | O_CREAT, 0600);
    EXPECT_EQ(made.verdict, DEPUTY_REPLY_FD);
    EXPECT_TRUE(fs::exists(there() / "data/sub/new"));
    plugin_.lose(made);
    EXPECT_FALSE(fs::exists(there() / "data/sub/new"));
}

TEST_F(open_plugin_test, takes_back_nothing_else)
{
    outcome found = open("/data/file", O_RDWR | O_CREAT, 0600);
    plugin_.lose(found);
    EXPECT_TRUE(fs::exists(there() / "data/file"));

    outcome written = open("/data/written", O_RDWR | O_CREAT, 0600);
    write_text(there() / "data/written", "text");
    plugin_.lose(written);
    EXPECT_TRUE(fs::exists(there() / "data/written"));

    outcome replaced = open("/data/replaced", O_RDWR | O_CREAT, 0600);
    fs::rename(there() / "data/replaced", there() / "data/moved");
    write_text(there() / "data/replaced", "");
    plugin_.lose(replaced);
    EXPECT_TRUE(fs::exists(there() / "data/replaced"));

    outcome after_restart = open("/data/stays", O_RDWR | O_CREAT, 0600);
    plugin_.lose_after_restart(after_restart);
    EXPECT_TRUE(fs::exists(there() / "data/stays"));
}

TEST_F(open_plugin_test, leaves_no_file_and_no_descriptor_where_the_caller_goes_at_any_step)
{
    const auto file = there() / "data/new";
    for (const int error : {-ESRCH, -ECANCELED}) {
        const unsigned steps = for_each_step(
            host_, plugin_, error, [&] { return open("/data/new", O_RDWR | O_CREAT, 0600); },
            [&](const std::string &service, outcome &) {
                // Between making the file and saying so nobody can tell whose it is: it is empty and stays.
                const bool second_commit = service == "effect.commit" && fs::exists(file);
                EXPECT_TRUE(!fs::exists(file) || second_commit) << service;
                fs::remove(file);
            });
        EXPECT_GT(steps, 8U);
    }
}

TEST_F(open_plugin_test, waits_for_the_other_side_of_a_fifo_outside_the_deadline)
{
    ASSERT_EQ(::mkfifo((there() / "data/fifo").c_str(), 0600), 0);
    const deputy::unique_fd reader{
        ::open((there() / "data/fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    std::vector<std::string> services;
    host_.on_step = [&](std::string_view service) { services.emplace_back(service); };
    EXPECT_EQ(open("/data/fifo", O_WRONLY).verdict, DEPUTY_REPLY_FD);
    EXPECT_THAT(services, testing::Contains("defer.block"));
    host_.fails.fail("defer.block", -EAGAIN);
    EXPECT_EQ(open("/data/fifo", O_WRONLY).error, EAGAIN);
}

TEST_F(open_plugin_test, knows_a_large_file_from_a_32_bit_program)
{
    fs::resize_file(there() / "data/file", 1ULL << 31);
    request what{"openat", {static_cast<std::uint32_t>(AT_FDCWD), host_.map_string("/data/file"), O_RDONLY}};
    what.arch = AUDIT_ARCH_I386;
    EXPECT_EQ(plugin_.call(what).error, EOVERFLOW);
    EXPECT_EQ(open("/data/file").verdict, DEPUTY_REPLY_FD);
}

TEST_F(open_plugin_test, refuses_a_container_whose_rule_leads_nowhere)
{
    EXPECT_THROW(add_container(2, {{{"path", "/a/"}, {"to", "/none/a"}, {"access", "ro"}}}),
                 std::system_error);
    EXPECT_TRUE(host_.logged("/none/a"));
    EXPECT_TRUE(host_.logged("the rule for /a"));
}

} // namespace

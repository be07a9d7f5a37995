// SPDX-License-Identifier: Apache-2.0
// Who called, and with which descriptors.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>

#include "caller/caller_table.hpp"
#include "caller/proc_status.hpp"
#include "notify/host.hpp"
#include "support/supervised.hpp"

namespace
{

using namespace deputy_test;
using deputyd::caller_table;
using deputyd::descriptor_table;

/// Runs check in a handler for a call by body.
int in_handler(const std::function<void(deputy_call *, const deputy_syscall &)> &check,
               const std::function<int()> &body, std::uint64_t user_ns = 0)
{
    functional_plugin plugin;
    plugin.on(1, [&](auto *c, const auto &s, auto &a) {
        check(c, s);
        return reply(a, 0);
    });
    supervised child(body);
    auto of = *container(1);
    if (user_ns != 0) {
        of.user_ns = user_ns;
    }
    deputyd::host h({});
    h.serve(std::make_shared<deputyd::container>(of), plugin.table(), child.take_listener());
    return child.run();
}

int plain_call()
{
    return static_cast<int>(call(1));
}

std::uint64_t own_capabilities()
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    ::syscall(SYS_capget, &header, data);
    return data[0].effective | static_cast<std::uint64_t>(data[1].effective) << 32;
}

TEST(caller_identity, is_the_callers)
{
    const auto check = [](deputy_call *c, const deputy_syscall &s) {
        deputy_identity id{};
        id.struct_size = sizeof id;
        ASSERT_EQ(caller_table.identity(c, &id), 0);
        EXPECT_EQ(id.struct_size, sizeof id);
        EXPECT_EQ(id.tid, s.tid);
        EXPECT_EQ(id.tgid, s.tid);
        EXPECT_EQ(id.umask, 0123U);
        for (const auto uid : {id.uid, id.euid, id.suid, id.fsuid}) {
            EXPECT_EQ(uid, ::getuid());
        }
        for (const auto gid : {id.gid, id.egid, id.sgid, id.fsgid}) {
            EXPECT_EQ(gid, ::getgid());
        }
        EXPECT_EQ(id.capabilities, own_capabilities());
        EXPECT_EQ(id.user_ns, container(1)->user_ns);
        EXPECT_EQ(id.in_container_user_ns, 1);

        std::vector<gid_t> own(65536);
        own.resize(static_cast<std::size_t>(::getgroups(65536, own.data())));
        std::vector<std::uint32_t> groups(own.size() + 1);
        EXPECT_EQ(id.group_count, own.size());
        EXPECT_EQ(caller_table.groups(c, groups.data(), id.group_count + 1), static_cast<int>(own.size()));
        groups.pop_back();
        EXPECT_THAT(groups, testing::UnorderedElementsAreArray(own));
        EXPECT_EQ(caller_table.groups(c, nullptr, 0), static_cast<int>(own.size()));
    };
    EXPECT_EQ(in_handler(check,
                         [] {
                             ::umask(0123);
                             return plain_call();
                         }),
              0);
}

TEST(caller_identity, another_user_namespace_is_told)
{
    EXPECT_EQ(in_handler(
                  [](auto *c, const auto &) {
                      deputy_identity id{};
                      id.struct_size = sizeof id;
                      ASSERT_EQ(caller_table.identity(c, &id), 0);
                      EXPECT_EQ(id.in_container_user_ns, 0);
                  },
                  plain_call, 12345),
              0);
}

TEST(caller_identity, of_an_older_plugins_struct_only_its_size_is_written)
{
    EXPECT_EQ(in_handler(
                  [](auto *c, const auto &s) {
                      deputy_identity id{};
                      id.struct_size = offsetof(deputy_identity, tgid);
                      id.tgid = 77;
                      ASSERT_EQ(caller_table.identity(c, &id), 0);
                      EXPECT_EQ(id.tid, s.tid);
                      EXPECT_EQ(id.tgid, 77U);
                  },
                  plain_call),
              0);
}

TEST(caller_identity, a_thread_that_is_not_the_leader_is_itself)
{
    EXPECT_EQ(in_handler(
                  [](auto *c, const auto &s) {
                      deputy_identity id{};
                      id.struct_size = sizeof id;
                      ASSERT_EQ(caller_table.identity(c, &id), 0);
                      EXPECT_EQ(id.tid, s.tid);
                      EXPECT_NE(id.tgid, s.tid);
                      EXPECT_EQ(id.tgid, s.args[1]);
                  },
                  [] {
                      int r = 1;
                      std::thread([&] { r = static_cast<int>(call(1, ::getpid())); }).join();
                      return r;
                  }),
              0);
}

/// Checks that descriptor number args[1] of the caller is the file with inode args[2].
void check_descriptor(deputy_call *c, const deputy_syscall &s)
{
    std::int32_t fd = -1;
    ASSERT_EQ(descriptor_table.get(c, static_cast<std::int32_t>(s.args[1]), &fd), 0);
    const deputy::unique_fd owned{fd};
    struct stat st {
    };
    ASSERT_EQ(::fstat(fd, &st), 0);
    EXPECT_EQ(st.st_ino, s.args[2]);
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
}

int call_with_pipe()
{
    int ends[2];
    struct stat st {
    };
    if (::pipe(ends) != 0 || ::fstat(ends[0], &st) != 0) {
        return 1;
    }
    return static_cast<int>(call(1, static_cast<std::uint64_t>(ends[0]), st.st_ino));
}

TEST(caller_descriptors, one_of_the_caller_is_duplicated)
{
    EXPECT_EQ(in_handler(check_descriptor, call_with_pipe), 0);
}

TEST(caller_descriptors, one_of_a_thread_that_is_not_the_leader_is_duplicated)
{
    EXPECT_EQ(in_handler(check_descriptor,
                         [] {
                             int r = 1;
                             std::thread([&] { r = call_with_pipe(); }).join();
                             return r;
                         }),
              0);
}

TEST(caller_descriptors, an_o_path_descriptor_is_duplicated)
{
    EXPECT_EQ(in_handler(check_descriptor,
                         [] {
                             const int fd = ::open("/proc", O_PATH | O_CLOEXEC);
                             struct stat st {
                             };
                             ::fstat(fd, &st);
                             return static_cast<int>(call(1, static_cast<std::uint64_t>(fd), st.st_ino));
                         }),
              0);
}

TEST(caller_descriptors, one_that_is_not_open_is_ebadf_and_nothing_leaks)
{
    const auto before = open_descriptors();
    EXPECT_EQ(in_handler(
                  [](auto *c, const auto &) {
                      std::int32_t fd = -7;
                      for (const int number : {-1, -100, 9999, INT32_MAX, INT32_MIN}) {
                          EXPECT_EQ(descriptor_table.get(c, number, &fd), -EBADF);
                      }
                      EXPECT_EQ(fd, -7);
                  },
                  plain_call),
              0);
    EXPECT_EQ(open_descriptors(), before);
}

constexpr const char *status_text =
    "Name:\tx\\nUid:\t9\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t12\nPid:\t13\n"
    "Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nFDSize:\t64\nGroups:\t10 20 30 \n"
    "CapEff:\t000001ffffffffff\n";

TEST(caller_proc_status, is_parsed)
{
    const auto s = deputyd::parse_status(status_text);
    ASSERT_TRUE(s);
    EXPECT_EQ(s->umask, 022U);
    EXPECT_EQ(s->tgid, 12U);
    EXPECT_THAT(s->uid, testing::ElementsAre(1, 2, 3, 4));
    EXPECT_THAT(s->gid, testing::ElementsAre(5, 6, 7, 8));
    EXPECT_THAT(s->groups, testing::ElementsAre(10, 20, 30));
    EXPECT_EQ(s->effective_capabilities, 0x1ffffffffffU);
}

TEST(caller_proc_status, without_one_of_its_lines_is_refused)
{
    for (const char *key : {"Umask:", "Tgid:", "\nUid:", "Gid:", "Groups:", "CapEff:"}) {
        std::string text = status_text;
        text.replace(text.find(key), std::strlen(key), "\nXxx:");
        EXPECT_EQ(deputyd::parse_status(text).error_number(), EPROTO) << key;
    }
    EXPECT_EQ(deputyd::parse_status("").error_number(), EPROTO);
}

} // namespace

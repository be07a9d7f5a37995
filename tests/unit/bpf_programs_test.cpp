// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include <bpf_cgroup_device/src/programs.hpp>
#include <sys/stat.h>

namespace bpf_cgroup_device
{
namespace
{

program_ptr make_program(program_table &table, std::uint64_t container, std::uint32_t id)
{
    auto p = std::make_shared<program>();
    p->serial = table.next_serial();
    p->container = container;
    p->id = id;
    p->fd.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return p;
}

TEST(bpf_programs, a_stand_in_is_known_by_its_inode_however_it_is_passed_on)
{
    program_table table;
    table.add_container(1, 4);
    const auto p = make_program(table, 1, 10);
    const auto fd = *table.add(p);
    const deputy::unique_fd copy(::dup(fd.get()));
    EXPECT_EQ(table.by_descriptor(copy.get()), p);
    std::array<int, 2> other{};
    ASSERT_EQ(::pipe2(other.data(), O_CLOEXEC), 0);
    EXPECT_EQ(table.by_descriptor(other[0]), nullptr);
    EXPECT_EQ(table.by_descriptor(p->fd.get()), nullptr);
    EXPECT_EQ(table.by_descriptor(-1), nullptr);
    ::close(other[0]);
    ::close(other[1]);
}

TEST(bpf_programs, a_stand_in_belongs_to_the_host_alone)
{
    program_table table;
    table.add_container(1, 4);
    const auto fd = *table.add(make_program(table, 1, 10));
    struct stat st {
    };
    ASSERT_EQ(::fstat(fd.get(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0600u);
    EXPECT_EQ(st.st_uid, ::geteuid());
    EXPECT_EQ(::fcntl(fd.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
    EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
}

TEST(bpf_programs, unknown_containers_have_none)
{
    program_table table;
    EXPECT_FALSE(table.has_room(1));
    EXPECT_EQ(table.add(make_program(table, 1, 10)).error_number(), ENOMEM);
    table.remove_container(1);
}

TEST(bpf_programs, a_stand_in_outlives_its_container_without_meaning)
{
    program_table table;
    table.add_container(1, 4);
    const auto fd = *table.add(make_program(table, 1, 10));
    table.remove_container(1);
    EXPECT_EQ(table.by_descriptor(fd.get()), nullptr);
    table.collect(0);
}

TEST(bpf_programs, one_whose_caller_was_killed_while_it_was_attached_can_be_detached)
{
    program_table table;
    table.add_container(1, 4);
    const auto p = make_program(table, 1, 10);
    auto fd = *table.add(p);
    fd.reset(); // with the caller
    table.collect(0);
    ASSERT_EQ(table.by_serial(p->serial), nullptr);
    table.attached(p, 5, p->fd.get());
    EXPECT_EQ(table.by_serial(p->serial), p);
    EXPECT_TRUE(table.where_attached(p, 5));
    EXPECT_EQ(table.count().first, 1U);
    table.detached(p, 5);
    EXPECT_EQ(table.by_serial(p->serial), nullptr);
    EXPECT_EQ(table.count().first, 0U);
}

TEST(bpf_programs, many_threads_make_and_drop_programs)
{
    program_table table;
    std::atomic<bool> ending = false;
    std::thread collector([&] {
        while (!ending) {
            table.collect(-1);
        }
    });
    std::vector<std::thread> users;
    for (std::uint64_t container = 1; container <= 4; ++container) {
        table.add_container(container, 64);
        users.emplace_back([&table, container] {
            for (std::uint32_t i = 0; i < 50; ++i) {
                const auto p = make_program(table, container, i);
                auto fd = table.add(p);
                if (!fd) {
                    continue; // those dropped have not been collected yet
                }
                EXPECT_EQ(table.by_descriptor(fd->get()), p);
                table.attached(p, 5, p->fd.get());
                EXPECT_TRUE(table.where_attached(p, 5));
                const auto second = table.stand_in(p);
                table.detached(p, 5);
                EXPECT_EQ(table.by_id(container, i), p);
            }
        });
    }
    for (auto &u : users) {
        u.join();
    }
    while (table.count().first != 0) {
        std::this_thread::yield();
    }
    ending = true;
    table.interrupt();
    collector.join();
    EXPECT_EQ(table.count().second, 0u);
}

} // namespace
} // namespace bpf_cgroup_device

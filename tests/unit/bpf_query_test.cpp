// SPDX-License-Identifier: Apache-2.0
#include "unit/bpf_plugin_fixture.hpp"

namespace bpf_cgroup_device
{
namespace
{

class bpf_query : public bpf_plugin
{
protected:
    bpf_query() { start(); }
    attr_builder query_attr(std::size_t size, const char *path = "above/own/a",
                            std::uint32_t type = BPF_CGROUP_DEVICE)
    {
        return attr_builder(size).set(offset::query_target_fd, at[path]).set(offset::query_attach_type, type);
    }
    int info_error(int fd, std::uint64_t address, std::uint32_t size)
    {
        return bpf(BPF_OBJ_GET_INFO_BY_FD, attr_builder(16)
                                               .set(offset::info_bpf_fd, fd)
                                               .set(offset::info_len, size)
                                               .set(offset::info_pointer, address))
            .error;
    }
    int by_id(std::uint32_t id)
    {
        auto got = bpf(BPF_PROG_GET_FD_BY_ID, attr_builder(4).set(0, id));
        return got.verdict == DEPUTY_REPLY_FD ? host.open(std::move(got.fd)) : -got.error;
    }
};

TEST_F(bpf_query, lists_the_containers_own_programs_only)
{
    kernel.host_attaches("above/own/a", multi);
    EXPECT_EQ(attach("above/own/a", load(), multi), 0);
    kernel.host_attaches("above/own/a", multi);
    const auto all = kernel.attached_at("above/own/a");
    EXPECT_EQ(listed("above/own/a"), std::vector<std::uint32_t>{all.at(1)});
    EXPECT_TRUE(listed("above/own").empty());
}

TEST_F(bpf_query, effective_programs_are_filtered_too)
{
    kernel.host_attaches("above", multi);
    EXPECT_EQ(attach("above/own/a", load(), multi), 0);
    EXPECT_EQ(bpf(BPF_PROG_QUERY, query_attr(32, "above/own/a/deep").set(offset::query_flags, 1)).error, 0);
    EXPECT_EQ(host.object<std::uint32_t>(attr_address, offset::query_prog_cnt), 1u);
    EXPECT_EQ(host.object<std::uint32_t>(attr_address, offset::query_attach_flags), 0u);
}

TEST_F(bpf_query, writes_back_what_the_callers_size_holds)
{
    EXPECT_EQ(attach("above/own/a", load(), multi), 0);
    for (const std::size_t size : {8, 12, 15, 16, 24, 27, 28, 32, 64, 144}) {
        ASSERT_EQ(bpf(BPF_PROG_QUERY, query_attr(size)).error, 0) << size;
        EXPECT_EQ(host.memory(attr_address).size(), size);
        if (size >= 16) {
            EXPECT_EQ(host.object<std::uint32_t>(attr_address, offset::query_attach_flags), multi) << size;
        }
        if (size >= 64) {
            EXPECT_EQ(host.object<std::uint64_t>(attr_address, offset::query_revision), 7u) << size;
        }
        if (size >= 28) {
            EXPECT_EQ(host.object<std::uint32_t>(attr_address, offset::query_prog_cnt), 1u) << size;
        }
    }
}

TEST_F(bpf_query, too_little_room_is_said_with_the_count)
{
    EXPECT_EQ(attach("above/own/a", load(), multi), 0);
    EXPECT_EQ(attach("above/own/a", load(), multi), 0);
    const auto ids = host.map_zeroes(4);
    auto a = query_attr(32).set(offset::query_prog_ids, ids).set(offset::query_prog_cnt, 1);
    EXPECT_EQ(bpf(BPF_PROG_QUERY, a).error, ENOSPC);
    EXPECT_EQ(host.object<std::uint32_t>(attr_address, offset::query_prog_cnt), 2u);
    EXPECT_EQ(host.object<std::uint32_t>(ids), kernel.attached_at("above/own/a").at(0));
    EXPECT_EQ(bpf(BPF_PROG_QUERY, query_attr(32).set(offset::query_prog_ids, ids)).error, 0) << "count only";
    a.set(offset::query_prog_cnt, 2);
    EXPECT_EQ(bpf(BPF_PROG_QUERY, a).error, EFAULT);
}

TEST_F(bpf_query, flags_of_each_program_are_told)
{
    EXPECT_EQ(attach("above/own/a", load(), multi), 0);
    const auto ids = host.map_zeroes(4);
    const auto flags = host.map_zeroes(4);
    auto a = query_attr(64)
                 .set(offset::query_prog_ids, ids)
                 .set(offset::query_prog_cnt, 1)
                 .set(offset::query_prog_attach_flags, flags);
    EXPECT_EQ(bpf(BPF_PROG_QUERY, a).error, 0);
    EXPECT_EQ(host.object<std::uint32_t>(flags), multi);
    EXPECT_EQ(bpf(BPF_PROG_QUERY, a.set(offset::query_flags, 1)).error, EINVAL);
}

TEST_F(bpf_query, errors_are_the_kernels)
{
    EXPECT_EQ(bpf(BPF_PROG_QUERY, query_attr(32).set(0, 999)).error, EBADF);
    EXPECT_EQ(bpf(BPF_PROG_QUERY, query_attr(32).set(offset::query_flags, 2)).error, EINVAL);
    EXPECT_EQ(bpf(BPF_PROG_QUERY, query_attr(32, "above/own/a", 200)).error, EINVAL);
    EXPECT_EQ(bpf(BPF_PROG_QUERY, query_attr(72).set(64, 1)).error, EINVAL);
    EXPECT_EQ(bpf(BPF_PROG_QUERY, query_attr(32, "above/other/a")).error, EPERM);
    EXPECT_EQ(bpf(BPF_PROG_QUERY, query_attr(32, "above")).error, EPERM);
    host.identity.capabilities = 0;
    EXPECT_EQ(bpf(BPF_PROG_QUERY, query_attr(32).set(0, 999)).error, EPERM) << "before the descriptor";
}

TEST_F(bpf_query, other_attach_types_have_no_programs)
{
    for (const std::uint32_t type : {0, 1, 2, 3, 18, 34, 43}) { // as bpftool asks
        EXPECT_EQ(bpf(BPF_PROG_QUERY, query_attr(32, "above/own", type)).error, 0) << type;
        EXPECT_EQ(host.object<std::uint32_t>(attr_address, offset::query_prog_cnt), 0u) << type;
    }
    EXPECT_EQ(bpf(BPF_PROG_QUERY, query_attr(32, "above/own", BPF_LIRC_MODE2)).error, EINVAL);
}

TEST_F(bpf_query, an_own_program_is_fetched_by_id_and_no_other)
{
    EXPECT_EQ(attach("above/own/a", load(), multi), 0);
    const auto own = kernel.attached_at("above/own/a").at(0);
    const auto foreign = kernel.host_attaches("above", multi);
    const int fd = by_id(own);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(detach("above/own/a", fd), 0);
    EXPECT_EQ(by_id(foreign), -EPERM);
    EXPECT_EQ(by_id(123456), -EPERM);
    EXPECT_EQ(by_id(0), -EPERM);
    EXPECT_EQ(bpf(BPF_PROG_GET_FD_BY_ID, attr_builder(4).set(0, own), 2).error, EPERM);
    EXPECT_EQ(bpf(BPF_PROG_GET_FD_BY_ID, attr_builder(8).set(0, own).set(4, 1)).error, EINVAL);
    without_capability(CAP_SYS_ADMIN);
    EXPECT_EQ(by_id(own), -EPERM);
}

TEST_F(bpf_query, the_next_id_is_refused)
{
    EXPECT_EQ(bpf(BPF_PROG_GET_NEXT_ID, attr_builder(12)).error, EPERM);
    EXPECT_EQ(bpf(BPF_PROG_GET_NEXT_ID, attr_builder(12).set(0, INT32_MAX)).error, EINVAL);
    EXPECT_EQ(bpf(BPF_PROG_GET_NEXT_ID, attr_builder(12).set(8, 1)).error, EINVAL);
}

TEST_F(bpf_query, info_comes_with_the_instructions)
{
    const int fd = load();
    bpf_prog_info wanted{};
    wanted.xlated_prog_len = 800;
    wanted.xlated_prog_insns = host.map_zeroes(16);
    wanted.jited_prog_len = 800;
    wanted.jited_prog_insns = 0x1000;
    wanted.nr_prog_tags = 1;
    wanted.prog_tags = host.map_zeroes(8);
    const auto address = host.map_object(wanted);
    EXPECT_EQ(info_error(fd, address, sizeof wanted), 0);
    const auto got = host.object<bpf_prog_info>(address);
    EXPECT_EQ(got.xlated_prog_len, 16u);
    EXPECT_EQ(got.xlated_prog_insns, wanted.xlated_prog_insns);
    EXPECT_EQ(host.object<bpf_insn>(wanted.xlated_prog_insns).code, BPF_ALU64 | BPF_MOV | BPF_K);
    EXPECT_EQ(got.jited_prog_insns, 0u) << "machine code is withheld";
    EXPECT_EQ(host.object<std::uint8_t>(wanted.prog_tags), 7);
}

TEST_F(bpf_query, info_has_the_kernels_size_rules)
{
    const int fd = load();
    const auto small = host.map_zeroes(8);
    EXPECT_EQ(info_error(fd, small, 8), 0);
    EXPECT_EQ(host.object<std::uint32_t>(small), static_cast<std::uint32_t>(BPF_PROG_TYPE_CGROUP_DEVICE));
    EXPECT_EQ(info_error(fd, 0, 0), 0);
    EXPECT_EQ(info_error(fd, 0, 8), EFAULT);
    EXPECT_EQ(info_error(fd, small, 5000), E2BIG);
    const auto large = host.map_zeroes(sizeof(bpf_prog_info) + 8);
    EXPECT_EQ(info_error(fd, large, sizeof(bpf_prog_info) + 8), 0);
    EXPECT_EQ(host.object<std::uint32_t>(attr_address, offset::info_len), sizeof(bpf_prog_info))
        << "what is known is told";
    host.memory(large).back() = std::byte{1};
    EXPECT_EQ(info_error(fd, large, sizeof(bpf_prog_info) + 8), E2BIG);
    bpf_prog_info records{};
    records.nr_func_info = 1;
    EXPECT_EQ(info_error(fd, host.map_object(records), sizeof records), EINVAL);
}

TEST_F(bpf_query, info_about_other_descriptors_is_not_ours)
{
    EXPECT_EQ(info_error(999, 0, 0), EBADFD);
    EXPECT_EQ(info_error(at["above"], 0, 0), EINVAL);
    std::array<char, 16> log{};
    auto real = kernel.load({}, {}, "", log);
    const int fd = host.open(std::move(real.fd));
    EXPECT_EQ(bpf(BPF_OBJ_GET_INFO_BY_FD, attr_builder(16).set(0, fd)).verdict, DEPUTY_CONTINUE);
    EXPECT_EQ(info_error(load(2), 0, 0), EPERM);
}

// ---- lives of programs ---------------------------------------------------------------------------

TEST_F(bpf_query, an_unattached_program_ends_with_its_last_descriptor)
{
    const int fd = load();
    const int copy = host.open(deputy::unique_fd(::dup(host.descriptor(fd))));
    host.close(fd);
    table().collect(0);
    EXPECT_EQ(table().count().first, 1u);
    host.close(copy);
    table().collect(0);
    EXPECT_EQ(table().count(), std::pair(std::size_t{0}, std::size_t{0}));
}

TEST_F(bpf_query, an_attached_program_lives_until_it_is_detached)
{
    const int fd = load();
    EXPECT_EQ(attach("above/own/a", fd, multi), 0);
    const auto id = kernel.attached_at("above/own/a").at(0);
    host.close(fd);
    table().collect(0);
    EXPECT_EQ(table().count(), std::pair(std::size_t{1}, std::size_t{0}));
    const int again = by_id(id);
    ASSERT_GE(again, 0);
    EXPECT_EQ(detach("above/own/a", again), 0);
    host.close(again);
    table().collect(0);
    EXPECT_EQ(table().count().first, 0u);
}

TEST_F(bpf_query, a_program_goes_with_its_cgroup)
{
    const int fd = load();
    EXPECT_EQ(attach("above/own/a", fd, multi), 0);
    host.close(fd);
    table().collect(0);
    table().collect_attached(kernel);
    EXPECT_EQ(table().count().first, 1u);
    kernel.remove("above/own/a");
    table().collect_attached(kernel);
    EXPECT_EQ(table().count().first, 0u);
}

TEST_F(bpf_query, a_lost_descriptor_ends_its_program)
{
    auto got = bpf(BPF_PROG_LOAD, load_attr());
    plugin.lose(got);
    EXPECT_EQ(table().count(), std::pair(std::size_t{0}, std::size_t{0}));
}

class bpf_query_with_settings : public bpf_plugin
{
};

TEST_F(bpf_query_with_settings, descriptors_of_a_program_have_a_limit)
{
    start(1);
    EXPECT_EQ(attach("above/own/a", load(), multi), 0);
    const auto id = kernel.attached_at("above/own/a").at(0);
    const auto a = attr_builder(4).set(0, id);
    for (int i = 0; i < 3; ++i) {
        host.open(std::move(bpf(BPF_PROG_GET_FD_BY_ID, a).fd));
    }
    EXPECT_EQ(bpf(BPF_PROG_GET_FD_BY_ID, a).error, EMFILE);
}

TEST_F(bpf_query, all_of_a_container_is_released_with_it)
{
    EXPECT_EQ(attach("above/own/a", load(), multi), 0);
    load();
    load(2);
    plugin.remove_container(1);
    EXPECT_EQ(table().count(), std::pair(std::size_t{1}, std::size_t{1}));
}

TEST_F(bpf_query, the_plugins_thread_collects)
{
    plugin.ready();
    host.close(load());
    while (table().count().first != 0) {
        std::this_thread::yield();
    }
}

} // namespace
} // namespace bpf_cgroup_device

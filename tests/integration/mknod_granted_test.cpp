// SPDX-License-Identifier: Apache-2.0
// devices = "granted": a container makes nodes of the devices that its own device rules let it use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/container.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

/// c 1:3 may be read and written, c 1:5 read; every node may be made, or none.
deputy::unique_fd load_rules(bool all_may_be_made)
{
    constexpr std::int16_t to_deny = 12, to_allow = 14;
    const auto from = [](int at, std::int16_t to) { return static_cast<std::int16_t>(to - at - 1); };
    const bpf_insn insns[] = {
        {BPF_LDX | BPF_W | BPF_MEM, 2, 1, offsetof(bpf_cgroup_dev_ctx, access_type), 0},
        {BPF_LDX | BPF_W | BPF_MEM, 4, 1, offsetof(bpf_cgroup_dev_ctx, major), 0},
        {BPF_LDX | BPF_W | BPF_MEM, 5, 1, offsetof(bpf_cgroup_dev_ctx, minor), 0},
        {BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0},
        {BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16},
        {BPF_JMP | BPF_JEQ | BPF_K, 3, 0, from(5, all_may_be_made ? to_allow : to_deny), BPF_DEVCG_ACC_MKNOD},
        {BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff},
        {BPF_JMP | BPF_JNE | BPF_K, 2, 0, from(7, to_deny), BPF_DEVCG_DEV_CHAR},
        {BPF_JMP | BPF_JNE | BPF_K, 4, 0, from(8, to_deny), 1},
        {BPF_JMP | BPF_JEQ | BPF_K, 5, 0, from(9, to_allow), 3},
        {BPF_JMP | BPF_JNE | BPF_K, 5, 0, from(10, to_deny), 5},
        {BPF_JMP | BPF_JEQ | BPF_K, 3, 0, from(11, to_allow), BPF_DEVCG_ACC_READ},
        {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
        {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    return deputy::unique_fd(
        bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, "host", "GPL", insns, std::size(insns), nullptr));
}

/// Makes nodes in a container in this cgroup; prints those that it got.
outcome make_nodes(const host_cgroup &group)
{
    return run(group.inside({DEPUTY_BIN_DIR "/deputy", "run", "--plugin-dir", DEPUTY_PLUGINS_DIR, "--enable",
                             "mknod", "--set", R"(mknod.devices="granted")", "--", "/bin/bash", "-c",
                             "cd /run; mkdir n; cd n; mknod null c 1 3; mknod zero c 1 5; mknod full c 1 7; "
                             "mknod loop b 7 0; mknod block b 1 3; ls; ls -d /sys/fs/cgroup/*/"}));
}

class mknod_granted : public testing::Test
{
protected:
    void attach(bool all_may_be_made)
    {
        const deputy::unique_fd rules = load_rules(all_may_be_made);
        ASSERT_TRUE(rules);
        ASSERT_EQ(bpf_prog_attach(rules.get(), group_.directory(), BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI), 0);
    }
    host_cgroup group_{"deputy-granted"};
};

TEST_F(mknod_granted, is_what_the_rules_let_be_made_and_used)
{
    attach(true);
    const outcome o = make_nodes(group_);
    EXPECT_EQ(o.out, "null\nzero\n") << o.err; // and no cgroup is left below the container's own
    EXPECT_THAT(o.err, HasSubstr("mknod: full: Operation not permitted"));
    EXPECT_THAT(o.err, HasSubstr("mknod: block: Operation not permitted"));
}

TEST_F(mknod_granted, is_nothing_that_may_not_be_made)
{
    attach(false);
    EXPECT_EQ(make_nodes(group_).out, "");
}

TEST_F(mknod_granted, is_nothing_without_rules)
{
    const outcome o = make_nodes(group_);
    EXPECT_EQ(o.out, "") << o.err;
    EXPECT_THAT(o.err, HasSubstr("mknod: null: Operation not permitted"));
}

TEST_F(mknod_granted, is_nothing_where_it_cannot_be_found_out)
{
    attach(true);
    std::ofstream(group_.path() / "cgroup.max.descendants") << "1"; // the container's own
    const outcome o = make_nodes(group_);
    EXPECT_EQ(o.out, "") << o.err;
    EXPECT_THAT(o.err,
                HasSubstr("what its rules grant cannot be found out: Resource temporarily unavailable"));
}

} // namespace
} // namespace deputyd::test

// SPDX-License-Identifier: Apache-2.0
#include "unit/bpf_plugin_fixture.hpp"

namespace bpf_cgroup_device
{
namespace
{

using ids = std::vector<std::uint32_t>;

class bpf_attach : public bpf_plugin
{
};

TEST_F(bpf_attach, calls_that_attach_or_detach_are_never_left_to_the_kernel_while_they_are_off)
{
    std::size_t refused = 0;
    for (const auto &h : plugin.handlers()) {
        const bool may =
            h.predicates.at(0).value == BPF_PROG_LOAD ||
            (h.predicates.at(0).value >= BPF_PROG_GET_NEXT_ID && h.predicates.at(0).value <= BPF_PROG_QUERY);
        EXPECT_EQ(h.off_error, may ? 0U : static_cast<unsigned>(EPERM)) << h.predicates.at(0).value;
        refused += h.off_error == EPERM ? 1 : 0;
    }
    EXPECT_EQ(refused, 5U);
}

TEST_F(bpf_attach, attaches_replaces_and_detaches)
{
    start();
    const int first = load();
    const int second = load();
    EXPECT_EQ(attach("above/own/a", first, multi), 0);
    EXPECT_EQ(listed("above/own/a"), kernel.attached_at("above/own/a"));
    EXPECT_EQ(attach("above/own/a", first, multi), EINVAL) << "twice";
    EXPECT_EQ(attach("above/own/a", second, replace, first), 0);
    EXPECT_EQ(kernel.attached_at("above/own/a").size(), 1u);
    EXPECT_EQ(detach("above/own/a", first), ENOENT);
    EXPECT_EQ(detach("above/own/a", second), 0);
    EXPECT_EQ(detach("above/own/a", second), ENOENT);
}

TEST_F(bpf_attach, replace_bpf_fd_without_the_flag_appends)
{
    start();
    const int first = load();
    EXPECT_EQ(attach("above/own/a", first, multi), 0);
    EXPECT_EQ(attach("above/own/a", load(), multi, first), 0);
    EXPECT_EQ(attach("above/own/a", load(), multi, 999), 0);
    EXPECT_EQ(listed("above/own/a").size(), 3u);
}

TEST_F(bpf_attach, only_strictly_below_the_containers_own_cgroup)
{
    start();
    const int program = load();
    EXPECT_EQ(attach("above/own", program, multi), EPERM);
    EXPECT_EQ(attach("above", program, multi), EPERM);
    EXPECT_EQ(attach("above/other/a", program, multi), EPERM);
    EXPECT_EQ(attach("above/own/a/deep", program, multi), 0);
    EXPECT_EQ(detach("above/own", program), EPERM);
    EXPECT_EQ(detach("above/other/a", program), EPERM);
    EXPECT_TRUE(host.logged("at the container's own cgroup is refused"));
}

TEST_F(bpf_attach, a_removed_cgroup_is_no_longer_there)
{
    start();
    const int program = load();
    kernel.remove("above/own/a");
    EXPECT_EQ(attach("above/own/a", program, multi), ENOENT);
}

TEST_F(bpf_attach, bad_descriptors_are_told_apart_as_the_kernel_does)
{
    start();
    const int program = load();
    const int null = host.open(deputy::unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    const int path = host.open(deputy::unique_fd(::open("/", O_PATH | O_CLOEXEC)));
    const int cgroup = at["above/own/a"];
    host.identity.in_container_user_ns = 0; // these are found before the caller is looked at
    EXPECT_EQ(change(BPF_PROG_ATTACH, cgroup, 999, multi).error, EBADF);
    EXPECT_EQ(change(BPF_PROG_ATTACH, cgroup, null, multi).error, EINVAL);
    EXPECT_EQ(change(BPF_PROG_ATTACH, cgroup, path, multi).error, EBADF);
    EXPECT_EQ(change(BPF_PROG_ATTACH, 999, program, multi).error, EBADF);
    EXPECT_EQ(change(BPF_PROG_ATTACH, null, program, multi).error, EBADF);
    EXPECT_EQ(change(BPF_PROG_ATTACH, cgroup, program, replace, 999).error, EBADF);
    EXPECT_EQ(change(BPF_PROG_ATTACH, cgroup, program, replace, null).error, EINVAL);
    EXPECT_EQ(change(BPF_PROG_DETACH, 999, program, 0).error, EBADF);
    EXPECT_EQ(change(BPF_PROG_ATTACH, cgroup, program, multi).error, EPERM) << "and then the namespace is";
    EXPECT_EQ(change(BPF_PROG_DETACH, cgroup, program, 0).error, EPERM);
}

TEST_F(bpf_attach, flags_are_checked_as_the_kernel_does)
{
    start();
    const int program = load();
    EXPECT_EQ(attach("above/own/a", program, 8), EINVAL);
    EXPECT_EQ(attach("above/own/a", program, multi | override), EINVAL);
    EXPECT_EQ(attach("above/own/a", program, BPF_F_REPLACE), EINVAL);
    EXPECT_EQ(change(BPF_PROG_ATTACH, at["above/own/a"], program, multi, 0, 200).error, EINVAL);
    EXPECT_EQ(change(BPF_PROG_ATTACH, at["above/own/a"], program, multi, 0, BPF_CGROUP_SYSCTL).error, EINVAL);
    EXPECT_EQ(change(BPF_PROG_DETACH, at["above/own/a"], program, multi).error, EINVAL);
    auto newer = attr_builder(32)
                     .set(offset::target_fd, at["above/own/a"])
                     .set(offset::attach_bpf_fd, program)
                     .set(offset::attach_type, std::uint32_t{BPF_CGROUP_DEVICE})
                     .set(offset::attach_flags, multi);
    EXPECT_EQ(bpf(BPF_PROG_ATTACH, newer).error, 0) << "as runc 1.2 lays it out";
    newer.set(offset::attach_bpf_fd, load()).set(offset::expected_revision, std::uint64_t{1});
    EXPECT_EQ(bpf(BPF_PROG_ATTACH, newer).error, ESTALE);
    EXPECT_EQ(bpf(BPF_PROG_DETACH, newer.set(offset::attach_flags, 0)).error, ESTALE);
    newer.set(offset::expected_revision, kernel.current_revision).set(offset::attach_flags, multi);
    EXPECT_EQ(bpf(BPF_PROG_ATTACH, newer).error, 0);
}

TEST_F(bpf_attach, a_real_program_of_the_callers_is_refused)
{
    start();
    std::array<char, 16> log{};
    auto real = kernel.load({}, {}, "", log);
    const int fd = host.open(std::move(real.fd));
    EXPECT_EQ(attach("above/own/a", fd, multi), EPERM);
    EXPECT_EQ(attach("above/own/a", load(), replace, fd), EPERM);
}

TEST_F(bpf_attach, another_containers_stand_in_is_refused)
{
    start();
    const int foreign = load(2);
    EXPECT_EQ(attach("above/own/a", foreign, multi), EPERM);
    EXPECT_EQ(attach("above/own/a", load(), replace, foreign), EPERM);
    EXPECT_EQ(change(BPF_PROG_ATTACH, at["above/other/a"], foreign, multi, 0, BPF_CGROUP_DEVICE, 2).error, 0);
    EXPECT_EQ(listed("above/other/a", 2).size(), 1u);
}

TEST_F(bpf_attach, detach_takes_only_what_the_container_owns)
{
    start();
    const int program = load();
    kernel.host_attaches("above/own/a", multi);
    EXPECT_EQ(detach("above/own/a", program), ENOENT);
    EXPECT_EQ(detach("above/own/a", 0), EINVAL) << "with ALLOW_MULTI the kernel needs a program";
    kernel.host_attaches("above/own/b", 0);
    EXPECT_EQ(detach("above/own/b", program), EPERM) << "without, it would take any";
    EXPECT_EQ(detach("above/own/b", 999), EPERM);
    EXPECT_EQ(detach("above/own/a/deep", program), ENOENT);
    EXPECT_EQ(kernel.attached_at("above/own/a").size(), 1u);
    EXPECT_EQ(kernel.attached_at("above/own/b").size(), 1u);
}

TEST_F(bpf_attach, a_program_without_multi_is_detached_with_any_descriptor)
{
    start();
    EXPECT_EQ(attach("above/own/a", load(), 0), 0);
    EXPECT_EQ(detach("above/own/a", 999), 0);
    EXPECT_TRUE(kernel.attached_at("above/own/a").empty());
}

TEST_F(bpf_attach, the_hosts_program_is_not_replaced_without_multi)
{
    start();
    const auto id = kernel.host_attaches("above/own/a", override);
    EXPECT_EQ(attach("above/own/a", load(), override), EPERM);
    EXPECT_EQ(kernel.attached_at("above/own/a"), ids{id});
    EXPECT_TRUE(host.logged("would replace a device program that is not the container's"));
}

TEST_F(bpf_attach, links_are_refused)
{
    start();
    EXPECT_EQ(bpf(BPF_LINK_CREATE, attr_builder(16)).error, EPERM);
    EXPECT_EQ(bpf(BPF_LINK_UPDATE, attr_builder(16)).error, EPERM);
    EXPECT_EQ(bpf(BPF_LINK_DETACH, attr_builder(4)).error, EPERM);
    EXPECT_EQ(plugin.call("bpf", {BPF_LINK_CREATE, 0, 16}).error, EFAULT);
}

TEST_F(bpf_attach, other_commands_stay_with_the_kernel)
{
    EXPECT_THROW(plugin.call("bpf", {BPF_MAP_CREATE, 0, 72}), std::out_of_range);
    EXPECT_THROW(plugin.call("bpf", {BPF_OBJ_GET, 0, 16}), std::out_of_range);
}

TEST_F(bpf_attach, the_upper_half_of_the_command_is_ignored)
{
    start();
    const auto a = host.map(load_attr().bytes());
    EXPECT_EQ(plugin.call("bpf", {0xabcdef0000000000 | BPF_PROG_LOAD, a, 0xff00000000 | 120}).verdict,
              DEPUTY_REPLY_FD);
}

// ---- it can only narrow --------------------------------------------------------------------------

/// How something is attached above: not at all, or with these flags.
constexpr std::uint32_t absent = ~0u;
struct above {
    std::uint32_t ancestor, own;
};

class bpf_narrowing : public bpf_plugin, public testing::WithParamInterface<above>
{
};

TEST_P(bpf_narrowing, no_restriction_from_above_is_ever_lost)
{
    start();
    const int first = load();
    const int second = load();
    ids restricting;
    const auto put = [&](const char *path, std::uint32_t flags) {
        if (flags != absent) {
            restricting.push_back(kernel.host_attaches(path, flags));
        }
    };
    put("above", GetParam().ancestor);
    put("above/own", GetParam().own);
    const auto before = kernel.effective_at("above/own/a/deep"); // some of it may be shut off by the host
    const auto still = [&](const char *after) {
        for (const char *path : {"above/own/a", "above/own/a/deep"}) {
            const auto now = kernel.effective_at(path);
            for (const auto id : before) {
                EXPECT_NE(std::find(now.begin(), now.end(), id), now.end()) << path << " after " << after;
            }
        }
    };
    const auto unsafe = [](std::uint32_t flags) { return flags != absent && flags != multi; };
    const bool refused = unsafe(GetParam().own) || (GetParam().own == absent && unsafe(GetParam().ancestor));
    for (const std::uint32_t flags : {multi, override, 0u}) {
        EXPECT_EQ(attach("above/own/a", first, flags), refused ? EPERM : 0) << "flags " << flags;
        still("attach");
        (void)attach("above/own/a/deep", second, flags);
        still("attach below");
        (void)attach("above/own/a", second, replace, first);
        still("replace");
        for (const char *path : {"above/own/a/deep", "above/own/a"}) {
            (void)detach(path, first);
            (void)detach(path, second);
            still("detach");
        }
        (void)detach("above/own", first);
        still("detach at its own");
        EXPECT_TRUE(kernel.attached_at("above/own/a").empty());
    }
    EXPECT_EQ(bpf(BPF_PROG_LOAD, load_attr()).error, refused ? EPERM : 0) << "all or nothing";
}

INSTANTIATE_TEST_SUITE_P(
    ancestor_and_own, bpf_narrowing,
    testing::Values(above{absent, absent}, above{absent, 0}, above{absent, BPF_F_ALLOW_OVERRIDE},
                    above{absent, BPF_F_ALLOW_MULTI}, above{0, absent}, above{0, BPF_F_ALLOW_MULTI},
                    above{BPF_F_ALLOW_OVERRIDE, absent}, above{BPF_F_ALLOW_OVERRIDE, 0},
                    above{BPF_F_ALLOW_OVERRIDE, BPF_F_ALLOW_OVERRIDE},
                    above{BPF_F_ALLOW_OVERRIDE, BPF_F_ALLOW_MULTI}, above{BPF_F_ALLOW_MULTI, absent},
                    above{BPF_F_ALLOW_MULTI, 0}, above{BPF_F_ALLOW_MULTI, BPF_F_ALLOW_OVERRIDE},
                    above{BPF_F_ALLOW_MULTI, BPF_F_ALLOW_MULTI}));

TEST_F(bpf_attach, an_attach_that_races_with_the_host_is_taken_back)
{
    start();
    kernel.on_attach = [&] { kernel.host_attaches("above", override); };
    EXPECT_EQ(attach("above/own/a", load(), multi), EPERM);
    EXPECT_TRUE(kernel.attached_at("above/own/a").empty());
    EXPECT_EQ(kernel.effective_at("above/own/a").size(), 1u) << "the host's is in effect";
    EXPECT_TRUE(host.logged("taken back"));
}

TEST_F(bpf_attach, what_the_host_attaches_above_later_is_reported_once)
{
    start();
    EXPECT_EQ(attach("above/own/a", load(), multi), 0);
    tested_plugin::self->look_after_attached();
    EXPECT_TRUE(host.lines().empty());
    kernel.host_attaches("above", override);
    tested_plugin::self->look_after_attached();
    tested_plugin::self->look_after_attached();
    EXPECT_EQ(host.lines().size(), 1u);
    EXPECT_TRUE(host.logged("container-1: its device programs have shut off"));
}

TEST_F(bpf_attach, its_own_program_without_multi_shuts_its_own_cgroups_below_only)
{
    start();
    EXPECT_EQ(attach("above/own/a", load(), 0), 0);
    EXPECT_EQ(attach("above/own/a/deep", load(), multi), EPERM);
}

// ---- answers that are lost -----------------------------------------------------------------------

TEST_F(bpf_attach, an_attach_whose_answer_is_lost_is_undone)
{
    start();
    const int program = load();
    auto got = change(BPF_PROG_ATTACH, at["above/own/a"], program, multi);
    ASSERT_EQ(got.error, 0);
    plugin.lose(got);
    EXPECT_TRUE(kernel.attached_at("above/own/a").empty());
    EXPECT_EQ(attach("above/own/a", program, multi), 0) << "the same call comes again";
}

TEST_F(bpf_attach, a_failed_attach_whose_answer_is_lost_undoes_nothing)
{
    start();
    const int program = load();
    EXPECT_EQ(attach("above/own/a", program, multi), 0);
    auto again = change(BPF_PROG_ATTACH, at["above/own/a"], program, multi);
    EXPECT_EQ(again.error, EINVAL);
    plugin.lose(again);
    EXPECT_EQ(kernel.attached_at("above/own/a").size(), 1u);
}

TEST_F(bpf_attach, a_replace_whose_answer_is_lost_is_undone)
{
    start();
    const int first = load();
    const int second = load();
    EXPECT_EQ(attach("above/own/a", first, multi), 0);
    const auto before = kernel.attached_at("above/own/a");
    auto got = change(BPF_PROG_ATTACH, at["above/own/a"], second, replace, first);
    EXPECT_EQ(got.error, 0);
    EXPECT_NE(kernel.attached_at("above/own/a"), before);
    plugin.lose(got);
    EXPECT_EQ(kernel.attached_at("above/own/a"), before);
    EXPECT_EQ(attach("above/own/a", second, replace, first), 0);
}

TEST_F(bpf_attach, a_detach_whose_answer_is_lost_is_undone)
{
    start();
    const int program = load();
    EXPECT_EQ(attach("above/own/a", program, multi), 0);
    auto got = change(BPF_PROG_DETACH, at["above/own/a"], program, 0);
    EXPECT_EQ(got.error, 0);
    plugin.lose(got);
    EXPECT_EQ(kernel.attached_at("above/own/a").size(), 1u);
    EXPECT_EQ(detach("above/own/a", program), 0);
}

TEST_F(bpf_attach, a_call_that_was_answered_for_the_plugin_has_no_effect)
{
    start();
    const int program = load();
    host.commit_failing = -ECANCELED;
    EXPECT_EQ(attach("above/own/a", program, multi), ECANCELED);
    EXPECT_EQ(bpf(BPF_PROG_LOAD, load_attr()).error, ECANCELED);
    host.commit_failing = 0;
    EXPECT_TRUE(kernel.attached_at("above/own/a").empty());
    EXPECT_EQ(table().count().first, 1u);
}

} // namespace
} // namespace bpf_cgroup_device

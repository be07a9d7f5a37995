// SPDX-License-Identifier: Apache-2.0
#include "unit/bpf_plugin_fixture.hpp"

namespace bpf_cgroup_device
{
namespace
{

class bpf_load : public bpf_plugin
{
protected:
    bpf_load() { start(); }
    int error_of(const attr_builder &a) { return bpf(BPF_PROG_LOAD, a).error; }
    std::string text(std::uint64_t address)
    {
        return reinterpret_cast<const char *>(host.memory(address).data());
    }
    attr_builder logging(std::uint32_t level, std::uint64_t buffer, std::uint32_t size)
    {
        return load_attr(BPF_PROG_TYPE_CGROUP_DEVICE, 0, "GPL", 144)
            .set(offset::log_level, level)
            .set(offset::log_buf, buffer)
            .set(offset::log_size, size);
    }
};

TEST_F(bpf_load, gives_a_stand_in_and_never_the_program)
{
    const auto got = bpf(BPF_PROG_LOAD, load_attr());
    ASSERT_EQ(got.verdict, DEPUTY_REPLY_FD);
    EXPECT_EQ(got.fd_flags, static_cast<std::uint32_t>(O_CLOEXEC));
    EXPECT_FALSE(kernel.is_bpf_object(got.fd.get()));
    char byte = 0;
    EXPECT_EQ(::read(got.fd.get(), &byte, 1), -1);
    EXPECT_EQ(errno, EAGAIN) << "a reader would hang";
    EXPECT_NE(::write(got.fd.get(), &byte, 1), 1);
}

TEST_F(bpf_load, rebuilds_the_attr_from_known_fields)
{
    auto a = load_attr(BPF_PROG_TYPE_CGROUP_DEVICE, 1, "Apache", 152);
    const std::array<char, 16> name = {"sd_devices"};
    a.set(offset::prog_name, name)
        .set(offset::prog_flags, std::uint32_t{BPF_F_ANY_ALIGNMENT})
        .set(offset::expected_attach_type, std::uint32_t{77}) // ignored for this type
        .set(offset::prog_btf_fd, std::uint32_t{55})          // ignored without records
        .set(std::size_t{96}, std::uint64_t{0x1234})          // a pointer to no records
        .set(std::size_t{120}, std::uint64_t{0x1234});        // a pointer to no descriptors
    ASSERT_EQ(bpf(BPF_PROG_LOAD, a).verdict, DEPUTY_REPLY_FD);
    EXPECT_EQ(kernel.last_license, "Apache");
    EXPECT_EQ(kernel.last_insns.at(0).imm, 1);
    EXPECT_EQ(kernel.last_attr.u32(offset::prog_flags), static_cast<std::uint32_t>(BPF_F_ANY_ALIGNMENT));
    EXPECT_STREQ(reinterpret_cast<const char *>(kernel.last_attr.data() + offset::prog_name), "sd_devices");
    EXPECT_EQ(kernel.last_attr.u32(offset::expected_attach_type),
              static_cast<std::uint32_t>(BPF_CGROUP_DEVICE));
    EXPECT_TRUE(kernel.last_attr.zero_from(offset::expected_attach_type + 4));
}

TEST_F(bpf_load, errors_are_the_kernels_in_its_order)
{
    const auto a = [&] { return load_attr(BPF_PROG_TYPE_CGROUP_DEVICE, 0, "GPL", 168); };
    EXPECT_EQ(plugin.call("bpf", {BPF_PROG_LOAD, 0, 120}).error, EFAULT) << "as LXC asks";
    EXPECT_EQ(error_of(a().set(offset::signature, std::uint64_t{1})), EOPNOTSUPP);
    EXPECT_EQ(error_of(a().set(offset::prog_flags, 0x8000)), EINVAL);
    EXPECT_EQ(error_of(a().set(offset::prog_flags, 0x10000)), EINVAL) << "tokens";
    EXPECT_EQ(error_of(a().set(offset::insn_cnt, 0)), E2BIG);
    EXPECT_EQ(error_of(a().set(offset::insn_cnt, 1000001)), E2BIG);
    EXPECT_EQ(error_of(a().set(offset::insn_cnt, 4097)), E2BIG);
    EXPECT_EQ(error_of(a().set(offset::insn_cnt, 3)), EFAULT);
    EXPECT_EQ(error_of(a().set(offset::insns, std::uint64_t{0})), EFAULT);
    EXPECT_EQ(error_of(a().set(offset::license, std::uint64_t{0})), EFAULT);
    EXPECT_EQ(error_of(a().set(offset::attach_btf_id, 1)), EINVAL);
    EXPECT_EQ(error_of(a().set(offset::attach_prog_fd, 1)), EINVAL);
    EXPECT_EQ(error_of(a().set(offset::prog_ifindex, 1)), EINVAL);
    EXPECT_EQ(error_of(a().set(offset::fd_array_cnt, 1)), EFAULT);
    const auto fds = host.map_object(std::array<int, 2>{999, at["above"]});
    EXPECT_EQ(error_of(a().set(offset::fd_array_cnt, 1).set(offset::fd_array, fds)), EBADF);
    EXPECT_EQ(error_of(a().set(offset::fd_array_cnt, 1).set(offset::fd_array, fds + 4)), EINVAL);
    EXPECT_EQ(error_of(a().set(offset::func_info_cnt, 1).set(offset::prog_btf_fd, -1)), EBADF);
    EXPECT_EQ(error_of(a().set(offset::line_info_cnt, 1).set(offset::prog_btf_fd, at["above"])), EINVAL);
    EXPECT_EQ(error_of(a().set(offset::prog_name, std::array<char, 4>{"a b"})), EINVAL);
    EXPECT_EQ(error_of(a().set(offset::prog_name, std::uint64_t{0x6161616161616161})
                           .set(offset::prog_name + 8, std::uint64_t{0x6161616161616161})),
              EINVAL)
        << "a name without end";
    EXPECT_EQ(kernel.loads, 0);
}

TEST_F(bpf_load, asks_for_the_capabilities_that_the_kernel_asks_for)
{
    without_capability(CAP_SYS_ADMIN);
    EXPECT_EQ(error_of(load_attr()), 0);
    without_capability(CAP_NET_ADMIN);
    EXPECT_EQ(error_of(load_attr()), EPERM);
    EXPECT_EQ(error_of(load_attr(BPF_PROG_TYPE_CGROUP_SKB, 0, "MIT")), 0) << "needs CAP_BPF alone";
    without_capability(CAP_BPF);
    EXPECT_EQ(error_of(load_attr().set(offset::insn_cnt, 0)), EPERM) << "before the count is looked at";
    host.identity.capabilities = std::uint64_t{1} << CAP_SYS_ADMIN;
    EXPECT_EQ(error_of(load_attr()), 0) << "CAP_SYS_ADMIN is enough";
}

TEST_F(bpf_load, refuses_a_deeper_user_namespace)
{
    host.identity.in_container_user_ns = 0;
    EXPECT_EQ(error_of(load_attr()), EPERM);
    EXPECT_EQ(kernel.loads, 0);
}

TEST_F(bpf_load, answers_the_probes_of_runtimes)
{
    auto probe = bpf(BPF_PROG_LOAD, load_attr(BPF_PROG_TYPE_CGROUP_SKB, 0, "MIT", 144));
    ASSERT_EQ(probe.verdict, DEPUTY_REPLY_FD) << "runc 1.1";
    EXPECT_EQ(kernel.loads, 0) << "a descriptor, but no program";
    const int fd = host.open(std::move(probe.fd));
    const int null = host.open(deputy::unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    EXPECT_EQ(change(BPF_PROG_ATTACH, null, load(), replace).error, EBADF) << "runc's look for REPLACE";
    EXPECT_EQ(change(BPF_PROG_ATTACH, at["above/own/a"], fd, multi).error, EINVAL);
    EXPECT_EQ(change(BPF_PROG_ATTACH, at["above/own/a"], fd, multi, 0, BPF_CGROUP_INET_EGRESS).error, EPERM);

    EXPECT_EQ(error_of(load_attr(BPF_PROG_TYPE_CGROUP_SKB, 1, "GPL")), EPERM) << "systemd's IP firewall";
    EXPECT_EQ(error_of(load_attr(BPF_PROG_TYPE_CGROUP_SKB, 0, "GPL")), EPERM);
    EXPECT_EQ(change(BPF_PROG_ATTACH, -9, -9, multi, 0, BPF_CGROUP_INET_EGRESS).error, EBADF);
    EXPECT_EQ(change(BPF_PROG_DETACH, -9, -9, 0, 0, BPF_CGROUP_INET_EGRESS).error, EBADF);

    auto socket = load_attr(BPF_PROG_TYPE_SOCKET_FILTER, 0, "MIT", 152);
    EXPECT_EQ(error_of(socket), EPERM);
    socket.set(offset::func_info_cnt, 1).set(offset::prog_btf_fd, 0xffffffffu);
    EXPECT_EQ(error_of(socket), EBADF) << "runc 1.2";
    EXPECT_EQ(error_of(load_attr(BPF_PROG_TYPE_KPROBE)), EPERM);
}

TEST_F(bpf_load, a_refused_program_is_named_in_both_logs)
{
    const std::array<bpf_insn, 2> code = {bpf_insn{BPF_JMP | BPF_CALL, 0, 0, 0, 6},
                                          bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    const auto log = host.map_zeroes(256);
    const auto a = logging(1, log, 256).set(offset::insns, host.map_object(code));
    EXPECT_EQ(error_of(a), EACCES);
    EXPECT_EQ(text(log), "instruction 0: call 6: calls a function (refused before the kernel's verifier)\n");
    EXPECT_TRUE(host.logged("container-1: a device program is refused: instruction 0: call 6"));
    EXPECT_EQ(kernel.loads, 0);
    const auto small = host.map_zeroes(10);
    EXPECT_EQ(error_of(logging(1, small, 10).set(offset::insns, host.map_object(code))), EACCES);
    EXPECT_EQ(text(small), "instructi");
}

TEST_F(bpf_load, the_verifiers_log_and_errno_go_back)
{
    kernel.load_error = EINVAL;
    kernel.load_log = "R0 !read_ok\n";
    const auto log = host.map_zeroes(64);
    EXPECT_EQ(error_of(logging(1, log, 64)), EINVAL);
    EXPECT_EQ(text(log), "R0 !read_ok\n");
    EXPECT_EQ(host.object<std::uint32_t>(attr_address, offset::log_true_size), 13u);
}

TEST_F(bpf_load, what_the_verifier_left_behind_the_text_goes_back_too)
{
    kernel.load_log = std::string("short\0left over", 15);
    const auto log = host.map_zeroes(64);
    EXPECT_EQ(error_of(logging(1, log, 64)), 0);
    EXPECT_EQ(text(log), "short");
    EXPECT_EQ(std::string(reinterpret_cast<const char *>(host.memory(log).data()) + 6), "left over");
}

TEST_F(bpf_load, a_log_of_eight_mebibytes_is_served)
{
    const auto log = host.map_zeroes(8 << 20);
    EXPECT_EQ(error_of(logging(3, log, 8 << 20)), 0);
    EXPECT_EQ(kernel.last_log_size, std::size_t{8 << 20});
}

TEST_F(bpf_load, a_bad_log_is_refused_as_the_kernel_does)
{
    const auto log = host.map_zeroes(64);
    EXPECT_EQ(error_of(logging(0, log, 64)), EINVAL);
    EXPECT_EQ(error_of(logging(1, 0, 64)), EINVAL);
    EXPECT_EQ(error_of(logging(1, log, 0)), EINVAL);
    EXPECT_EQ(error_of(logging(16, log, 64)), EINVAL);
    EXPECT_EQ(error_of(logging(1, log, 0x40000000)), EINVAL);
    kernel.load_log = "longer than what is mapped\n";
    EXPECT_EQ(error_of(logging(1, log + 60, 64)), EFAULT) << "the text does not fit";
    EXPECT_EQ(table().count().first, 0u) << "the program is released";
}

TEST_F(bpf_load, nothing_is_written_beyond_the_callers_attr)
{
    auto a = load_attr(BPF_PROG_TYPE_CGROUP_DEVICE, 0, "GPL", 143);
    EXPECT_EQ(error_of(a), 0);
    EXPECT_EQ(host.memory(attr_address).size(), 143u);
}

TEST_F(bpf_load, never_says_eagain)
{
    kernel.load_error = EAGAIN;
    EXPECT_EQ(error_of(load_attr()), ENOMEM);
}

TEST_F(bpf_load, a_licence_without_end_is_cut_off)
{
    EXPECT_EQ(error_of(load_attr(BPF_PROG_TYPE_CGROUP_DEVICE, 0, std::string(200, 'x').c_str())), 0);
    EXPECT_EQ(kernel.last_license, std::string(127, 'x'));
}

class bpf_load_with_settings : public bpf_plugin
{
};

TEST_F(bpf_load_with_settings, live_programs_have_a_quota)
{
    start(2);
    const int first = load();
    load();
    EXPECT_EQ(bpf(BPF_PROG_LOAD, load_attr()).error, ENOMEM);
    EXPECT_EQ(bpf(BPF_PROG_LOAD, load_attr(), 2).error, 0) << "another container has its own";
    host.close(first);
    table().collect(0);
    EXPECT_EQ(bpf(BPF_PROG_LOAD, load_attr()).error, 0);
}

TEST_F(bpf_load_with_settings, instructions_have_a_limit)
{
    start(256, 2);
    EXPECT_EQ(bpf(BPF_PROG_LOAD, load_attr()).error, 0);
    EXPECT_EQ(bpf(BPF_PROG_LOAD, load_attr().set(offset::insn_cnt, 3)).error, E2BIG);
}

TEST_F(bpf_load_with_settings, nothing_is_loaded_that_could_not_be_attached)
{
    kernel.host_attaches("above", override);
    start();
    EXPECT_TRUE(host.logged("it can load no device programs"));
    EXPECT_EQ(bpf(BPF_PROG_LOAD, load_attr()).error, EPERM);
    EXPECT_TRUE(host.logged("ALLOW_OVERRIDE"));
    EXPECT_EQ(kernel.loads, 0);
}

TEST_F(bpf_load_with_settings, a_container_without_a_cgroup_loads_nothing)
{
    start();
    plugin.add_container(3, -1);
    EXPECT_EQ(bpf(BPF_PROG_LOAD, load_attr(), 3).error, EPERM);
}

} // namespace
} // namespace bpf_cgroup_device

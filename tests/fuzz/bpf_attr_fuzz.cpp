// SPDX-License-Identifier: Apache-2.0
// Makes any call of bpf() with any attr, over a fake kernel. Whatever it is, the caller gets a defined
// answer, the kernel gets vetted programs and known fields, and no restriction from above is lost.
//
// Input: command, who calls, stated size (2 bytes), 168 bytes of attr, then memory that the attr may point
// to: it lies at 0x12000. Descriptors of the caller: 3 a cgroup of its own, 4 one below that, 5 its own, 6
// another's, 7 /dev/null, 8 an attached program, 9 one that is not attached.
#include <algorithm>
#include <cstdlib>

#include "unit/bpf_fake_kernel.hpp"

#include <bpf_cgroup_device/src/vet.hpp>

namespace
{

using namespace bpf_cgroup_device;

void must(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

struct scene {
    deputy::testing::fake_host host;
    deputy::testing::fake_plugin plugin{host, deputy::testing::table_of<tested_plugin>()};
    fake_kernel &kernel = *tested_plugin::made;
    std::uint32_t above = 0;

    scene()
    {
        host.settings.set(0, "/programs", std::int64_t{256});
        host.settings.set(0, "/instructions", std::int64_t{4096});
        for (const char *path : {"above", "above/own", "above/own/a", "above/own/a/deep", "above/other"}) {
            kernel.add(path);
        }
        above = kernel.host_attaches("above/own", BPF_F_ALLOW_MULTI);
        host.open_at(3, kernel.open("above/own/a"));
        host.open_at(4, kernel.open("above/own/a/deep"));
        host.open_at(5, kernel.open("above/own"));
        host.open_at(6, kernel.open("above/other"));
        host.open_at(7, deputy::unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    }

    void load_to(int number)
    {
        const std::array<bpf_insn, 2> code = {bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
                                              bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
        const auto a = attr_builder(120)
                           .set(offset::prog_type, std::uint32_t{BPF_PROG_TYPE_CGROUP_DEVICE})
                           .set(offset::insn_cnt, std::uint32_t{2})
                           .set(offset::insns, host.map_object(code))
                           .set(offset::license, host.map_string("GPL"));
        auto got = plugin.call("bpf", {BPF_PROG_LOAD, host.map(a.bytes()), 120});
        must(got.verdict == DEPUTY_REPLY_FD);
        host.open_at(number, std::move(got.fd));
    }
    void attach(int program)
    {
        const auto a = attr_builder(20).set(0, 3).set(4, program).set(8, 6).set(12, 2);
        must(plugin.call("bpf", {BPF_PROG_ATTACH, host.map(a.bytes()), 20}).error == 0);
    }
    /// As at the beginning, whatever the input before did.
    void reset()
    {
        host.identity.in_container_user_ns = 1;
        host.identity.capabilities = ~std::uint64_t{0};
        plugin.remove_container(1);
        kernel.detach_all("above/own/a");
        kernel.detach_all("above/own/a/deep");
        plugin.add_container(1, kernel.open("above/own").get());
        host.unmap();
        load_to(8);
        load_to(9);
        attach(8);
        host.unmap();
    }
};

constexpr std::array<std::uint32_t, 10> commands = {
    BPF_PROG_LOAD,          BPF_PROG_ATTACH, BPF_PROG_DETACH, BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID,
    BPF_OBJ_GET_INFO_BY_FD, BPF_PROG_QUERY,  BPF_LINK_CREATE, BPF_LINK_UPDATE,      BPF_LINK_DETACH};

void check(scene &s, std::uint32_t command, const deputy::testing::outcome &got)
{
    must(got.verdict == DEPUTY_REPLY || got.verdict == DEPUTY_REPLY_FD);
    must(got.error != EAGAIN && got.error != ENOSYS);
    must(got.verdict != DEPUTY_REPLY_FD || command == BPF_PROG_LOAD || command == BPF_PROG_GET_FD_BY_ID);
    must(!s.kernel.is_bpf_object(got.fd.get()));
    must(!vet(s.kernel.last_insns) && s.kernel.last_insns.size() <= 4096);
    must(s.kernel.last_attr.zero_from(offset::expected_attach_type + 4));
    const auto effective = s.kernel.effective_at("above/own/a/deep");
    must(std::find(effective.begin(), effective.end(), s.above) != effective.end());
    must(s.kernel.attached_at("above/own").size() == 1 && s.kernel.attached_at("above/other").empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    constexpr std::size_t head = 4, attr_size = 168;
    if (size < head) {
        return 0;
    }
    static scene s;
    s.reset();
    const std::uint32_t command = commands[data[0] % commands.size()];
    s.host.identity.in_container_user_ns = (data[1] & 1) != 0 ? 0 : 1;
    s.host.identity.capabilities = (data[1] & 2) != 0 ? 0 : ~std::uint64_t{0};
    const std::uint32_t stated = data[2] | static_cast<std::uint32_t>(data[3]) << 8;
    const std::size_t in_attr = std::min(size - head, attr_size);
    std::vector<std::byte> attr_bytes(4096);
    std::memcpy(attr_bytes.data(), data + head, in_attr);
    const auto address = s.host.map(std::move(attr_bytes));
    s.host.map(data + head + in_attr, size - head - in_attr);
    auto got = s.plugin.call("bpf", {command, address, stated});
    check(s, command, got);
    s.plugin.lose(got);
    check(s, command, got);
    return 0;
}

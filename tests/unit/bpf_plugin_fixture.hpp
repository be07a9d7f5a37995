// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <linux/capability.h>

#include "unit/bpf_fake_kernel.hpp"

namespace bpf_cgroup_device
{

/// A container at "above/own" with two cgroups of its own, and another container beside it.
class bpf_plugin : public testing::Test
{
protected:
    static constexpr std::uint32_t multi = BPF_F_ALLOW_MULTI, override = BPF_F_ALLOW_OVERRIDE,
                                   replace = BPF_F_ALLOW_MULTI | BPF_F_REPLACE;

    bpf_plugin() : plugin(host, deputy::testing::table_of<tested_plugin>()), kernel(*tested_plugin::made)
    {
        for (const char *path : {"above", "above/own", "above/own/a", "above/own/a/deep", "above/own/b",
                                 "above/other", "above/other/a"}) {
            kernel.add(path);
        }
    }
    void start(std::int64_t programs = 256, std::int64_t instructions = 4096)
    {
        host.settings.set(0, "/programs", programs);
        host.settings.set(0, "/instructions", instructions);
        plugin.add_container(1, kernel.open("above/own").get());
        plugin.add_container(2, kernel.open("above/other").get());
        for (const char *path : {"above", "above/own", "above/own/a", "above/own/a/deep", "above/own/b",
                                 "above/other", "above/other/a"}) {
            at[path] = host.open(kernel.open(path));
        }
    }

    deputy::testing::outcome bpf(std::uint32_t command, const attr_builder &a, std::uint64_t container = 1)
    {
        attr_address = host.map(a.bytes());
        return plugin.call("bpf", {command, attr_address, a.bytes().size()}, container);
    }
    attr_builder load_attr(std::uint32_t type = BPF_PROG_TYPE_CGROUP_DEVICE, int result = 0,
                           const char *license = "GPL", std::size_t size = 120)
    {
        const std::array<bpf_insn, 2> code = {bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, result},
                                              bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
        return attr_builder(size)
            .set(offset::prog_type, type)
            .set(offset::insn_cnt, std::uint32_t{2})
            .set(offset::insns, host.map_object(code))
            .set(offset::license, host.map_string(license));
    }
    /// A loaded program's descriptor in the caller.
    int load(std::uint64_t container = 1)
    {
        auto got = bpf(BPF_PROG_LOAD, load_attr(), container);
        EXPECT_EQ(got.verdict, DEPUTY_REPLY_FD) << "error " << got.error;
        return host.open(std::move(got.fd));
    }
    deputy::testing::outcome change(std::uint32_t command, int target, int program, std::uint32_t flags,
                                    int replaced = 0, std::uint32_t type = BPF_CGROUP_DEVICE,
                                    std::uint64_t container = 1)
    {
        return bpf(command,
                   attr_builder(20)
                       .set(offset::target_fd, target)
                       .set(offset::attach_bpf_fd, program)
                       .set(offset::attach_type, type)
                       .set(offset::attach_flags, flags)
                       .set(offset::replace_bpf_fd, replaced),
                   container);
    }
    int attach(const char *path, int program, std::uint32_t flags, int replaced = 0)
    {
        return change(BPF_PROG_ATTACH, at.at(path), program, flags, replaced).error;
    }
    int detach(const char *path, int program)
    {
        return change(BPF_PROG_DETACH, at.at(path), program, 0).error;
    }
    std::vector<std::uint32_t> listed(const char *path, std::uint64_t container = 1)
    {
        const auto ids = host.map_zeroes(64 * sizeof(std::uint32_t));
        const auto got = bpf(BPF_PROG_QUERY,
                             attr_builder(32)
                                 .set(offset::query_target_fd, at.at(path))
                                 .set(offset::query_attach_type, std::uint32_t{BPF_CGROUP_DEVICE})
                                 .set(offset::query_prog_ids, ids)
                                 .set(offset::query_prog_cnt, std::uint32_t{64}),
                             container);
        EXPECT_EQ(got.error, 0);
        std::vector<std::uint32_t> out;
        for (std::uint32_t i = 0; i < host.object<std::uint32_t>(attr_address, offset::query_prog_cnt); ++i) {
            out.push_back(host.object<std::uint32_t>(ids, i * sizeof(std::uint32_t)));
        }
        return out;
    }
    void without_capability(unsigned capability)
    {
        host.identity.capabilities &= ~(std::uint64_t{1} << capability);
    }
    program_table &table() { return tested_plugin::self->programs(); }

    deputy::testing::fake_host host;
    deputy::testing::fake_plugin plugin;
    fake_kernel &kernel;
    std::map<std::string, int> at; ///< the caller's descriptors of cgroups
    std::uint64_t attr_address = 0;
};

} // namespace bpf_cgroup_device

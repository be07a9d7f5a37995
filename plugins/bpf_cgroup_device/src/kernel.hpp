// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <deputy/plugin.hpp>
#include <linux/bpf.h>

#include "attr.hpp"

namespace bpf_cgroup_device
{

/// What a load came to. The log was written either way.
struct loaded {
    deputy::unique_fd fd;
    int error = 0;                  ///< errno, if there is no fd
    bool has_log_true_size = false; ///< the kernel stated it (since 6.4)
    std::uint32_t log_true_size = 0;
};

/// The programs of one cgroup for one attach type.
struct attached_programs {
    std::uint32_t flags = 0; ///< BPF_F_ALLOW_*; 0 in an effective list
    std::vector<std::uint32_t> ids;
    std::uint64_t revision = 0; ///< of the list, since Linux 6.17; else 0

    [[nodiscard]] bool multi() const { return (flags & BPF_F_ALLOW_MULTI) != 0; }
};

/// What this plugin asks of the kernel: a seam for unit tests. Any thread; descriptors are borrowed.
class kernel
{
public:
    virtual ~kernel() = default;

    /// sizeof(union bpf_attr) of the running kernel.
    virtual std::size_t attr_size() = 0;

    /// BPF_PROG_LOAD with the fields of a, whose pointers are replaced by those to the buffers here.
    virtual loaded load(const attr &a, std::span<const bpf_insn> insns, const char *license,
                        std::span<char> log) = 0;
    /// @param replace program to replace under BPF_F_REPLACE, else -1.
    /// @param revision that the list must have, or 0. @return ESTALE if it has another.
    virtual deputy::result<void> attach(int cgroup, int program, std::uint32_t flags, int replace,
                                        std::uint64_t revision = 0) = 0;
    virtual deputy::result<void> detach(int cgroup, int program, std::uint64_t revision = 0) = 0;
    virtual deputy::result<attached_programs> query(int cgroup, std::uint32_t attach_type,
                                                    bool effective) = 0;
    /// BPF_OBJ_GET_INFO_BY_FD of a program. insns is resized to the translated instructions.
    virtual deputy::result<bpf_prog_info> info(int program, std::vector<std::byte> *insns) = 0;
    /// Whether a descriptor is of a bpf object of any kind.
    virtual bool is_bpf_object(int fd) = 0;

    /// Id of a cgroup2 directory; never used twice. @return EBADF if it is something else.
    virtual deputy::result<std::uint64_t> cgroup_id(int fd) = 0;
    /// Opens a cgroup in the mount of another one: a caller's own mount may show a part of the tree only,
    /// where ".." ends early. @return ENOENT if it has been removed.
    virtual deputy::result<deputy::unique_fd> open(int mount, std::uint64_t id) = 0;
    /// @return ENOENT at the root of the tree as this host sees it.
    virtual deputy::result<deputy::unique_fd> parent(int cgroup) = 0;
};

/// The one that the host runs on.
class running_kernel final : public kernel
{
public:
    running_kernel();
    std::size_t attr_size() override { return attr_size_; }
    loaded load(const attr &a, std::span<const bpf_insn> insns, const char *license,
                std::span<char> log) override;
    deputy::result<void> attach(int cgroup, int program, std::uint32_t flags, int replace,
                                std::uint64_t revision) override;
    deputy::result<void> detach(int cgroup, int program, std::uint64_t revision) override;
    deputy::result<attached_programs> query(int cgroup, std::uint32_t attach_type, bool effective) override;
    deputy::result<bpf_prog_info> info(int program, std::vector<std::byte> *insns) override;
    bool is_bpf_object(int fd) override;
    deputy::result<std::uint64_t> cgroup_id(int fd) override;
    deputy::result<deputy::unique_fd> open(int mount, std::uint64_t id) override;
    deputy::result<deputy::unique_fd> parent(int cgroup) override;

private:
    deputy::result<void> change_at_revision(std::uint32_t command, int cgroup, int program,
                                            std::uint32_t flags, int replaced, std::uint64_t revision) const;

    std::size_t attr_size_;
};

} // namespace bpf_cgroup_device

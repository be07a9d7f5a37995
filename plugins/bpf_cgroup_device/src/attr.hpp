// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <deputy/plugin.hpp>

namespace bpf_cgroup_device
{

/// Offsets within union bpf_attr, by command. Its header on the build machine may be older than the
/// kernel, so the layout is written down here.
namespace offset
{
// BPF_PROG_LOAD
inline constexpr std::size_t prog_type = 0, insn_cnt = 4, insns = 8, license = 16, log_level = 24,
                             log_size = 28, log_buf = 32, kern_version = 40, prog_flags = 44, prog_name = 48,
                             prog_ifindex = 64, expected_attach_type = 68, prog_btf_fd = 72,
                             func_info_cnt = 88, line_info_cnt = 104, attach_btf_id = 108,
                             attach_prog_fd = 112, fd_array = 120, log_true_size = 140, fd_array_cnt = 148,
                             signature = 152, load_end = 168;
// BPF_PROG_ATTACH and BPF_PROG_DETACH
inline constexpr std::size_t target_fd = 0, attach_bpf_fd = 4, attach_type = 8, attach_flags = 12,
                             replace_bpf_fd = 16, relative_fd = 20, expected_revision = 24, attach_end = 32;
// BPF_PROG_QUERY
inline constexpr std::size_t query_target_fd = 0, query_attach_type = 4, query_flags = 8,
                             query_attach_flags = 12, query_prog_ids = 16, query_prog_cnt = 24,
                             query_prog_attach_flags = 32, query_revision = 56, query_end = 64;
// BPF_PROG_GET_FD_BY_ID, BPF_PROG_GET_NEXT_ID
inline constexpr std::size_t prog_id = 0, get_fd_end = 4, start_id = 0, next_id_end = 8;
// BPF_OBJ_GET_INFO_BY_FD
inline constexpr std::size_t info_bpf_fd = 0, info_len = 4, info_pointer = 8, info_end = 16;
} // namespace offset

/// A copy of what the caller passed as union bpf_attr: each byte was read once. Bytes that the caller's
/// size did not hold are zero.
class attr
{
public:
    static constexpr std::size_t capacity = 512;

    attr() = default;
    attr(std::uint64_t address, std::uint32_t size) : address_(address), size_(size) {}

    [[nodiscard]] std::uint64_t address() const { return address_; }
    /// The size that the caller stated.
    [[nodiscard]] std::uint32_t size() const { return size_; }
    [[nodiscard]] std::byte *data() { return bytes_.data(); }
    [[nodiscard]] const std::byte *data() const { return bytes_.data(); }
    [[nodiscard]] std::uint32_t u32(std::size_t at) const { return get<std::uint32_t>(at); }
    [[nodiscard]] std::int32_t s32(std::size_t at) const { return get<std::int32_t>(at); }
    [[nodiscard]] std::uint64_t u64(std::size_t at) const { return get<std::uint64_t>(at); }
    /// Whether nothing is set from there on, as the kernel's CHECK_ATTR() demands.
    [[nodiscard]] bool zero_from(std::size_t at) const;
    /// Whether the caller's attr holds length bytes at that offset, so that they may be written back.
    [[nodiscard]] bool holds(std::size_t at, std::size_t length) const { return at + length <= size_; }

private:
    template <class T> T get(std::size_t at) const
    {
        T value;
        std::memcpy(&value, bytes_.data() + at, sizeof value);
        return value;
    }

    std::uint64_t address_ = 0;
    std::uint32_t size_ = 0;
    std::array<std::byte, capacity> bytes_{};
};

/// How many bytes of a struct are taken and how many must be zero, after the kernel's
/// bpf_check_uarg_tail_zero(). @return E2BIG if user_size is more than a page.
struct size_split {
    std::size_t head;
    std::size_t tail;
};
deputy::result<size_split> split_size(std::uint32_t user_size, std::size_t known_size);

/// Copies a struct that grows, with the kernel's rules: a tail that it does not know must be zero.
/// @return E2BIG, EFAULT.
deputy::result<void> read_growing(deputy::call &call, std::uint64_t address, std::uint32_t user_size,
                                  std::byte *buffer, std::size_t known_size);

/// Copies the attr of a bpf() call: arguments 1 (pointer) and 2 (size, 32 bits).
/// @param kernel_size sizeof(union bpf_attr) of the running kernel.
deputy::result<attr> read_attr(deputy::call &call, std::size_t kernel_size);

} // namespace bpf_cgroup_device

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <deputy/plugin.hpp>

namespace deputyd
{

/// Some consecutive user or group ids.
struct id_span {
    std::uint64_t first;
    std::uint64_t count;
};

/// The ranges in the text of /etc/subuid or /etc/subgid; lines that are none are skipped.
std::vector<id_span> subordinate_ids(std::string_view text);
/// The ids in the text of /etc/passwd or /etc/group.
std::vector<id_span> account_ids(std::string_view text);
bool overlap(const id_span &a, const id_span &b) noexcept;

/// 65,536 ids of the host that nobody else uses, as user and as group ids, for the life of the object. The
/// reservation is the name of a socket, which the kernel frees however its holders end; it holds among the
/// runs in one network namespace.
class id_range
{
public:
    static constexpr std::uint32_t size = 65536;

    /// Takes a free range that neither an account nor a subordinate range has.
    /// @throw std::runtime_error if none is free.
    id_range();

    std::uint32_t base() const noexcept { return base_; }
    /// Descriptor whose copies keep the reservation. Borrowed.
    int lock() const noexcept { return lock_.get(); }

private:
    std::uint32_t base_ = 0;
    deputy::unique_fd lock_;
};

} // namespace deputyd

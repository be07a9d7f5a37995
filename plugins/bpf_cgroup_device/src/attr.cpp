// SPDX-License-Identifier: Apache-2.0
#include "attr.hpp"

#include <algorithm>
#include <unistd.h>
#include <vector>

namespace bpf_cgroup_device
{

bool attr::zero_from(std::size_t at) const
{
    return std::all_of(bytes_.begin() + static_cast<std::ptrdiff_t>(at), bytes_.end(),
                       [](std::byte b) { return b == std::byte{0}; });
}

deputy::result<size_split> split_size(std::uint32_t user_size, std::size_t known_size)
{
    static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    if (user_size > page) {
        return deputy::error{E2BIG};
    }
    const std::size_t head = std::min<std::size_t>(user_size, known_size);
    return size_split{head, user_size - head};
}

deputy::result<void> read_growing(deputy::call &call, std::uint64_t address, std::uint32_t user_size,
                                  std::byte *buffer, std::size_t known_size)
{
    const auto split = split_size(user_size, known_size);
    if (!split) {
        return deputy::error{split.error_number()};
    }
    // The tail first, as in the kernel: of two faults its one is reported.
    if (split->tail != 0) {
        std::vector<std::byte> tail(split->tail);
        if (auto r = call.read(address + known_size, tail.data(), tail.size()); !r) {
            return r;
        }
        if (std::any_of(tail.begin(), tail.end(), [](std::byte b) { return b != std::byte{0}; })) {
            return deputy::error{E2BIG};
        }
    }
    if (split->head == 0) {
        return {}; // nothing is read, so the pointer may be anything
    }
    return call.read(address, buffer, split->head);
}

deputy::result<attr> read_attr(deputy::call &call, std::size_t kernel_size)
{
    attr a(call.arg(1), call.arg32(2));
    const auto r = read_growing(call, a.address(), a.size(), a.data(), std::min(kernel_size, attr::capacity));
    if (!r) {
        return deputy::error{r.error_number()};
    }
    return a;
}

} // namespace bpf_cgroup_device

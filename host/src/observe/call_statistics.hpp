// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "observe/latency.hpp"

namespace deputyd
{

struct handler;

/// How a call ended.
enum class ending : std::uint8_t {
    value,      ///< with a return value
    error,      ///< with an errno of the handler, or EPERM or the profile's where none took it
    descriptor, ///< with a descriptor
    continued,  ///< by the kernel
    failed,     ///< the handler failed: with the policy's errno
    late,       ///< the watchdog answered for the handler: with the policy's errno
    lost,       ///< the caller went without an answer
    limited,    ///< the container is over a limit: with the policy's errno
    off,        ///< the handler is off: with an errno, or by the kernel
    observed,   ///< the handler decided and did nothing: as if it were off
};
constexpr std::size_t endings = 10;

/// As it is printed.
std::string_view name_of(ending how) noexcept;

/// What has been counted of a handler's calls.
struct call_numbers {
    std::array<std::uint64_t, endings> by_ending{};
    std::map<int, std::uint64_t> by_errno;
    latencies latency;

    [[nodiscard]] std::uint64_t calls() const noexcept { return latency.count(); }
    /// Those that did not do what the caller asked for.
    [[nodiscard]] std::uint64_t errors() const noexcept;
    call_numbers &operator+=(const call_numbers &more);
};

/// Counts calls by handler. Any thread; a call costs a few uncontended additions.
class call_statistics
{
public:
    using by_handler = std::map<const handler *, call_numbers>; ///< nullptr: no handler took it

    call_statistics() = default;
    ~call_statistics();
    call_statistics(const call_statistics &) = delete;
    call_statistics &operator=(const call_statistics &) = delete;

    /// @param by its handler, or nullptr.
    /// @param error its errno where it ended with one, else 0.
    void add(const handler *by, ending how, int error, std::chrono::nanoseconds time) noexcept;
    [[nodiscard]] by_handler read() const;

private:
    static constexpr int errnos = 134; ///< up to EHWPOISON; higher ones count as the last

    struct counted {
        const handler *by = nullptr;
        std::array<std::atomic<std::uint64_t>, endings> by_ending{};
        std::array<std::atomic<std::uint32_t>, errnos> by_errno{};
        latency_counter latency;
        counted *next = nullptr;
    };
    counted *find(const handler *by) noexcept;

    std::atomic<counted *> first_{nullptr}; ///< grows at the front; nothing is taken out
};

} // namespace deputyd

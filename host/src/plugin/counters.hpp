// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include <deputy/plugin.h>

namespace deputyd
{

/// What plugins get for DEPUTY_EXT_COUNTERS_1.
extern const deputy_counters_v1 counters_table;

/// The numbers that one plugin counts. Any thread.
class counters
{
public:
    static constexpr std::size_t most = 256;

    struct reading {
        std::string name;
        std::string help; ///< one line
        std::uint64_t value;
    };

    /// As deputy_counters_v1 says.
    std::int32_t declare(const char *name, const char *help, std::uint32_t *ret_counter);
    void add(std::uint32_t counter, std::uint64_t n) noexcept;
    /// None can be declared from here on.
    void close();

    /// In the order in which they were declared.
    [[nodiscard]] std::vector<reading> read() const;

private:
    struct label {
        std::string name;
        std::string help;
    };

    mutable std::mutex mutex_;
    std::vector<label> labels_;
    bool closed_ = false;
    /// The counter with the number n is at n - 1, so that a variable which nobody has set counts nothing.
    std::array<std::atomic<std::uint64_t>, most> values_{};
};

} // namespace deputyd

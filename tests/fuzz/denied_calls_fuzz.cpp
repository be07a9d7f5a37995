// SPDX-License-Identifier: Apache-2.0
// Any bytes as the word by which a profile says what it denies. What is taken is written down and read again
// the same, and has no errno that the kernel would not take.
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include "base/errno_name.hpp"
#include "caller/denied_calls.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    deputyd::denied_calls taken;
    try {
        taken = deputyd::parse_denied({reinterpret_cast<const char *>(data), size});
    } catch (const std::runtime_error &) {
        return 0;
    }
    const deputyd::denied_calls again = deputyd::parse_denied(taken.word());
    if (again.fallback != taken.fallback || again.others != taken.others ||
        !deputyd::is_errno(taken.fallback)) {
        std::abort();
    }
    for (const auto &[syscall, error] : taken.others) {
        if (error != 0 && !deputyd::is_errno(error)) {
            std::abort();
        }
    }
    return 0;
}

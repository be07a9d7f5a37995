// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace deputyd
{

/// What a container's seccomp profile denies and hands over all the same, so that the host tells of it: the
/// errno that each such system call fails with. It comes in the listener's metadata as the word
/// denied=DEFAULT/SYSCALL:ERRNO/SYSCALL, no system call twice. Immutable once a container has it; any thread.
struct denied_calls {
    int fallback = 0; ///< the errno of what is not among the others
    /// By system call; 0: handed over for a handler, and not denied.
    std::map<std::string, int, std::less<>> others;

    /// @return 0 for a call that is not denied. @param syscall "" for one that has no name.
    [[nodiscard]] int error_of(std::string_view syscall) const noexcept;
    /// What parse_denied() reads.
    [[nodiscard]] std::string word() const;
};

/// Reads the value of the word, which is a peer's. Errnos are names or numbers, of those that a system call
/// can fail with.
/// @throw std::runtime_error saying what is wrong in it, escaped.
denied_calls parse_denied(std::string_view word);

} // namespace deputyd

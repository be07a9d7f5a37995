// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "profile/cube.hpp"
#include "profile/rule.hpp"

namespace deputyd::profile
{

/// What a base answers with an errno, as far as its listener can be told of it and answer the same.
struct denials {
    std::map<std::string, int> errors;       ///< of each system call that is to be handed over
    std::set<std::string> whole;             ///< those of which every call is denied
    std::map<std::string, cubes> by_default; ///< of the others: calls that no rule is about
    std::map<std::string, std::string> left; ///< denied by the filter itself as before, and why

    /// Whether rules of the base with an errno for a system call are to notify.
    [[nodiscard]] bool converts(const std::string &syscall) const
    {
        return errors.contains(syscall) && !whole.contains(syscall);
    }
};

/// The base's rules and what holds for all its calls.
struct denying_base {
    std::vector<rule> rules; ///< for every container and architecture
    answer fallback;
    std::vector<std::string> architectures;  ///< SCMP_ARCH_*
    std::map<std::string, std::string> kept; ///< system calls that must stay as they are, and why
};

/// Finds what can be handed over. Left out are calls that runtimes make under the filter before its listener
/// is served, which would wait for ever, and those for which one errno a system call is not enough. Without a
/// word: calls with bits in the upper half of an argument that rules compare, which no rule can tell on
/// 32-bit architectures.
denials find_denials(const denying_base &base);

} // namespace deputyd::profile

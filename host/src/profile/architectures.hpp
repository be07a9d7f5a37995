// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace deputyd::profile
{

/// An architecture and those whose programs its kernel runs too, by libseccomp's names. A call of an
/// architecture that a profile does not list is killed, or worse, not seen.
struct architecture_family {
    std::string name; ///< SCMP_ARCH_*
    std::vector<std::string> others;
    std::string go_name; ///< as in the "arches" of docker's and podman's profiles

    std::vector<std::string> all() const; ///< name, then others
};

/// That of this machine.
const architecture_family &native_architectures();

/// That of an architecture by its SCMP_ARCH_ name, or nullptr.
const architecture_family *find_architectures(const std::string &name);

/// libseccomp's numbers of architectures by their SCMP_ARCH_ names. Those that it does not know are left out.
std::vector<std::uint32_t> numbers_of(const std::vector<std::string> &names);

/// The names of all system calls of architectures that libseccomp knows.
std::set<std::string> syscalls_of(const std::vector<std::uint32_t> &architectures);

} // namespace deputyd::profile

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace deputyd::check
{

/// What the dynamic linker reads of a shared object.
struct elf_symbols {
    std::vector<std::string> exported;
    std::vector<std::string> needed;    ///< undefined and not weak
    std::vector<std::string> libraries; ///< that it names
};

/// @throw broken if the file is no readable shared object.
elf_symbols read_symbols(const std::filesystem::path &file);

} // namespace deputyd::check

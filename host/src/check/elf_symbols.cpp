// SPDX-License-Identifier: Apache-2.0
#include "check/elf_symbols.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <memory>

#include <fmt/format.h>

#include <deputy/plugin.hpp>

#include "check/rule.hpp"

namespace deputyd::check
{
namespace
{

const char *text_at(Elf *elf, const GElf_Shdr &header, std::size_t offset)
{
    const char *text = elf_strptr(elf, header.sh_link, offset);
    return text == nullptr ? "" : text;
}

void read_symbol_table(Elf *elf, Elf_Data *data, const GElf_Shdr &header, elf_symbols &into)
{
    const std::size_t count = header.sh_entsize == 0 ? 0 : header.sh_size / header.sh_entsize;
    for (std::size_t i = 1; i < count; ++i) {
        GElf_Sym symbol;
        if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) {
            continue;
        }
        const auto binding = GELF_ST_BIND(symbol.st_info);
        if (symbol.st_shndx != SHN_UNDEF) {
            into.exported.emplace_back(text_at(elf, header, symbol.st_name));
        } else if (binding != STB_WEAK) {
            into.needed.emplace_back(text_at(elf, header, symbol.st_name));
        }
    }
}

void read_libraries(Elf *elf, Elf_Data *data, const GElf_Shdr &header, elf_symbols &into)
{
    const std::size_t count = header.sh_entsize == 0 ? 0 : header.sh_size / header.sh_entsize;
    for (std::size_t i = 0; i < count; ++i) {
        GElf_Dyn entry;
        if (gelf_getdyn(data, static_cast<int>(i), &entry) != nullptr && entry.d_tag == DT_NEEDED) {
            into.libraries.emplace_back(text_at(elf, header, entry.d_un.d_val));
        }
    }
}

} // namespace

elf_symbols read_symbols(const std::filesystem::path &file)
{
    const deputy::unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        throw broken(fmt::format("it cannot be read: {}", std::strerror(errno)));
    }
    elf_version(EV_CURRENT);
    const std::unique_ptr<Elf, int (*)(Elf *)> elf(elf_begin(fd.get(), ELF_C_READ, nullptr), &elf_end);
    if (!elf || elf_kind(elf.get()) != ELF_K_ELF) {
        throw broken("it is not an ELF file; build it with -shared");
    }
    elf_symbols found;
    for (Elf_Scn *section = nullptr; (section = elf_nextscn(elf.get(), section)) != nullptr;) {
        GElf_Shdr header;
        Elf_Data *data = elf_getdata(section, nullptr);
        if (gelf_getshdr(section, &header) == nullptr || data == nullptr) {
            continue;
        }
        if (header.sh_type == SHT_DYNSYM) {
            read_symbol_table(elf.get(), data, header, found);
        } else if (header.sh_type == SHT_DYNAMIC) {
            read_libraries(elf.get(), data, header, found);
        }
    }
    return found;
}

} // namespace deputyd::check

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <elf.h>
#include <string>
#include <string_view>
#include <vector>

#include <deputy/plugin.h>

namespace deputy_test
{

/// The bytes of a minimal shared object with one note, for tests of who reads it.
class elf_object
{
public:
    Elf64_Ehdr header{};
    Elf64_Phdr segment{};
    Elf64_Nhdr note{};
    std::string owner{"deputy\0", 7};
    std::string content;

    explicit elf_object(std::string_view strings, deputy_manifest m = {1, 0, 0, 0})
    {
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = ELFCLASS64;
        header.e_ident[EI_DATA] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
        header.e_type = ET_DYN;
        header.e_phoff = sizeof header;
        header.e_phnum = 1;
        content.assign(reinterpret_cast<const char *>(&m), sizeof m);
        content += strings;
        note.n_namesz = static_cast<Elf64_Word>(owner.size());
        note.n_descsz = static_cast<Elf64_Word>(content.size());
        note.n_type = DEPUTY_NOTE_TYPE;
        segment.p_type = PT_NOTE;
        segment.p_offset = sizeof header + sizeof segment;
        segment.p_filesz = sizeof note + padded(owner).size() + padded(content).size();
    }

    std::vector<std::byte> bytes() const
    {
        std::string all;
        const auto put = [&](const auto &value) {
            all.append(reinterpret_cast<const char *>(&value), sizeof value);
        };
        put(header);
        put(segment);
        put(note);
        all += padded(owner) + padded(content);
        const auto *first = reinterpret_cast<const std::byte *>(all.data());
        return {first, first + all.size()};
    }

private:
    static std::string padded(std::string text)
    {
        text.resize((text.size() + 3) & ~std::size_t{3});
        return text;
    }
};

} // namespace deputy_test

// SPDX-License-Identifier: Apache-2.0
#include "plugin/manifest.hpp"

#include <cstring>
#include <elf.h>
#include <optional>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include <deputy/plugin.h>

namespace deputyd
{
namespace
{

using bytes = std::span<const std::byte>;

[[noreturn]] void refuse(const char *reason)
{
    throw std::runtime_error(reason);
}

/// size bytes at offset, or nothing if they are not all there. Cannot overflow.
std::optional<bytes> part(bytes from, std::uint64_t offset, std::uint64_t size)
{
    if (offset > from.size() || size > from.size() - offset) {
        return std::nullopt;
    }
    return from.subspan(offset, size);
}

template <class T> std::optional<T> load(bytes from, std::uint64_t offset)
{
    const auto raw = part(from, offset, sizeof(T));
    if (!raw) {
        return std::nullopt;
    }
    T value;
    std::memcpy(&value, raw->data(), sizeof value);
    return value;
}

std::uint64_t padded(std::uint32_t size)
{
    return (std::uint64_t{size} + 3) & ~std::uint64_t{3};
}

/// The content of deputy's note among a segment's notes.
std::optional<bytes> find_note(bytes notes)
{
    std::uint64_t at = 0;
    while (const auto header = load<Elf64_Nhdr>(notes, at)) {
        const std::uint64_t owner_at = at + sizeof *header;
        const std::uint64_t content_at = owner_at + padded(header->n_namesz);
        const auto owner = part(notes, owner_at, header->n_namesz);
        const auto content = part(notes, content_at, header->n_descsz);
        if (!owner || !content) {
            return std::nullopt;
        }
        if (header->n_type == DEPUTY_NOTE_TYPE && owner->size() == sizeof DEPUTY_NOTE_OWNER &&
            std::memcmp(owner->data(), DEPUTY_NOTE_OWNER, owner->size()) == 0) {
            return content;
        }
        at = content_at + padded(header->n_descsz);
    }
    return std::nullopt;
}

/// The note of a 64-bit shared object of this machine's byte order.
bytes note_of(bytes object)
{
    const auto header = load<Elf64_Ehdr>(object, 0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
        refuse("it is not an ELF file");
    }
    const unsigned char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != order ||
        header->e_type != ET_DYN) {
        refuse("it is not a 64-bit shared object of this machine; build it here with -shared");
    }
    for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
        const auto segment = load<Elf64_Phdr>(object, header->e_phoff + i * sizeof(Elf64_Phdr));
        if (header->e_phoff > object.size() || !segment) {
            refuse("its program headers lie outside the file");
        }
        if (segment->p_type != PT_NOTE) {
            continue;
        }
        const auto notes = part(object, segment->p_offset, segment->p_filesz);
        if (!notes) {
            refuse("its notes lie outside the file");
        }
        if (const auto note = find_note(*notes)) {
            return *note;
        }
    }
    refuse("it has no deputy manifest; a plugin places one with DEPUTY_MANIFEST or DEPUTY_PLUGIN");
}

bool is_version(std::string_view text)
{
    if (text.empty() || text.size() > 63) {
        return false;
    }
    for (const char c : text) {
        if (c <= ' ' || c > '~') {
            return false;
        }
    }
    return true;
}

/// The manifest's strings: each ends in NUL; only padding follows the last.
std::vector<std::string> split(bytes text)
{
    std::vector<std::string> strings;
    std::string current;
    for (const std::byte b : text) {
        if (b != std::byte{0}) {
            current += static_cast<char>(b);
        } else if (!current.empty()) {
            strings.push_back(std::move(current));
            current.clear();
        }
    }
    if (!current.empty()) {
        refuse("the last string of its manifest does not end");
    }
    return strings;
}

} // namespace

bool is_name(std::string_view text)
{
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (text.empty() || text.size() > 63 || !(lower(text.front()) || text.front() == '_')) {
        return false;
    }
    for (const char c : text) {
        if (!lower(c) && !digit(c) && c != '_') {
            return false;
        }
    }
    return true;
}

manifest read_manifest(std::span<const std::byte> object)
{
    const bytes note = note_of(object);
    const auto head = load<deputy_manifest>(note, 0);
    if (!head) {
        refuse("its manifest is too short");
    }
    std::vector<std::string> strings = split(note.subspan(sizeof *head));
    if (strings.size() < 3) {
        refuse("its manifest lacks the name, the version or the system calls");
    }
    manifest m{head->abi_major, head->abi_minor, head->abi_minor_least, head->capabilities, {}, {}, {}};
    m.name = std::move(strings[0]);
    m.version = std::move(strings[1]);
    if (!is_name(m.name)) {
        refuse("its manifest's name is not 1 to 63 bytes of [a-z0-9_] that begin with a letter");
    }
    if (!is_version(m.version)) {
        refuse("its manifest's version is not 1 to 63 printable characters");
    }
    m.syscalls.assign(std::make_move_iterator(strings.begin() + 2), std::make_move_iterator(strings.end()));
    for (const auto &name : m.syscalls) {
        if (!is_name(name)) {
            refuse("its manifest names a system call that cannot be one");
        }
    }
    if ((m.capabilities & ~DEPUTY_CAP_CONTINUE) != 0) {
        refuse("its manifest asks for a capability that this host does not know");
    }
    return m;
}

void check_abi(const manifest &m)
{
    const std::string mine = fmt::format("{}.{}", DEPUTY_ABI_MAJOR, DEPUTY_ABI_MINOR);
    if (m.abi_major != DEPUTY_ABI_MAJOR) {
        throw std::runtime_error(
            fmt::format("plugin {} was built for version {}.{} of the plugin interface, "
                        "this host serves {}; build it against this host's deputy/plugin.h",
                        m.name, m.abi_major, m.abi_minor, mine));
    }
    // While 1.0 is a draft, minor versions do not promise each other anything.
    if (m.abi_minor != DEPUTY_ABI_MINOR) {
        throw std::runtime_error(
            fmt::format("plugin {} was built for version {}.{} of the plugin interface, a "
                        "draft; this host serves exactly {}; build the plugin again",
                        m.name, m.abi_major, m.abi_minor, mine));
    }
    if (m.abi_minor_least > DEPUTY_ABI_MINOR) {
        throw std::runtime_error(fmt::format("plugin {} needs a host that serves version {}.{} of the plugin "
                                             "interface, this one serves {}; take a newer deputy",
                                             m.name, m.abi_major, m.abi_minor_least, mine));
    }
}

} // namespace deputyd

// SPDX-License-Identifier: Apache-2.0
#include "plugin/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/elf_object.hpp"

namespace
{

using deputy_test::elf_object;
using deputyd::read_manifest;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::string_view_literals;

constexpr auto good = "example\0"
                      "1.2~rc1\0"
                      "mknod\0"
                      "mknodat\0"sv;

std::string refusal(const std::vector<std::byte> &object)
{
    try {
        read_manifest(object);
    } catch (const std::runtime_error &e) {
        return e.what();
    }
    return "accepted";
}

TEST(Manifest, gives_name_version_and_system_calls)
{
    const auto m = read_manifest(elf_object(good, {1, 0, 0, DEPUTY_CAP_CONTINUE}).bytes());
    EXPECT_EQ(m.name, "example");
    EXPECT_EQ(m.version, "1.2~rc1");
    EXPECT_THAT(m.syscalls, ElementsAre("mknod", "mknodat"));
    EXPECT_EQ(m.abi_major, 1u);
    EXPECT_EQ(m.capabilities, DEPUTY_CAP_CONTINUE);
}

TEST(Manifest, is_found_behind_a_note_of_somebody_else)
{
    elf_object other("GNU build id"sv);
    other.owner = std::string("GNU\0", 4);
    other.note.n_namesz = 4;
    auto bytes = other.bytes();
    const auto mine = elf_object(good).bytes();
    bytes.insert(bytes.end(), mine.begin() + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), mine.end());
    Elf64_Phdr segment = other.segment;
    segment.p_filesz = bytes.size() - segment.p_offset;
    std::memcpy(bytes.data() + sizeof(Elf64_Ehdr), &segment, sizeof segment);
    EXPECT_EQ(read_manifest(bytes).name, "example");
}

TEST(Manifest, is_not_found_in_what_is_no_shared_object)
{
    EXPECT_THAT(refusal({}), HasSubstr("not an ELF file"));
    EXPECT_THAT(refusal(std::vector<std::byte>(4096)), HasSubstr("not an ELF file"));
    elf_object executable(good);
    executable.header.e_type = ET_EXEC;
    EXPECT_THAT(refusal(executable.bytes()), HasSubstr("not a 64-bit shared object"));
    elf_object narrow(good);
    narrow.header.e_ident[EI_CLASS] = ELFCLASS32;
    EXPECT_THAT(refusal(narrow.bytes()), HasSubstr("not a 64-bit shared object"));
}

TEST(Manifest, of_another_owner_or_type_is_none)
{
    elf_object other(good);
    other.owner = std::string("deputx\0", 7);
    EXPECT_THAT(refusal(other.bytes()), HasSubstr("no deputy manifest"));
    elf_object typed(good);
    typed.note.n_type = 2;
    EXPECT_THAT(refusal(typed.bytes()), HasSubstr("no deputy manifest"));
}

TEST(Manifest, that_reaches_outside_the_file_is_refused)
{
    elf_object far_headers(good);
    far_headers.header.e_phoff = ~0ull - 8;
    EXPECT_THAT(refusal(far_headers.bytes()), HasSubstr("program headers lie outside"));
    elf_object far_notes(good);
    far_notes.segment.p_offset = ~0ull - 8;
    EXPECT_THAT(refusal(far_notes.bytes()), HasSubstr("notes lie outside"));
    elf_object long_notes(good);
    long_notes.segment.p_filesz += 4096;
    EXPECT_THAT(refusal(long_notes.bytes()), HasSubstr("notes lie outside"));
    elf_object long_content(good);
    long_content.note.n_descsz = 0xffffffff;
    EXPECT_THAT(refusal(long_content.bytes()), HasSubstr("no deputy manifest"));
    elf_object long_owner(good);
    long_owner.note.n_namesz = 0xffffffff;
    EXPECT_THAT(refusal(long_owner.bytes()), HasSubstr("no deputy manifest"));
}

TEST(Manifest, that_is_cut_anywhere_is_refused)
{
    const auto whole = elf_object(good).bytes();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_NE(refusal({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}), "accepted")
            << size;
    }
}

TEST(Manifest, with_wrong_strings_is_refused)
{
    EXPECT_THAT(refusal(elf_object("example\0"
                                   "1.2\0"sv)
                            .bytes()),
                HasSubstr("lacks the name, the version or the system calls"));
    EXPECT_THAT(refusal(elf_object("Example\0"
                                   "1.2\0"
                                   "mknod\0"sv)
                            .bytes()),
                HasSubstr("name is not"));
    EXPECT_THAT(refusal(elf_object("../x\0"
                                   "1.2\0"
                                   "mknod\0"sv)
                            .bytes()),
                HasSubstr("name is not"));
    EXPECT_THAT(refusal(elf_object("example\0"
                                   "1\n2\0"
                                   "mknod\0"sv)
                            .bytes()),
                HasSubstr("version is not"));
    EXPECT_THAT(refusal(elf_object("example\0"
                                   "1.2\0"
                                   "mk nod\0"sv)
                            .bytes()),
                HasSubstr("system call that cannot be one"));
    EXPECT_THAT(refusal(elf_object("example\0"
                                   "1.2\0"
                                   "mknod"sv)
                            .bytes()),
                HasSubstr("does not end"));
}

TEST(Manifest, with_an_unknown_capability_is_refused)
{
    EXPECT_THAT(refusal(elf_object(good, {1, 0, 0, 0x80}).bytes()), HasSubstr("capability"));
}

std::string abi_refusal(deputy_manifest raw)
{
    try {
        check_abi(read_manifest(elf_object(good, raw).bytes()));
    } catch (const std::runtime_error &e) {
        return e.what();
    }
    return "accepted";
}

TEST(Manifest, must_be_of_this_very_version_while_it_is_a_draft)
{
    EXPECT_EQ(abi_refusal({DEPUTY_ABI_MAJOR, DEPUTY_ABI_MINOR, DEPUTY_ABI_MINOR, 0}), "accepted");
    EXPECT_THAT(abi_refusal({2, 0, 0, 0}), HasSubstr("plugin example was built for version 2.0"));
    EXPECT_THAT(abi_refusal({DEPUTY_ABI_MAJOR, DEPUTY_ABI_MINOR + 1, 0, 0}),
                HasSubstr("build the plugin again"));
}

} // namespace

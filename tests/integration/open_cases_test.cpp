// SPDX-License-Identifier: Apache-2.0
// open() and its relatives, case for case: with the granted objects mounted natively, and through rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "support/background.hpp"
#include "support/differential.hpp"

namespace deputyd::test
{
namespace
{

namespace fs = std::filesystem;

constexpr const char *no_o_path =
    "the kernel sends no O_PATH descriptor: it is left to the kernel, or refused";
constexpr const char *read_only = "the rule says ro, and no mount does: permission, not EROFS";
constexpr const char *any_o_creat = "O_CREAT needs rw, whether it would make a file or not";
constexpr const char *no_narrow_ways =
    "what openat2() demands of a way with links or dot-dots cannot be seen";
constexpr const char *own_names = "the last name of the rule is spelled out, and is no link";
constexpr const char *out_of_rule = "a link that leads out leads nowhere: the container has none there";
constexpr const char *large_file = "the host opens files with O_LARGEFILE";
constexpr const char *limit_last = "only the kernel knows the caller's free numbers, when all else is done";
constexpr const char *detached = "nothing is above a directory that is sent";
constexpr const char *reopened = "it is opened a second time by descriptor, where O_NOFOLLOW has no place";
constexpr const char *a_dot = "a rule's own directory is a dot on the host, and has no slash after it";
constexpr const char *dots_out = "a dot-dot that leads out of a rule's directory is the container's own";

constexpr difference differences[] = {
    {"o_path.file", "ENOENT", no_o_path},
    {"o_path.refused", "EACCES", no_o_path},
    {"openat2.through_link.in_root", "ENOENT", no_narrow_ways},
    {"openat2.from_tmp.no_symlinks", "ENOENT", no_narrow_ways},
    {"openat2.from_below.beneath", "ENOENT", no_narrow_ways},
    {"openat2.from_below.in_root", "ENOENT", no_narrow_ways},
    {"path.linked_in", "ENOENT", own_names},
    {"path.outward_*", "ENOENT", out_of_rule},
    {"creat.ro", "EACCES", read_only},
    {"i386.open", "ok * flags=8002 *", large_file},
    {"i386.openat", "ok * flags=8000 *", large_file},
    {"chroot.up_from_data", "ENOENT", dots_out},
    {"chroot.from_data_up", "ok * read=text *", dots_out},
    {"limit.absent", "ENOENT", limit_last},
    {"directory.out", "stays", detached},
    {"top_slash.creat_excl", "EEXIST", a_dot},
    {"ro_*.creat_rdonly", "EACCES", any_o_creat},
    {"ro_*.nofollow", "ok * flags=8000 *", reopened},
    {"ro_*", "EACCES", read_only},
};

void make_file(const fs::path &path, mode_t mode)
{
    write_text(path, "text");
    ::chmod(path.c_str(), mode);
}

void make_directory(const fs::path &path, mode_t mode)
{
    fs::create_directory(path);
    ::chmod(path.c_str(), mode);
}

void make_socket(const fs::path &path)
{
    sockaddr_un address{AF_UNIX, {}};
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const deputy::unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
}

/// user::rwx, group::r-x, other::--x, as the default of a directory.
void set_default_acl(const fs::path &directory)
{
    const std::uint32_t acl[] = {2, 0x00070001, ~0U, 0x00050004, ~0U, 0x00010020, ~0U};
    ASSERT_EQ(::setxattr(directory.c_str(), "system.posix_acl_default", acl, sizeof acl, 0), 0);
}

/// What rules grant: the same for both sides.
void fill_host(const fs::path &host)
{
    const fs::path data = host / "data";
    make_directory(host, 0755);
    make_directory(data, 0755);
    make_file(host / "one", 0644);
    make_directory(data / "dir", 0755);
    make_directory(data / "secret", 0700);
    make_directory(data / "everybody", 0777);
    make_directory(data / "acl", 0755);
    make_directory(data / "setgid", 02775);
    ASSERT_EQ(::chown((data / "setgid").c_str(), 0, 1234), 0);
    ::chmod((data / "setgid").c_str(), 02775);
    set_default_acl(data / "acl");
    make_file(data / "file", 0644);
    make_file(data / "public", 0666);
    make_file(data / "unreadable", 0000);
    make_file(data / "dir/deep", 0644);
    make_file(data / "secret/file", 0644);
    fs::create_symlink("dir/deep", data / "link");
    fs::create_symlink("dir", data / "dir_link");
    fs::create_symlink("loop", data / "loop");
    fs::create_symlink("dangling-made", data / "dangling");
    fs::create_symlink("/own", data / "outward");
    fs::create_symlink("../own", data / "upward");
    make_socket(data / "socket");
    make_file(data / "big", 0644);
    fs::resize_file(data / "big", 3ULL << 30);
    ASSERT_EQ(::mknod((data / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
    ASSERT_EQ(::mknod((data / "no_driver").c_str(), S_IFCHR | 0666, makedev(240, 77)), 0);
    ::chmod((data / "null").c_str(), 0666);
}

/// What is there in the container: places for the rules, and files of its own.
void fill_root(const fs::path &root)
{
    for (const char *name : {"data", "data/dir", "ro", "one_dir", "mnt", "jail", "jail/data"}) {
        make_directory(root / name, 0755);
    }
    for (const char *name : {"one", "ro_one", "node", "no_path", "own", "jail/one", "jail/own"}) {
        make_file(root / name, 0644);
    }
    ASSERT_EQ(::mknod((root / "fuse").c_str(), S_IFCHR | 0600, makedev(10, 229)), 0);
    fs::create_symlink("/", root / "to_root");
    fs::create_symlink("/data", root / "to_data");
    fs::create_symlink("/one", root / "to_one");
}

struct granted {
    const char *path, *to;
    bool prefix, writable;
    const char *more;
};
constexpr granted grants[] = {
    {"/data", "data", true, true, ""},
    {"/ro", "data", true, false, ""},
    {"/one", "one", false, true, ""},
    {"/ro_one", "one", false, false, ""},
    {"/one_dir", "data/dir", false, true, ""},
    {"/node", "data/null", false, true, ""},
    {"/no_path", "one", false, true, ", o_path = \"refuse\""},
};

std::string as_mounts(const fs::path &host)
{
    std::string script;
    for (const granted &g : grants) {
        const std::string at = std::string(".") + g.path;
        script += "mount --bind " + (host / g.to).string() + " " + at + "\n";
        if (!g.writable) {
            script += "mount -o remount,bind,ro " + at + "\n";
        }
    }
    // A chrooted caller has the rules' paths below its own root.
    return script + "mount --rbind data jail/data\nmount --bind one jail/one\n";
}

std::string as_rules(const fs::path &host)
{
    std::string rules;
    for (const granted &g : grants) {
        rules += std::string(rules.empty() ? "" : ", ") + "{ path = \"" + g.path + (g.prefix ? "/" : "") +
                 "\", from = \"host\", to = \"" + (host / g.to).string() + "\", access = \"" +
                 (g.writable ? "rw" : "ro") + "\"" + g.more + " }";
    }
    return "open.rules=[" + rules + "]";
}

TEST(open_cases, have_the_kernels_answers_but_for_the_differences_listed)
{
    const twin_trees trees("open_client", fill_root);
    const scratch_directory hosts;
    fill_host(hosts.path() / "native");
    fill_host(hosts.path() / "inside");
    const outcome native = trees.run_native({}, as_mounts(hosts.path() / "native"));
    ASSERT_EQ(native.status, 0) << native.err;
    const outcome inside = trees.run_inside({"--enable", "open", "--set", as_rules(hosts.path() / "inside")});
    ASSERT_EQ(inside.status, 0) << inside.err;
    ASSERT_GT(values(native.out).size(), 1000U);
    expect_same_answers(native.out, inside.out, differences);
}

} // namespace
} // namespace deputyd::test

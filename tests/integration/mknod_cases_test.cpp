// SPDX-License-Identifier: Apache-2.0
// Device nodes made in every way by root on the host and in a container: the same answers, and the same
// nodes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <linux/fs.h>
#include <sys/ioctl.h>

#include "support/differential.hpp"

namespace deputyd::test
{
namespace
{

constexpr const char *not_granted = "a device that the setting does not list stays with the kernel: EPERM";
constexpr const char *not_openable =
    "what is mounted inside the container makes no device available: such a node could not be opened";
constexpr const char *magic = "a path through the links of procfs stays with the kernel: EPERM";

constexpr const char *on_fuse = "a FUSE server makes files on the word of the caller, not of the host";

constexpr difference differences[] = {
    {"device.not_listed.*", "EPERM", not_granted},
    {"mode.type_6", "EPERM", not_granted},
    {"i386.mknodat.not_listed", "EPERM", not_granted},
    {"tmpfs.plain", "EPERM", not_openable},
    {"tmpfs.below", "EPERM", not_openable},
    {"overlay.plain", "EPERM", not_openable},
    {"overlay.below", "EPERM", not_openable},
    {"fuse.end*", "EPERM", on_fuse},
    {"fuse.dirfd", "EPERM", on_fuse},
    {"fuse.chroot", "EPERM", on_fuse},
    {"proc.magic.cwd", "EPERM", magic},
    {"proc.magic.root", "EPERM", magic},
    {"proc.up", "EPERM", magic},
};

/// A directory with an attribute that only the host's root can set, until this goes.
class marked_directory
{
public:
    marked_directory(const std::filesystem::path &path, int flag)
        : fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    {
        set(flag);
    }
    ~marked_directory() { set(0); }
    marked_directory(const marked_directory &) = delete;
    marked_directory &operator=(const marked_directory &) = delete;

private:
    void set(int flag) { EXPECT_EQ(::ioctl(fd_.get(), FS_IOC_SETFLAGS, &flag), 0); }
    deputy::unique_fd fd_;
};

void prepare(const std::filesystem::path &root)
{
    for (const char *name : {"work", "work/cases", "work/immutable", "work/append_only"}) {
        std::filesystem::create_directory(root / name);
    }
    std::ofstream(root / "work/immutable/file") << "x";
}

TEST(mknod_cases, have_the_kernels_answers_but_for_the_differences_listed)
{
    const twin_trees trees("mknod_cases", prepare);
    const marked_directory marked[] = {
        {trees.native() / "work/immutable", FS_IMMUTABLE_FL},
        {trees.inside() / "work/immutable", FS_IMMUTABLE_FL},
        {trees.native() / "work/append_only", FS_APPEND_FL},
        {trees.inside() / "work/append_only", FS_APPEND_FL},
    };
    const outcome native = trees.run_native({"/work/cases"});
    ASSERT_EQ(native.status, 0) << native.err;
    const outcome inside = trees.run_inside(
        {"--enable", "mknod", "--set",
         R"(mknod.devices=["c 1:3", "c 1:5", "c 1:7-9", "c 5:0", "c 5:1", "c 10:229", "b 7:*", "c 4095:1048575"])"},
        {"/work/cases"});
    ASSERT_EQ(inside.status, 0) << inside.err;
    ASSERT_GT(values(native.out).size(), 800U);
    expect_same_answers(native.out, inside.out, differences);
}

} // namespace
} // namespace deputyd::test

// SPDX-License-Identifier: Apache-2.0
#include "launch/mounts.hpp"

#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "launch/fail.hpp"

namespace deputyd
{
namespace
{

using deputy::unique_fd;

unsigned recursion(bool recursive)
{
    return recursive ? AT_RECURSIVE : 0;
}

} // namespace

unique_fd new_mount(const char *type, std::initializer_list<std::pair<const char *, std::string>> options)
{
    const std::string what = std::string("mount a new ") + type;
    const unique_fd fs(fsopen(type, FSOPEN_CLOEXEC));
    if (!fs) {
        fail_feature(what, type, "5.2");
    }
    for (const auto &[key, value] : options) {
        if (fsconfig(fs.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0) {
            fail(what + " with " + key + "=" + value);
        }
    }
    if (fsconfig(fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        fail(what);
    }
    unique_fd mount(fsmount(fs.get(), FSMOUNT_CLOEXEC, 0));
    if (!mount) {
        fail(what);
    }
    return mount;
}

unique_fd clone_mount(const std::string &path, bool recursive)
{
    unique_fd mount(
        open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursion(recursive)));
    if (!mount) {
        fail_feature("clone the mount of " + path, "open_tree()", "5.2");
    }
    mount_attr attributes{};
    attributes.propagation = MS_PRIVATE; // else what is mounted below would show up on the host
    if (mount_setattr(mount.get(), "", AT_EMPTY_PATH | recursion(recursive), &attributes,
                      sizeof attributes) != 0) {
        fail_feature("make the mount of " + path + " private", "mount_setattr()", "5.12");
    }
    return mount;
}

bool map_ids(int mount, int user_ns, bool recursive)
{
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<std::uint64_t>(user_ns);
    if (mount_setattr(mount, "", AT_EMPTY_PATH | recursion(recursive), &attributes, sizeof attributes) == 0) {
        return true;
    }
    if (errno == ENOSYS) {
        fail_feature("map the ids of a mount", "idmapped mounts", "5.12");
    }
    return false;
}

void make_read_only(int mount, bool recursive)
{
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    if (mount_setattr(mount, "", AT_EMPTY_PATH | recursion(recursive), &attributes, sizeof attributes) != 0) {
        fail_feature("make a mount read-only", "mount_setattr()", "5.12");
    }
}

unique_fd open_inside(int root, const std::string &path)
{
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    unique_fd found(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
    if (!found && errno == ENOSYS) {
        fail_feature("open " + path, "openat2()", "5.6");
    }
    return found;
}

void attach(int mount, int root, const std::string &path)
{
    const unique_fd point = open_inside(root, path);
    if (!point) {
        fail("open the mount point " + path + " in the container");
    }
    if (move_mount(mount, "", point.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
        fail("mount on " + path + " in the container");
    }
}

void become_root(int mount)
{
    must(move_mount(mount, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH), "attach the container's root");
    must(fchdir(mount), "enter the container's root");
    must(static_cast<int>(syscall(SYS_pivot_root, ".", ".")), "change to the container's root");
    must(umount2(".", MNT_DETACH), "leave the host's mounts");
    must(chdir("/"), "enter the container's root");
}

} // namespace deputyd

// SPDX-License-Identifier: Apache-2.0
#include "launch/stage.hpp"

#include <cstring>
#include <sched.h>
#include <stdexcept>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <vector>

#include "base/log.hpp"
#include "base/mount_table.hpp"
#include "launch/fail.hpp"
#include "launch/mounts.hpp"
#include "launch/user_namespace.hpp"

namespace deputyd
{
namespace
{

using deputy::unique_fd;

constexpr const char *root_at = "/root";

/// Makes files as the container's root, with its rights and as its property.
class as_container_root
{
public:
    explicit as_container_root(std::uint32_t base)
    {
        setfsgid(base);
        setfsuid(base);
    }
    ~as_container_root()
    {
        setfsuid(0);
        setfsgid(0);
    }
    as_container_root(const as_container_root &) = delete;
    as_container_root &operator=(const as_container_root &) = delete;
};

struct device {
    const char *name;
    unsigned major, minor;
};
constexpr device devices[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                              {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

void make_node(int directory, const device &d, std::uint32_t owner)
{
    if (mknodat(directory, d.name, S_IFCHR | 0666, makedev(d.major, d.minor)) != 0 ||
        fchmodat(directory, d.name, 0666, 0) != 0 || fchownat(directory, d.name, owner, owner, 0) != 0) {
        fail(std::string("make /dev/") + d.name + " for the container");
    }
}

} // namespace

stage::stage(const file_systems &wanted, std::uint32_t base) : base_(base), host_tree_(!wanted.rootfs)
{
    // Paths of the command line are the caller's: clone what they name before any mount changes.
    std::vector<unique_fd> sources;
    for (const bind_option &b : wanted.binds) {
        unique_fd source = idmapped(b.source);
        if (!source) {
            log().debug("{}: no idmapped mount: {}", b.source, std::strerror(errno));
            source = clone_mount(b.source, true);
        }
        sources.push_back(std::move(source));
        if (b.read_only) {
            make_read_only(sources.back().get(), true);
        }
    }
    unique_fd tree;
    if (wanted.rootfs) {
        struct stat st {
        };
        if (stat(wanted.rootfs->c_str(), &st) != 0) {
            fail("use --rootfs " + *wanted.rootfs);
        }
        if (!S_ISDIR(st.st_mode)) {
            fail("use --rootfs " + *wanted.rootfs, ENOTDIR);
        }
        tree = idmapped(*wanted.rootfs);
        if (!tree) {
            fail("use --rootfs " + *wanted.rootfs +
                 " through an idmapped mount, which its file system must support (ext4, xfs, btrfs since "
                 "Linux "
                 "5.12 to 5.15, overlayfs since 5.19, tmpfs since 6.3)");
        }
    }
    must(unshare(CLONE_NEWNS), "make a mount namespace");
    must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make the host's mounts private");
    if (!tree) {
        tree = clone_mount("/", true);
    }
    const unique_fd proc = clone_mount("/proc", false);
    const unique_fd sys = clone_mount("/sys", false);
    enter();
    attach(proc.get(), AT_FDCWD, "/proc");
    attach(sys.get(), AT_FDCWD, "/sys");
    attach(tree.get(), AT_FDCWD, root_at);
    root_ = std::move(tree);
    lay_out(wanted);
    for (std::size_t i = 0; i < sources.size(); ++i) {
        add_bind(wanted.binds[i], sources[i].get());
    }
}

stage::home::home()
    : mount_ns(must(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), "open the mount namespace")),
      directory(must(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), "open the working directory")),
      umask(::umask(022)) // modes below are meant as they stand
{
}

stage::home::~home()
{
    ::umask(umask);
    if (setns(mount_ns.get(), CLONE_NEWNS) != 0 || fchdir(directory.get()) != 0) {
        log().error("cannot return to the host's mount namespace: {}", std::strerror(errno));
    }
}

/// Clones the mount of path with the container's ids, where its file systems support that.
unique_fd stage::idmapped(const std::string &path)
{
    if (!mapping_) {
        mapping_ = mapping_namespace(base_);
    }
    unique_fd whole = clone_mount(path, true);
    if (map_ids(whole.get(), mapping_.get(), true)) {
        return whole;
    }
    const int number = errno;
    if (unique_fd top = clone_mount(path, false); map_ids(top.get(), mapping_.get(), false)) {
        log().warn("{}: what is mounted below it is left out: {}", path, std::strerror(number));
        return top;
    }
    errno = number;
    return {};
}

/// Makes a small tmpfs the root, with places for what lay_out() needs.
void stage::enter()
{
    const unique_fd top = new_mount("tmpfs", {{"mode", "0755"}, {"size", "64k"}});
    for (const char *name : {"proc", "sys", "root"}) {
        must(mkdirat(top.get(), name, 0755), "make a directory");
    }
    become_root(top.get());
}

void stage::lay_out(const file_systems &wanted)
{
    if (host_tree_) {
        strip_host_tree();
        add_tmpfs("/var/tmp", "1777");
    } else {
        for (const char *path : {"/proc", "/sys", "/dev", "/tmp", "/run"}) {
            make_point(path, 0755, true);
        }
        add_dev();
        if (wanted.host_network) {
            const unique_fd sys = clone_mount("/sys", false);
            make_read_only(sys.get(), false);
            attach(sys.get(), root_.get(), "/sys");
        }
    }
    add_tmpfs("/tmp", "1777");
    add_tmpfs("/run", "0755");
    add_tmpfs("/dev/shm", "1777");
}

/// Takes off what the container gets anew, so that nothing of the host is hidden below it, and makes the rest
/// read-only: world-writable places are none of the container's business.
void stage::strip_host_tree()
{
    std::vector<std::string> off = {"/sys/fs/cgroup", "/dev/pts", "/dev/shm", "/dev/mqueue",
                                    "/tmp",           "/run",     "/var/tmp"};
    const std::string prefix = std::string(root_at) + "/";
    for (const mount_entry &m : mount_table()) {
        if (m.type == "proc" && m.point.starts_with(prefix)) {
            off.push_back(m.point.substr(prefix.size() - 1));
        }
    }
    for (const std::string &path : off) {
        while (umount2((root_at + path).c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
        }
    }
    make_read_only(root_.get(), true);
    mount_attr writable{};
    writable.attr_clr = MOUNT_ATTR_RDONLY; // a read-only sysfs would forbid nested containers a writable one
    mount_setattr(AT_FDCWD, (std::string(root_at) + "/sys").c_str(), 0, &writable, sizeof writable);
}

/// Makes a mount point, and the directories above it, where there is none.
void stage::make_point(const std::string &path, mode_t mode, bool directory) const
{
    if (open_inside(root_.get(), path)) {
        return;
    }
    const as_container_root as(base_);
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        if (!open_inside(root_.get(), part)) {
            const std::size_t name = part.rfind('/') + 1;
            const unique_fd above = open_inside(root_.get(), "/" + part.substr(0, name));
            const bool is_file = slash == std::string::npos && !directory;
            const std::string last = part.substr(name);
            const int made = is_file ? mknodat(above.get(), last.c_str(), S_IFREG | mode, 0)
                                     : mkdirat(above.get(), last.c_str(), mode);
            if (made != 0) {
                fail("make the mount point " + path + " in the container");
            }
        }
        if (slash == std::string::npos) {
            return;
        }
    }
}

void stage::add_tmpfs(const char *path, const char *mode)
{
    if (!open_inside(root_.get(), path)) {
        return;
    }
    const std::string owner = std::to_string(base_);
    const unique_fd fs = new_mount("tmpfs", {{"mode", mode}, {"uid", owner}, {"gid", owner}});
    attach(fs.get(), root_.get(), path);
}

void stage::add_dev()
{
    const std::string owner = std::to_string(base_);
    const unique_fd dev = new_mount("tmpfs", {{"mode", "0755"}, {"uid", owner}, {"gid", owner}});
    for (const device &d : devices) {
        make_node(dev.get(), d, base_);
    }
    {
        const as_container_root as(base_);
        for (const char *name : {"pts", "shm", "mqueue"}) {
            must(mkdirat(dev.get(), name, 0755), "make a directory in /dev");
        }
        static constexpr const char *links[][2] = {{"/proc/self/fd", "fd"},
                                                   {"/proc/self/fd/0", "stdin"},
                                                   {"/proc/self/fd/1", "stdout"},
                                                   {"/proc/self/fd/2", "stderr"},
                                                   {"pts/ptmx", "ptmx"}};
        for (const auto &[target, name] : links) {
            must(symlinkat(target, dev.get(), name), "make a link in /dev");
        }
    }
    attach(dev.get(), root_.get(), "/dev");
}

void stage::add_bind(const bind_option &bind, int mount)
{
    struct stat st {
    };
    must(fstat(mount, &st), "look at the source of a bind");
    make_point(bind.target, S_ISDIR(st.st_mode) ? 0755 : 0644, S_ISDIR(st.st_mode));
    attach(mount, root_.get(), bind.target);
}

} // namespace deputyd

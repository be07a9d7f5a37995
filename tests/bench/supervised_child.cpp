// SPDX-License-Identifier: Apache-2.0
#include "supervised_child.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>

namespace deputy_bench
{
namespace
{

/// Of the host, for the children's root.
constexpr uid_t first_id = 1610612736;

[[noreturn]] void fail(const char *what)
{
    throw std::system_error(errno, std::system_category(), what);
}

constexpr bpf_insn insn(std::uint8_t code, std::uint8_t dst, std::uint8_t src, std::int16_t off,
                        std::int32_t imm)
{
    return {code, static_cast<std::uint8_t>(dst & 0xf), static_cast<std::uint8_t>(src & 0xf), off, imm};
}

/// 11 rules as container runtimes write them: compare type, access, major and minor; 64 instructions.
std::vector<bpf_insn> rules_program()
{
    std::vector<bpf_insn> p = {
        insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),    insn(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0),
        insn(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff), insn(BPF_LDX | BPF_MEM | BPF_W, 3, 1, 0, 0),
        insn(BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16),     insn(BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0),
        insn(BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0),
    };
    for (int minor = 0; minor < 11; ++minor) {
        p.push_back(insn(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 4, BPF_DEVCG_DEV_CHAR));
        p.push_back(insn(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 3, 1));
        p.push_back(insn(BPF_JMP | BPF_JNE | BPF_K, 5, 0, 2, minor));
        p.push_back(insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1));
        p.push_back(insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    }
    p.push_back(insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0));
    p.push_back(insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    return p;
}

std::vector<bpf_insn> straight_program()
{
    std::vector<bpf_insn> p(63, insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1));
    p.push_back(insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    return p;
}

bool load(const std::vector<bpf_insn> &program)
{
    bpf_attr attr{};
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = reinterpret_cast<std::uint64_t>(program.data());
    attr.insn_cnt = static_cast<std::uint32_t>(program.size());
    attr.license = reinterpret_cast<std::uint64_t>("GPL");
    const long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
    if (fd < 0) {
        return false;
    }
    close(static_cast<int>(fd));
    return true;
}

bool open_and_close(const char *path)
{
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC;
    const long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    return fd >= 0 && close(static_cast<int>(fd)) == 0;
}

bool make_node()
{
    static const int directory = open(node_directory::path, O_PATH | O_CLOEXEC);
    char name[32];
    std::snprintf(name, sizeof name, "%d", getpid());
    return syscall(SYS_mknodat, directory, name, S_IFCHR | 0600, 0x103) == 0 &&
           unlinkat(directory, name, 0) == 0;
}

struct order {
    work what;
    std::uint32_t count;
    std::uint32_t callers;
};
struct outcome {
    std::int64_t nanoseconds;
    int error;
};

bool carry_out_once(work what, const std::vector<bpf_insn> &program)
{
    switch (what) {
    case work::getppid:
        return syscall(SYS_getppid) >= 0;
    case work::load_11:
    case work::load_line:
        return load(program);
    case work::open_other:
        return open_and_close("/dev/null");
    case work::open_file:
        return open_and_close(granted_file);
    case work::open_device:
        return open_and_close(granted_device);
    case work::mknod:
        return make_node();
    }
    return false;
}

/// @return 0 or an errno.
int repeat(work what, std::uint32_t count)
{
    const auto program = what == work::load_11 ? rules_program() : straight_program();
    for (std::uint32_t i = 0; i < count; ++i) {
        if (!carry_out_once(what, program)) {
            return errno;
        }
    }
    return 0;
}

/// The same by several processes at once, a share each.
int repeat_in_children(const order &o)
{
    for (std::uint32_t i = 0; i < o.callers; ++i) {
        if (fork() == 0) {
            _exit(repeat(o.what, o.count / o.callers));
        }
    }
    int worst = 0;
    for (std::uint32_t i = 0; i < o.callers; ++i) {
        int status = 0;
        const bool exited = wait(&status) > 0 && WIFEXITED(status);
        worst = std::max(worst, exited ? WEXITSTATUS(status) : ECHILD);
    }
    return worst;
}

outcome carry_out(const order &o)
{
    const auto begin = std::chrono::steady_clock::now();
    const int error = o.callers == 1 ? repeat(o.what, o.count) : repeat_in_children(o);
    return {(std::chrono::steady_clock::now() - begin).count(), error};
}

/// Notifies getppid(), bpf(), openat2() and mknodat(). @return the listener.
int install_filter()
{
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mknodat, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program = {static_cast<unsigned short>(std::size(code)), code};
    return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                    SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                                    &program));
}

[[noreturn]] void be_child(int control)
{
    char go = 0;
    if (read(control, &go, 1) != 1 || setresuid(0, 0, 0) != 0) {
        _exit(1);
    }
    const int listener = install_filter();
    if (write(control, &listener, sizeof listener) != sizeof listener) {
        _exit(1);
    }
    order o{};
    while (read(control, &o, sizeof o) == sizeof o) {
        const outcome done = carry_out(o);
        if (write(control, &done, sizeof done) != sizeof done) {
            break;
        }
    }
    _exit(0);
}

void write_map(pid_t pid, const char *name, const char *text)
{
    const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
    const deputy::unique_fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd || write(fd.get(), text, std::strlen(text)) < 0) {
        fail(name);
    }
}

} // namespace

supervised_child::supervised_child()
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        fail("socketpair");
    }
    control_ = deputy::unique_fd(pair[0]);
    pid_ =
        static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (pid_ == 0) {
        close(pair[0]);
        be_child(pair[1]);
    }
    close(pair[1]);
    if (pid_ < 0) {
        fail("clone");
    }
    const std::string map = "0 " + std::to_string(first_id) + " 65536";
    write_map(pid_, "uid_map", map.c_str());
    write_map(pid_, "gid_map", map.c_str());
    struct stat st {
    };
    if (stat(("/proc/" + std::to_string(pid_) + "/ns/user").c_str(), &st) != 0) {
        fail("user namespace");
    }
    user_ns_ = st.st_ino;
    int number = -1;
    if (write(control_.get(), "", 1) != 1 || read(control_.get(), &number, sizeof number) != sizeof number) {
        fail("child");
    }
    const deputy::unique_fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    listener_ = deputy::unique_fd(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), number, 0)));
    if (!listener_) {
        fail("listener");
    }
}

supervised_child::~supervised_child()
{
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

std::chrono::duration<double> supervised_child::each(work w, std::uint32_t count, std::uint32_t callers)
{
    const order o{w, count, callers};
    outcome done{};
    if (write(control_.get(), &o, sizeof o) != sizeof o ||
        read(control_.get(), &done, sizeof done) != sizeof done) {
        fail("child");
    }
    if (done.error != 0) {
        throw std::system_error(done.error, std::system_category(), "a call in the child");
    }
    return std::chrono::duration<double>(std::chrono::nanoseconds(done.nanoseconds)) / count;
}

std::chrono::duration<double> each_natively(work w, std::uint32_t count)
{
    const outcome done = carry_out({w, count, 1});
    if (done.error != 0) {
        throw std::system_error(done.error, std::system_category(), "a native call");
    }
    return std::chrono::duration<double>(std::chrono::nanoseconds(done.nanoseconds)) / count;
}

node_directory::node_directory()
{
    if (mkdir(path, 0755) != 0 || chown(path, first_id, first_id) != 0) {
        fail(path);
    }
}

node_directory::~node_directory()
{
    rmdir(path);
}

} // namespace deputy_bench

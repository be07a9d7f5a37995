// SPDX-License-Identifier: Apache-2.0
#include "launch/child.hpp"

#include <array>
#include <cstdlib>
#include <exception>
#include <grp.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <sstream>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch/fail.hpp"
#include "launch/filter.hpp"
#include "launch/mounts.hpp"

namespace deputyd
{
namespace
{

using deputy::unique_fd;

/// Waits for the launcher's word; ends with it if it is gone.
void expect(const launch_link &launcher, step what)
{
    const auto word = launcher.receive();
    if (!word || word->m.what != what) {
        _exit(125);
    }
}

void become_container_root()
{
    must(setgroups(0, nullptr), "drop supplementary groups");
    must(setresgid(0, 0, 0), "become the container's root group");
    must(setresuid(0, 0, 0), "become the container's root");
    // Changing ids clears it. Should the launcher have died before, the next message never comes.
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "follow the launcher's end");
    must(setsid(), "make a session");
    // Whoever possesses the host's session keyring may use its keys. Kernels without keyrings say ENOSYS.
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS) {
        fail("leave the host's session keyring");
    }
}

void raise_loopback()
{
    const unique_fd socket(must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "make a socket"));
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    must(ioctl(socket.get(), SIOCGIFFLAGS, &request), "look at the loopback interface");
    request.ifr_flags |= IFF_UP;
    must(ioctl(socket.get(), SIOCSIFFLAGS, &request), "raise the loopback interface");
}

/// Mounts what belongs to the container's own namespaces, and enters the tree.
void enter_tree(const child_plan &plan)
{
    const unique_fd root(must(open("/root", O_PATH | O_DIRECTORY | O_CLOEXEC), "open the container's root"));
    const auto add = [&](const unique_fd &mount, const char *path) { attach(mount.get(), root.get(), path); };
    add(new_mount("proc"), "/proc");
    if (!plan.host_tree && !plan.host_network) {
        add(new_mount("sysfs"), "/sys");
    }
    add(new_mount("cgroup2"), "/sys/fs/cgroup");
    add(new_mount("devpts", {{"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}}), "/dev/pts");
    if (open_inside(root.get(), "/dev/mqueue")) {
        add(new_mount("mqueue"), "/dev/mqueue");
    }
    // A copy, because a locked mount such as /root cannot become the root itself.
    const unique_fd copy(open_tree(AT_FDCWD, "/root", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    must(copy.get(), "clone the container's tree");
    become_root(copy.get());
}

/// Makes a terminal in the container's own devpts; the launcher gets the other side.
unique_fd make_terminal(const child_plan &plan, const launch_link &launcher)
{
    const unique_fd master(
        must(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), "open the container's /dev/ptmx"));
    int lock = 0;
    must(ioctl(master.get(), TIOCSPTLCK, &lock), "unlock the terminal");
    unique_fd slave(ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    must(slave.get(), "open the terminal");
    must(ioctl(slave.get(), TIOCSWINSZ, &*plan.terminal), "set the terminal's size");
    must(ioctl(slave.get(), TIOCSCTTY, 0), "take the terminal");
    if (!plan.host_tree) {
        unsigned number = 0;
        must(ioctl(master.get(), TIOCGPTN, &number), "name the terminal");
        const unique_fd console(
            open("/dev/console", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600));
        must(console.get(), "make /dev/console");
        must(mount(("/dev/pts/" + std::to_string(number)).c_str(), "/dev/console", nullptr, MS_BIND, nullptr),
             "bind the terminal to /dev/console");
    }
    launcher.send(step::terminal, master.get());
    return slave;
}

void set_up(const child_plan &plan, const launch_link &launcher)
{
    sigaction(SIGPIPE, &plan.pipe_signal, nullptr);
    sigprocmask(SIG_SETMASK, &plan.signal_mask, nullptr);
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "follow the launcher's end");
    expect(launcher, step::mapped);
    become_container_root();
    must(unshare(CLONE_NEWCGROUP), "make a cgroup namespace");
    if (!plan.host_network) {
        raise_loopback();
    }
    enter_tree(plan);
    if (plan.terminal) {
        const unique_fd terminal = make_terminal(plan, launcher);
        for (int stream = 0; stream < 3; ++stream) {
            if (plan.terminal_stream[stream]) {
                must(dup2(terminal.get(), stream), "take the terminal as a standard stream");
            }
        }
    }
    if (chdir(plan.directory.c_str()) != 0) {
        must(chdir("/"), "enter /");
    }
    umask(plan.umask);
    must(setrlimit(RLIMIT_NOFILE, &plan.descriptors), "restore the limit of descriptors");
}

std::vector<char *> pointers(const std::vector<std::string> &strings)
{
    std::vector<char *> out;
    for (const std::string &s : strings) {
        out.push_back(const_cast<char *>(s.c_str()));
    }
    out.push_back(nullptr);
    return out;
}

/// Whether there is such a file: execvp() says EACCES also if just a directory of PATH cannot be searched.
bool exists(const std::string &command)
{
    if (command.find('/') != std::string::npos) {
        return true;
    }
    const char *path = std::getenv("PATH");
    std::istringstream directories(path == nullptr ? "" : path);
    for (std::string directory; std::getline(directories, directory, ':');) {
        if (access((directory + "/" + command).c_str(), F_OK) == 0) {
            return true;
        }
    }
    return false;
}

} // namespace

void run_child(const child_plan &plan, const launch_link &launcher) noexcept
{
    try {
        set_up(plan, launcher);
        const auto arguments = pointers(plan.command);
        auto environment = pointers(plan.environment);
        environ = environment.data(); // execvp() looks for PATH there
        if (plan.filter.empty()) {
            launcher.send(step::ready);
        } else {
            // From here on this process's own calls can be notified: as few as possible follow.
            const installed_filter f = install_filter(plan.filter);
            launcher.send(step::ready, f.listener.get(), f.wait_killable ? 1 : 0);
        }
        expect(launcher, step::go);
        close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        execvp(arguments[0], arguments.data());
        const int number = errno;
        launcher.send(step::no_exec, -1, number == EACCES && !exists(plan.command[0]) ? ENOENT : number);
    } catch (const std::exception &e) {
        try {
            launcher.send(step::failed, -1, 0, e.what());
        } catch (const std::exception &) {
            // The launcher is gone: nobody is left to tell.
        }
    }
    _exit(125);
}

} // namespace deputyd

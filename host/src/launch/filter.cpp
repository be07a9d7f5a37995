// SPDX-License-Identifier: Apache-2.0
#include "launch/filter.hpp"

#include <linux/seccomp.h>
#include <memory>
#include <seccomp.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/log.hpp"
#include "launch/fail.hpp"

namespace deputyd
{
namespace
{

using deputy::unique_fd;
using context = std::unique_ptr<void, decltype(&seccomp_release)>;

void check(int returned, const std::string &what)
{
    if (returned < 0) {
        fail(what, -returned);
    }
}

/// Adds the other instruction sets that the machine runs, so that their calls are notified too.
void add_architectures(scmp_filter_ctx filter)
{
    std::vector<std::uint32_t> others;
    switch (seccomp_arch_native()) {
    case SCMP_ARCH_X86_64:
        others = {SCMP_ARCH_X86};
        break;
    case SCMP_ARCH_AARCH64:
        others = {SCMP_ARCH_ARM};
        break;
    default:
        break;
    }
    for (const std::uint32_t arch : others) {
        if (const int r = seccomp_arch_add(filter, arch); r != -EEXIST) {
            check(r, "add an architecture to the seccomp filter");
        }
    }
}

scmp_arg_cmp comparison(const deputy_predicate &p)
{
    const bool masked = p.op == DEPUTY_OP_MASKED_EQ;
    if (p.width == 32) { // the kernel drops the upper half, so the comparison must
        const std::uint64_t mask = (masked ? p.mask : ~0ULL) & 0xffffffff;
        return {p.argument, SCMP_CMP_MASKED_EQ, mask, p.value & mask};
    }
    if (masked) {
        return {p.argument, SCMP_CMP_MASKED_EQ, p.mask, p.value & p.mask};
    }
    return {p.argument, SCMP_CMP_EQ, p.value, 0};
}

/// Whether no argument can satisfy a predicate.
bool is_never(const deputy_predicate &p)
{
    const std::uint64_t width = p.width == 32 ? 0xffffffff : ~0ULL;
    const std::uint64_t mask = p.op == DEPUTY_OP_MASKED_EQ ? p.mask & width : width;
    return (p.value & width & ~mask) != 0;
}

void add_handler(scmp_filter_ctx filter, const handler &h)
{
    if (h.syscall == "seccomp" || h.syscall == "sendmsg") {
        // The first keeps the container from listeners, with the second it sends us its own.
        throw std::runtime_error("deputy run cannot intercept " + h.syscall + "(): disable " +
                                 h.plugin->name() + "." + h.syscall);
    }
    std::vector<scmp_arg_cmp> arguments;
    for (const deputy_predicate &p : h.predicates) {
        if (is_never(p)) {
            return;
        }
        arguments.push_back(comparison(p));
    }
    const int nr = seccomp_syscall_resolve_name(h.syscall.c_str());
    if (nr == __NR_SCMP_ERROR) {
        throw std::runtime_error("libseccomp does not know the system call " + h.syscall +
                                 ": install a newer libseccomp or disable " + h.plugin->name() + "." +
                                 h.syscall);
    }
    const int r = seccomp_rule_add_array(filter, SCMP_ACT_NOTIFY, nr, static_cast<unsigned>(arguments.size()),
                                         arguments.data());
    if (r != -EEXIST) {
        check(r, "filter the system call " + h.syscall);
    }
}

std::vector<sock_filter> exported(scmp_filter_ctx filter)
{
    const unique_fd file(must(memfd_create("filter", MFD_CLOEXEC), "make a memfd"));
    check(seccomp_export_bpf(filter, file.get()), "export the seccomp filter");
    const off_t size = lseek(file.get(), 0, SEEK_END);
    std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
    if (pread(file.get(), program.data(), static_cast<std::size_t>(size), 0) != size) {
        fail("read the seccomp filter");
    }
    return program;
}

} // namespace

std::vector<sock_filter> make_filter(const handler_table &handlers)
{
    const context filter(seccomp_init(SCMP_ACT_ALLOW), &seccomp_release);
    if (!filter) {
        throw std::runtime_error("cannot make a seccomp filter: out of memory");
    }
    check(seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)),
          "set up the seccomp filter");
    add_architectures(filter.get());
    check(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EBUSY), SCMP_SYS(seccomp), 2,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, SECCOMP_SET_MODE_FILTER),
                           SCMP_A1(SCMP_CMP_MASKED_EQ, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                                   SECCOMP_FILTER_FLAG_NEW_LISTENER)),
          "refuse listeners in the seccomp filter");
    for (const handler *h : handlers_on(handlers)) {
        add_handler(filter.get(), *h);
    }
    return exported(filter.get());
}

installed_filter install_filter(const std::vector<sock_filter> &program)
{
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
    constexpr unsigned SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 1U << 5;
#endif
    const sock_fprog code{static_cast<unsigned short>(program.size()),
                          const_cast<sock_filter *>(program.data())};
    const auto install = [&](unsigned flags) {
        return static_cast<int>(
            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, &code));
    };
    installed_filter f{unique_fd(install(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)), true};
    if (!f.listener && errno == EINVAL) {
        f = {unique_fd(install(0)), false};
    }
    if (!f.listener && errno == EBUSY) {
        throw std::runtime_error(
            "cannot install the seccomp filter: this process is supervised through a seccomp "
            "listener already, and the kernel allows one: run deputy outside of that container");
    }
    if (!f.listener) {
        fail_feature("install the seccomp filter", "seccomp notifier", "5.0");
    }
    return f;
}

void check_listener(int listener)
{
    if (syscall(SYS_pidfd_getfd, -1, -1, 0) < 0 && errno == ENOSYS) {
        fail_feature("supervise a container", "pidfd_getfd()", "5.6");
    }
    // No call has id 0 now; a kernel that knows the flag says ENOENT.
    seccomp_notif_addfd add{};
    add.flags = SECCOMP_ADDFD_FLAG_SEND;
    add.srcfd = static_cast<std::uint32_t>(listener);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 && errno != ENOENT) {
        fail_feature("supervise a container", "SECCOMP_ADDFD_FLAG_SEND", "5.14");
    }
}

} // namespace deputyd

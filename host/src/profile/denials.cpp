// SPDX-License-Identifier: Apache-2.0
#include "profile/denials.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <seccomp.h>
#include <span>
#include <stdexcept>
#include <utility>

#include "base/errno_name.hpp"
#include "base/syscall_name.hpp"
#include "profile/architectures.hpp"

namespace deputyd::profile
{
namespace
{

/// For calls that no rule of the base is about. A filter has room for 4,096 instructions, and for three
/// architectures such a rule takes about five.
constexpr std::size_t most_rules = 256;

/// With these runtimes report, and give the listener away.
constexpr const char *never[] = {"recvmsg", "seccomp", "sendmsg", "write"};

/// Made by runtimes before the listener is served, also by their languages and libraries, which go on without
/// if they fail. Handed over they would wait for ever. That they make calls which a rule for certain
/// arguments denies is not known.
constexpr const char *never_whole[] = {"_llseek",
                                       "clock_gettime64",
                                       "clone3",
                                       "close",
                                       "close_range",
                                       "dup2",
                                       "dup3",
                                       "epoll_ctl",
                                       "epoll_pwait",
                                       "epoll_pwait2",
                                       "epoll_wait",
                                       "eventfd2",
                                       "faccessat2",
                                       "fcntl",
                                       "fcntl64",
                                       "fstat",
                                       "fstat64",
                                       "fstatat64",
                                       "futex",
                                       "futex_time64",
                                       "getpid",
                                       "getrandom",
                                       "gettid",
                                       "ioctl",
                                       "lseek",
                                       "madvise",
                                       "membarrier",
                                       "mincore",
                                       "munmap",
                                       "nanosleep",
                                       "newfstatat",
                                       "pidfd_open",
                                       "pipe2",
                                       "poll",
                                       "ppoll",
                                       "ppoll_time64",
                                       "prctl",
                                       "read",
                                       "readlinkat",
                                       "recvfrom",
                                       "restart_syscall",
                                       "rseq",
                                       "rt_sigprocmask",
                                       "sched_getaffinity",
                                       "sched_yield",
                                       "sendto",
                                       "set_robust_list",
                                       "setsid",
                                       "sigaltstack",
                                       "statx",
                                       "tgkill",
                                       "timer_create",
                                       "timer_delete",
                                       "timer_settime",
                                       "wait4"};

bool is_among(const std::string &name, std::span<const char *const> names)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// i386 makes several system calls by one number, of which rules with arguments see nothing.
bool is_multiplexed(const std::string &syscall)
{
    return seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, syscall.c_str()) <= -100 &&
           seccomp_syscall_resolve_name_rewrite(SCMP_ARCH_X86, syscall.c_str()) > 0;
}

class finder
{
public:
    explicit finder(const denying_base &base) : base_(base), architectures_(numbers_of(base.architectures))
    {
        has_i386_ =
            std::find(architectures_.begin(), architectures_.end(), SCMP_ARCH_X86) != architectures_.end();
        for (const rule &r : base.rules) {
            for (const std::string &name : r.names) {
                note_number(name);
                if (r.does != base.fallback) { // runtimes drop such a rule
                    rules_[name].push_back(&r);
                }
            }
        }
    }

    denials find()
    {
        std::set<std::string> names;
        for (const auto &[name, rules] : rules_) {
            names.insert(name);
        }
        if (base_.fallback.denies()) {
            names.merge(syscalls_of(architectures_));
        }
        for (const std::string &name : names) {
            if (is_syscall(name)) {
                look_at(name);
            }
        }
        return std::move(found_);
    }

private:
    void note_number(const std::string &name)
    {
        for (const std::uint32_t arch : architectures_) {
            int &last = last_.try_emplace(arch, -1).first->second;
            last = std::max(last, seccomp_syscall_resolve_name_arch(arch, name.c_str()));
        }
    }

    /// Whether the number is higher than those of all calls that the base names. runc answers such calls with
    /// ENOSYS whatever the default is.
    bool is_newer(const std::string &name) const
    {
        return std::any_of(architectures_.begin(), architectures_.end(), [&](std::uint32_t arch) {
            const auto last = last_.find(arch);
            return seccomp_syscall_resolve_name_arch(arch, name.c_str()) >
                   (last == last_.end() ? -1 : last->second);
        });
    }

    /// Why a system call that is denied must stay as it is, or "".
    std::string reason_to_keep(const std::string &name, bool is_whole) const
    {
        if (const auto kept = base_.kept.find(name); kept != base_.kept.end()) {
            return kept->second;
        }
        if (is_among(name, never) || (is_whole && is_among(name, never_whole))) {
            return "container runtimes make them before the listener is served";
        }
        if (has_i386_ && (name == "socketcall" || name == "ipc")) {
            return "they are many system calls in one";
        }
        const bool by_default_alone = !rules_.contains(name);
        if (by_default_alone && base_.fallback.error != ENOSYS && is_newer(name)) {
            return "they are newer than all that the base names, and runc answers with ENOSYS";
        }
        return "";
    }

    /// @param rest the calls that no rule is about; nullptr: all calls are denied.
    void add(const std::string &name, const std::set<int> &errors, const cubes *rest)
    {
        std::string reason = reason_to_keep(name, rest == nullptr);
        if (reason.empty() && errors.size() != 1) {
            reason = "they have several errnos each";
        } else if (reason.empty() && !is_errno(*errors.begin())) {
            reason = "their errno is none that a host can answer with";
        } else if (reason.empty() && rest != nullptr && rest->size() > room_) {
            reason = too_many;
        }
        if (!reason.empty()) {
            found_.left.emplace(name, reason);
            return;
        }
        found_.errors.emplace(name, *errors.begin());
        if (rest == nullptr) {
            found_.whole.insert(name);
        } else if (!rest->empty()) {
            found_.by_default.emplace(name, *rest);
            room_ -= rest->size();
        }
    }

    void look_at(const std::string &name)
    {
        const auto own = rules_.find(name);
        if (own == rules_.end()) {
            add(name, {base_.fallback.error}, nullptr);
            return;
        }
        const auto whole = std::find_if(own->second.begin(), own->second.end(),
                                        [](const rule *r) { return !r->has_arguments; });
        if (whole == own->second.end()) {
            look_at_conditional(name, own->second);
        } else if ((*whole)->does.denies()) { // it silences all others
            add(name, {(*whole)->does.error}, nullptr);
        }
    }

    /// One whose rules have arguments all.
    void look_at_conditional(const std::string &name, const std::vector<const rule *> &rules)
    {
        std::set<int> errors;
        for (const rule *r : rules) {
            if (r->does.denies()) {
                errors.insert(r->does.error);
            }
        }
        if (errors.empty() && !base_.fallback.denies()) {
            return;
        }
        std::string reason;
        const auto rest = rest_of(name, rules, reason);
        if (!rest) {
            found_.left.emplace(name, reason);
            return;
        }
        if (!rest->empty()) {
            errors.insert(base_.fallback.error);
        }
        if (!errors.empty()) {
            add(name, errors, &*rest);
        }
    }

    /// Calls that fall to a default that denies. @return nothing and the reason if rules cannot say them.
    std::optional<cubes> rest_of(const std::string &name, const std::vector<const rule *> &rules,
                                 std::string &ret_reason) const
    {
        cubes rest = {cube{}};
        for (const rule *r : rules) {
            if (r->repeats_argument) {
                ret_reason = "runtimes disagree about two conditions on one argument";
                return std::nullopt;
            }
            if (std::all_of(r->calls.begin(), r->calls.end(), has_upper_half)) {
                ret_reason = "their rules compare upper halves of arguments";
                return std::nullopt;
            }
            if (!base_.fallback.denies()) {
                rest.clear();
            }
            try {
                rest = subtract(rest, r->calls);
            } catch (const std::runtime_error &) {
                ret_reason = too_many;
                return std::nullopt;
            }
        }
        rest.erase(std::remove_if(rest.begin(), rest.end(), has_upper_half), rest.end());
        if (!rest.empty() && has_i386_ && is_multiplexed(name)) {
            ret_reason = "32-bit programs make them without arguments that rules see";
            return std::nullopt;
        }
        return rest;
    }

    static constexpr const char *too_many = "what is denied of them takes too many rules to say";

    const denying_base &base_;
    const std::vector<std::uint32_t> architectures_;
    bool has_i386_ = false;
    std::size_t room_ = most_rules;
    std::map<std::uint32_t, int> last_; ///< highest number that the base names
    std::map<std::string, std::vector<const rule *>> rules_;
    denials found_;
};

} // namespace

denials find_denials(const denying_base &base)
{
    return finder(base).find();
}

} // namespace deputyd::profile

// SPDX-License-Identifier: Apache-2.0
#include "plugin.hpp"

#include <climits>
#include <cstdio>
#include <fcntl.h>
#include <linux/capability.h>
#include <mutex>

#include "host_side.hpp"

namespace open_plugin
{
namespace
{

using deputy::answer;

constexpr std::uint64_t first_how_size = 24; // OPEN_HOW_SIZE_VER0

/// What the caller may use over the files of rules, if it has it in the container's user namespace.
constexpr std::uint64_t granted = 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_FOWNER;

/// What the caller gets by the rule that fits.
answer by_rule(deputy::call &call, const match &m, const open_request &request, std::uint64_t capabilities)
{
    if ((request.how.flags & O_PATH) != 0) { // the kernel sends no such descriptor
        return m.by->refuses_path() ? answer::failure(EACCES) : answer::proceed();
    }
    if ((request.how.resolve & RESOLVE_CACHED) != 0) {
        return answer::failure(EAGAIN);
    }
    if ((request.how.resolve & RESOLVE_NO_XDEV) != 0 && !m.from_within) {
        return answer::failure(EXDEV); // as if it were mounted there
    }
    auto fd = host_side(call, m, request, capabilities & granted).open();
    switch (fd.error_number()) {
    case 0:
        return answer::descriptor(*std::move(fd), request.how.flags & O_CLOEXEC);
    case EXDEV: // a dot-dot or a link that leads out of the rule: the caller's own tree counts there
        return answer::proceed();
    case ESRCH:
    case ECANCELED:
        return answer::failure(EINTR); // to nobody
    default:
        return answer::failure(fd.error_number());
    }
}

/// The call as a person would write it, with the rule that fits.
void describe(const deputy::call &call, const open_request &request, const rule &by)
{
    if (!call.is_looked_at()) {
        return;
    }
    char numbers[64];
    std::snprintf(numbers, sizeof numbers, "\", %#llo, 0%llo",
                  static_cast<unsigned long long>(request.how.flags),
                  static_cast<unsigned long long>(request.how.mode));
    call.describe('"' + request.path + numbers + ", rule " + by.path());
}

answer serve(deputy::call &call, const rules &all, const open_request &request)
{
    const auto caller = call.privileges();
    if (!caller || caller->in_container_user_ns == 0) {
        return answer::proceed();
    }
    const auto fits = find_rule(call, all, request);
    if (!fits || !kernel_takes(request.how)) {
        return answer::proceed();
    }
    describe(call, request, *fits->by);
    return by_rule(call, *fits, request, caller->capabilities);
}

} // namespace

void plugin::container_added(const deputy_container &container)
{
    rules all;
    for (const rule_text &text : read_rules({host_, container.id})) {
        all.emplace_back(text);
    }
    const std::unique_lock hold(mutex_);
    rules_[container.id] = std::make_shared<const rules>(std::move(all));
}

void plugin::container_gone(std::uint64_t id)
{
    const std::unique_lock hold(mutex_);
    rules_.erase(id);
}

plugin::rules_ptr plugin::rules_of(std::uint64_t container) const
{
    const std::shared_lock hold(mutex_);
    return rules_.at(container);
}

answer plugin::by_flags(deputy::call &call, std::int32_t dirfd, std::uint64_t path, std::uint32_t flags,
                        std::uint32_t mode, bool small_files)
{
    const auto all = rules_of(call.container());
    auto text = call.read_string(path, PATH_MAX);
    if (!text || !may_match(*all, *text)) {
        return answer::proceed();
    }
    return serve(call, *all, {dirfd, *std::move(text), how_of(flags, mode), small_files});
}

answer plugin::open(deputy::call &call)
{
    const std::uint32_t flags = call.arg32(1);
    return by_flags(call, AT_FDCWD, call.arg(0), flags, call.arg32(2),
                    has_small_files(call.syscall().arch, flags));
}

answer plugin::openat(deputy::call &call)
{
    const std::uint32_t flags = call.arg32(2);
    return by_flags(call, static_cast<std::int32_t>(call.arg32(0)), call.arg(1), flags, call.arg32(3),
                    has_small_files(call.syscall().arch, flags));
}

answer plugin::creat(deputy::call &call)
{
    return by_flags(call, AT_FDCWD, call.arg(0), O_CREAT | O_WRONLY | O_TRUNC, call.arg32(1), false);
}

answer plugin::openat2(deputy::call &call)
{
    const auto all = rules_of(call.container());
    auto text = call.read_string(call.arg(1), PATH_MAX);
    if (!text || !may_match(*all, *text) || call.arg(3) < first_how_size) {
        return answer::proceed();
    }
    open_request request{static_cast<std::int32_t>(call.arg32(0)), *std::move(text)};
    if (!call.read_struct(call.arg(2), call.arg(3), &request.how, sizeof request.how)) {
        return answer::proceed();
    }
    return serve(call, *all, request);
}

void plugin::undo(const deputy::undo_request &request)
{
    remove_made_file(request);
}

} // namespace open_plugin

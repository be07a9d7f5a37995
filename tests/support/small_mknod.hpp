// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <limits.h>
#include <linux/capability.h>
#include <sys/stat.h>

#include <deputy/plugin.hpp>

/// The handler that plugin.hpp is measured by: mknodat() of /dev/null, complete with undo.
class small_mknod
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;
    static constexpr std::uint64_t grant = std::uint64_t{1} << CAP_MKNOD;
    struct token {
        char name[256];
    };

    explicit small_mknod(deputy::host) {}
    void register_handlers(deputy::registrar<small_mknod> &r)
    {
        const deputy_predicate null[] = {deputy::masked32(2, S_IFMT, S_IFCHR), deputy::equals32(3, 0x103)};
        r.on<&small_mknod::mknodat, &small_mknod::undo>("mknodat", null);
    }
    // begin: the handler
    deputy::answer mknodat(deputy::call &call)
    {
        const auto path = call.read_string(call.arg(1), PATH_MAX);
        const auto caller = call.privileges();
        if (!path || !caller) {
            return deputy::answer::failure(path ? caller.error_number() : path.error_number());
        }
        auto at = call.parent(static_cast<std::int32_t>(call.arg32(0)), *path);
        if (!at) {
            return deputy::answer::failure(at.error_number());
        }
        if (at->last.kind != DEPUTY_LAST_NAME || at->last.trailing_slash != 0) {
            return deputy::answer::failure(at->last.kind == DEPUTY_LAST_NAME ? ENOENT : EEXIST);
        }
        if (caller->in_container_user_ns == 0 || (caller->capabilities & grant) == 0) {
            return deputy::answer::failure(EPERM);
        }
        token t{};
        std::memcpy(t.name, at->last.name, sizeof t.name);
        if (const auto r = call.commit(t); !r) {
            return deputy::answer::failure(r.error_number());
        }
        if (const auto r = call.mknod(at->directory, t.name, call.arg32(2), call.arg32(3), grant); !r) {
            return deputy::answer::failure(r.error_number());
        }
        call.keep(std::move(at->directory));
        return deputy::answer::value(0);
    }
    // end
    void undo(const deputy::undo_request &lost)
    {
        if (lost.kept() >= 0) { // it was made by this call
            (void)lost.unlink(lost.kept(), lost.as<token>().name, 0, 0);
        }
    }
};

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <unordered_map>

#include <deputy/plugin.hpp>

#include "match.hpp"
#include "request.hpp"
#include "settings.hpp"

namespace open_plugin
{

/// open(), openat(), openat2() and creat() of what rules grant; all else is left to the kernel.
///
/// Nothing here denies: a call that no rule fits, that cannot be understood, or that the kernel would refuse
/// before it looks at the path is continued, and a second thread that changes the path meanwhile gets from
/// the kernel what it could have had anyway.
class plugin
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = open_plugin::settings_schema;

    explicit plugin(deputy::host host) : host_(host) {}

    template <class Registrar> void register_handlers(Registrar &r)
    {
        r.template on<&plugin::open, &plugin::undo>("open");
        r.template on<&plugin::openat, &plugin::undo>("openat");
        r.template on<&plugin::openat2, &plugin::undo>("openat2");
        r.template on<&plugin::creat, &plugin::undo>("creat");
    }
    void container_added(const deputy_container &container);
    void container_gone(std::uint64_t id);

    deputy::answer open(deputy::call &call);
    deputy::answer openat(deputy::call &call);
    deputy::answer openat2(deputy::call &call);
    deputy::answer creat(deputy::call &call);
    void undo(const deputy::undo_request &request);

private:
    using rules_ptr = std::shared_ptr<const rules>;

    [[nodiscard]] rules_ptr rules_of(std::uint64_t container) const;
    deputy::answer by_flags(deputy::call &call, std::int32_t dirfd, std::uint64_t path, std::uint32_t flags,
                            std::uint32_t mode, bool small_files);

    deputy::host host_;
    mutable std::shared_mutex mutex_;
    std::unordered_map<std::uint64_t, rules_ptr> rules_;
};

} // namespace open_plugin

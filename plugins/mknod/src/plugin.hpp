// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include <sys/stat.h>

#include <deputy/plugin.hpp>

#include "granted_devices.hpp"
#include "made_nodes.hpp"
#include "settings.hpp"

namespace mknod_plugin
{

/// mknod() and mknodat() of devices, for containers that may have them.
///
/// A node is made by the kernel itself, as the caller and with CAP_MKNOD on top, so permissions, owner, mode
/// and errno are the kernel's. What gets nothing from here goes on in the kernel, which refuses it where it
/// would refuse it natively.
class plugin
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = mknod_plugin::settings_schema;

    explicit plugin(deputy::host host) : host_(host) {}

    template <class Registrar> void register_handlers(Registrar &r)
    {
        for (const std::uint32_t type : {std::uint32_t{S_IFCHR}, std::uint32_t{S_IFBLK}}) {
            // The kernel reads 16 bits of the mode; S_IFMT is among them.
            const std::array<deputy_predicate, 1> mknod_of = {deputy::masked32(1, S_IFMT, type)};
            const std::array<deputy_predicate, 1> mknodat_of = {deputy::masked32(2, S_IFMT, type)};
            r.template on<&plugin::mknod, &plugin::undo>("mknod", mknod_of);
            r.template on<&plugin::mknodat, &plugin::undo>("mknodat", mknodat_of);
        }
    }
    void container_added(const deputy_container &container);
    void container_gone(std::uint64_t id);

    deputy::answer mknod(deputy::call &call);
    deputy::answer mknodat(deputy::call &call);
    void undo(const deputy::undo_request &request);

private:
    /// What the plugin knows of a container. Immutable but for made, and for what granted does inside.
    struct container_state {
        std::string name;
        settings set;
        bool answers_may_be_lost;
        made_nodes made;
        std::unique_ptr<granted_devices> granted; ///< nullptr: the list of the settings counts
        std::once_flag told;                      ///< that what is granted cannot be found out
    };
    using container_ptr = std::shared_ptr<container_state>;

    /// The arguments, as the kernel reads them.
    struct request {
        std::int32_t dirfd;
        std::uint64_t path; ///< address
        std::uint32_t mode;
        std::uint32_t number; ///< of the device, encoded
    };
    /// Where to make which node.
    struct place {
        deputy::unique_fd directory;
        std::string name;
        std::uint32_t mode;
        std::uint32_t number;
    };

    [[nodiscard]] container_ptr find(std::uint64_t id) const;
    deputy::answer answer(deputy::call &call, const request &r);
    [[nodiscard]] bool is_granted(container_state &c, const device &d) const;
    deputy::answer make(deputy::call &call, container_state &c, const place &p);
    static bool adopt(const deputy::call &call, const container_state &c, const place &p,
                      std::uint64_t serial);
    static deputy::result<bool> make_or_adopt(deputy::call &call, const container_state &c, const place &p,
                                              std::uint64_t serial);
    deputy::result<void> make_node(deputy::call &call, const container_state &c, const place &p,
                                   std::uint64_t serial, made_node &record);
    deputy::result<void> make_usable(deputy::call &call, const container_state &c, const place &p,
                                     made_node &record);

    deputy::host host_;
    mutable std::shared_mutex containers_mutex_;
    std::unordered_map<std::uint64_t, container_ptr> containers_;
};

} // namespace mknod_plugin

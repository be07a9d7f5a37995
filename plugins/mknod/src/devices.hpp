// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mknod_plugin
{

/// A device as the kernel knows it: new_decode_dev() of what mknod() takes.
struct device {
    bool block;
    std::uint32_t major; ///< at most 4095
    std::uint32_t minor; ///< at most 1048575

    bool operator==(const device &) const = default;
    /// The one that the kernel lets anybody make: overlayfs takes it for "removed".
    [[nodiscard]] bool is_whiteout() const { return !block && major == 0 && minor == 0; }
};

/// @param mode of mknod(), of which the kernel reads 16 bits; its type is that of a device.
/// @param number as mknod() takes it.
device decode(std::uint32_t mode, std::uint32_t number);

/// Devices that policy grants.
class device_list
{
public:
    /// @param rules as in the setting "devices": "c 1:3", "b 7:*", "c 10:200-210".
    /// @throw std::system_error EINVAL, naming the rule and what is wrong with it.
    explicit device_list(const std::vector<std::string> &rules);

    [[nodiscard]] bool contains(const device &d) const;

private:
    struct rule {
        bool block;
        std::uint32_t major, first_minor, last_minor;
    };
    static rule parse(std::string_view text);

    std::vector<rule> rules_;
};

} // namespace mknod_plugin

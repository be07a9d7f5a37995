// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <system_error>

namespace mknod_plugin
{

namespace
{

/// Whether it is a string: the schema lets it be a list or one word.
bool is_word(const deputy::settings &set, const std::string &pointer)
{
    try {
        return !set.string(pointer).empty();
    } catch (const std::system_error &) {
        return false;
    }
}

} // namespace

settings read_settings(const deputy::host &host, std::uint64_t container)
{
    const deputy::settings set(host, container);
    const bool granted = is_word(set, "/devices");
    return {device_list(granted ? std::vector<std::string>{} : set.list("/devices")), granted,
            set.string("/nodev") == "bind"};
}

} // namespace mknod_plugin

// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

namespace mknod_plugin
{

settings read_settings(const deputy::host &host, std::uint64_t container)
{
    const deputy::settings set(host, container);
    return {device_list(set.list("/devices")), set.string("/nodev") == "bind"};
}

} // namespace mknod_plugin

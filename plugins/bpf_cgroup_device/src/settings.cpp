// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

namespace bpf_cgroup_device
{

settings read_settings(const deputy::host &host, std::uint64_t container)
{
    const deputy::settings set(host, container);
    return {static_cast<std::size_t>(set.integer("/programs")),
            static_cast<std::size_t>(set.integer("/instructions"))};
}

} // namespace bpf_cgroup_device

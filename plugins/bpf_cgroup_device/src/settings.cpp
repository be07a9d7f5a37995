// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include <nlohmann/json.hpp>

namespace bpf_cgroup_device
{

settings parse_settings(const char *json)
{
    settings s;
    if (json == nullptr) {
        return s;
    }
    const auto parsed = nlohmann::json::parse(json, nullptr, false);
    if (!parsed.is_object()) {
        throw std::system_error(EINVAL, std::system_category(), "the settings are no JSON object");
    }
    for (const auto &[key, value] : parsed.items()) {
        if (!value.is_number_unsigned()) {
            throw std::system_error(EINVAL, std::system_category(), "setting " + key + " is no number");
        }
        if (key == "programs") {
            s.programs = value.get<std::size_t>();
        } else if (key == "instructions") {
            s.instructions = value.get<std::size_t>();
        } else {
            throw std::system_error(EINVAL, std::system_category(), "unknown setting " + key);
        }
    }
    return s;
}

} // namespace bpf_cgroup_device

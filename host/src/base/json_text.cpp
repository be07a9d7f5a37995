// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.hpp"

#include <nlohmann/json.hpp>

namespace deputyd
{

std::string json_text(const nlohmann::json &value, int indent)
{
    constexpr bool ascii = false;
    return value.dump(indent, ' ', ascii, nlohmann::json::error_handler_t::replace);
}

} // namespace deputyd

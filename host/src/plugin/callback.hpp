// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace deputyd
{

/// Runs a callback of a plugin before it serves, when an exception that leaves it need not end the host.
/// @return what the callback says.
/// @throw std::runtime_error, which names the plugin and the callback, if it threw.
template <class Callback>
std::int32_t run_callback(std::string_view plugin, std::string_view callback, Callback &&run)
{
    constexpr std::string_view text =
        "plugin {}: {} threw out of the callback: {}; catch everything, as deputy/plugin.hpp does";
    try {
        return run();
    } catch (const std::exception &e) {
        throw std::runtime_error(fmt::format(text, plugin, callback, e.what()));
    } catch (...) {
        throw std::runtime_error(fmt::format(text, plugin, callback, "no std::exception"));
    }
}

} // namespace deputyd

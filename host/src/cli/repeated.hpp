// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace deputyd
{

/// An option that may be given several times, with one value each.
inline CLI::Option *repeated(CLI::App &app, const std::string &name, std::vector<std::string> &into,
                             const std::string &value, const std::string &help)
{
    return app.add_option(name, into, help)
        ->type_name(value)
        ->type_size(1)
        ->expected(1, CLI::detail::expected_max_vector_size)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

} // namespace deputyd

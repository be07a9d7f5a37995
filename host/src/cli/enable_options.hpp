// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "policy/flags.hpp"

namespace CLI
{
class App;
}

namespace deputyd
{

/// The options --enable and --disable of a command.
struct enable_options {
    flags enabled; ///< in the order of the command line

    /// @param note more of --enable's help. @param app this outlives its parsing.
    void add_to(CLI::App &app, const std::string &note = "");

private:
    std::vector<std::string> enable_, disable_;
};

} // namespace deputyd

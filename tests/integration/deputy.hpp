// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "support/process.hpp"

namespace deputyd::test
{

/// The program under test.
inline const std::string deputy_binary = DEPUTY_BIN_DIR "/deputy";

/// "deputy run OPTIONS -- COMMAND" as arguments.
inline std::vector<std::string> deputy_command(const std::vector<std::string> &command,
                                               const std::vector<std::string> &options = {})
{
    std::vector<std::string> argv = {deputy_binary, "run"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.emplace_back("--");
    argv.insert(argv.end(), command.begin(), command.end());
    return argv;
}

inline outcome deputy_run(const std::vector<std::string> &command,
                          const std::vector<std::string> &options = {})
{
    return run(deputy_command(command, options));
}

} // namespace deputyd::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace CLI
{
class App;
}

namespace deputyd
{

/// "deputy profile", which writes seccomp profiles, and "deputy profile lint", which judges them.
class profile_command
{
public:
    /// Describes itself to app, which outlives it.
    explicit profile_command(CLI::App &app);
    ~profile_command();
    profile_command(const profile_command &) = delete;
    profile_command &operator=(const profile_command &) = delete;

    bool is_chosen() const;
    /// Does what the arguments say; writes to standard output.
    /// @return exit status: of lint 1 if there is a finding, else 0. @throw std::runtime_error.
    int run();

private:
    struct options;
    std::unique_ptr<options> options_;
};

} // namespace deputyd

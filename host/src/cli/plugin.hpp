// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace CLI
{
class App;
}

namespace deputyd
{

/// The command "deputy plugin": check, list, show, new.
class plugin_command
{
public:
    explicit plugin_command(CLI::App &app);
    ~plugin_command();

    bool is_chosen() const; ///< once the command line is parsed
    /// @return exit status. @throw std::runtime_error with what is wrong.
    int run();

private:
    struct options;
    std::unique_ptr<options> options_;
};

} // namespace deputyd

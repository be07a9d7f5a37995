// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace CLI
{
class App;
}

namespace deputyd
{

/// "deputy config check" and "deputy config show".
class config_command
{
public:
    explicit config_command(CLI::App &app);
    ~config_command();
    config_command(const config_command &) = delete;
    config_command &operator=(const config_command &) = delete;

    bool is_chosen() const;
    /// @return the exit status. @throw std::runtime_error.
    int run() const;

private:
    struct options;
    std::unique_ptr<options> options_;
};

} // namespace deputyd

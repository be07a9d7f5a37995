// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace CLI
{
class App;
}

namespace deputyd
{

/// "deputy enable", "deputy disable" and "deputy explain": what a running deputyd does with a policy's calls.
class control_command
{
public:
    explicit control_command(CLI::App &app);
    ~control_command();
    control_command(const control_command &) = delete;
    control_command &operator=(const control_command &) = delete;

    bool is_chosen() const;
    /// @return the exit status. @throw std::runtime_error.
    int run() const;

private:
    struct options;
    std::unique_ptr<options> options_;
};

/// What people read of an answer of /v1/flags and of /v1/explain.
std::string change_text(const nlohmann::json &answer);
std::string explain_text(const nlohmann::json &answer);

} // namespace deputyd

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace CLI
{
class App;
}

namespace deputyd
{

/// "deputy doctor": whether this machine has what deputy needs.
class doctor_command
{
public:
    explicit doctor_command(CLI::App &app);
    ~doctor_command();

    bool is_chosen() const;
    /// @return exit status: 1 if something does not work.
    int run() const;

private:
    struct options;
    std::unique_ptr<options> options_;
};

} // namespace deputyd

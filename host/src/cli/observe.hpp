// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace CLI
{
class App;
}

namespace deputyd
{

/// "deputy ps", "stats", "top" and "trace": what deputyd does.
class observe_command
{
public:
    explicit observe_command(CLI::App &app);
    ~observe_command();

    bool is_chosen() const;
    /// @return exit status. @throw std::runtime_error if deputyd cannot be asked.
    int run() const;

private:
    struct options;
    static void trace(const options &o);
    static void top(const options &o);

    std::unique_ptr<options> options_;
};

} // namespace deputyd

// SPDX-License-Identifier: Apache-2.0
// Breaks: getppid() sleeps for a minute, past any deadline; uname() answers EXDEV at once.
#include <deputy/plugin.hpp>

#include <chrono>
#include <thread>

namespace
{

class sleeps
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit sleeps(deputy::host) {}

    void register_handlers(deputy::registrar<sleeps> &registrar)
    {
        registrar.on<&sleeps::getppid>("getppid");
        registrar.on<&sleeps::uname>("uname");
    }
    deputy::answer getppid(deputy::call &)
    {
        std::this_thread::sleep_for(std::chrono::minutes(1));
        return deputy::answer::value(42);
    }
    deputy::answer uname(deputy::call &) { return deputy::answer::failure(EXDEV); }
};

} // namespace

DEPUTY_PLUGIN(sleeps, 0,
              "sleeps\0"
              "0.1\0"
              "getppid\0"
              "uname\0")

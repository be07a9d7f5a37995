// SPDX-License-Identifier: Apache-2.0
// Breaks: says that its handler runs any number of times at once, but what it uses there does not.
#include <deputy/plugin.hpp>

#include <atomic>
#include <cstdlib>

namespace
{

class not_parallel
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit not_parallel(deputy::host host) : services_(host) {}

    void register_handlers(deputy::registrar<not_parallel> &registrar)
    {
        registrar.on<&not_parallel::getppid>("getppid");
    }
    deputy::answer getppid(deputy::call &call)
    {
        if (busy_.exchange(true)) {
            std::abort();
        }
        (void)call.privileges();
        busy_ = false;
        return deputy::answer::value(0);
    }

private:
    deputy::services services_;
    std::atomic<bool> busy_{false};
};

} // namespace

DEPUTY_PLUGIN(not_parallel, 0,
              "not_parallel\0"
              "0.1\0"
              "getppid\0")

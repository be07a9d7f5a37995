// SPDX-License-Identifier: Apache-2.0
// Breaks: getppid() is answered by complete() twice, first with 1, then with 2; it logs what the host
// says to the second.
#include <deputy/plugin.hpp>

namespace
{

class replies_twice
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;

    explicit replies_twice(deputy::host host) : host_(host), services_(host) {}

    void register_handlers(deputy::registrar<replies_twice> &registrar)
    {
        registrar.on<&replies_twice::getppid>("getppid");
    }

    deputy::answer getppid(deputy::call &call)
    {
        const auto ticket = call.defer();
        if (!ticket) {
            return deputy::answer::failure(ticket.error_number());
        }
        (void)host_.complete(*ticket, deputy::answer::value(1));
        const int error = host_.complete(*ticket, deputy::answer::value(2)).error_number();
        host_.log(DEPUTY_LOG_INFO, "the second answer: " + std::to_string(error));
        return deputy::answer::deferred();
    }

private:
    deputy::host host_;
    deputy::services services_;
};

} // namespace

DEPUTY_PLUGIN(replies_twice, 0,
              "replies_twice\0"
              "0.1\0"
              "getppid\0")

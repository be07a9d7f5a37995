// SPDX-License-Identifier: Apache-2.0
// A well-behaved plugin with two system calls and settings: getppid() returns 42, uname() fails with EXDEV.
#include <deputy/plugin.hpp>

namespace
{

class two_calls
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PER_CONTAINER;
    static constexpr const char *settings_schema = R"({
        "type": "object", "additionalProperties": false,
        "properties": {"limit": {"description": "A limit.", "type": "integer", "minimum": 1},
                       "names": {"description": "Names in small letters.", "type": "array",
                                 "items": {"type": "string", "pattern": "^[a-z]+$"}}}})";

    explicit two_calls(deputy::host host) : host_(host) {}

    void register_handlers(deputy::registrar<two_calls> &registrar)
    {
        registrar.on<&two_calls::getppid>("getppid");
        registrar.on<&two_calls::uname>("uname");
    }
    void container_exec(std::uint64_t) { host_.log(DEPUTY_LOG_INFO, "another process of a container"); }
    deputy::answer getppid(deputy::call &) { return deputy::answer::value(42); }
    deputy::answer uname(deputy::call &) { return deputy::answer::failure(EXDEV); }

private:
    deputy::host host_;
};

} // namespace

DEPUTY_PLUGIN(two_calls, 0,
              "two_calls\0"
              "0.1\0"
              "getppid\0"
              "uname\0")

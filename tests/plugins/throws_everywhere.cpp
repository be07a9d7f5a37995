// SPDX-License-Identifier: Apache-2.0
// Breaks: the callback that DEPUTY_TEST_CALLBACK names throws, through C.
#include <deputy/plugin.hpp>

#include <cstdlib>
#include <stdexcept>

namespace
{

void maybe_throw(std::string_view callback)
{
    const char *chosen = std::getenv("DEPUTY_TEST_CALLBACK");
    if (chosen != nullptr && callback == chosen) {
        throw std::runtime_error("thrown on purpose");
    }
}

deputy_verdict handle(void *, deputy_call *, const deputy_syscall *, deputy_answer *)
{
    maybe_throw("handle");
    return DEPUTY_REPLY;
}

std::int32_t register_handlers(void *, const deputy_registrar *registrar)
{
    maybe_throw("register_handlers");
    deputy_handler h{};
    h.struct_size = sizeof h;
    h.syscall = "getppid";
    h.handle = &handle;
    return registrar->add(registrar->context, &h);
}

constexpr deputy_plugin_v1 describe()
{
    deputy_plugin_v1 d{};
    d.struct_size = sizeof d;
    d.threads = DEPUTY_THREADS_PARALLEL;
    d.create = [](const deputy_host *, void **ret) -> std::int32_t {
        maybe_throw("create");
        *ret = nullptr;
        return 0;
    };
    d.register_handlers = &register_handlers;
    d.ready = [](void *) -> std::int32_t {
        maybe_throw("ready");
        return 0;
    };
    d.container_added = [](void *, const deputy_container *) -> std::int32_t {
        maybe_throw("container_added");
        return 0;
    };
    d.container_gone = [](void *, std::uint64_t) { maybe_throw("container_gone"); };
    d.drain = [](void *) { maybe_throw("drain"); };
    d.destroy = [](void *) { maybe_throw("destroy"); };
    return d;
}

constexpr deputy_plugin_v1 description = describe();

} // namespace

DEPUTY_MANIFEST(0, "throws_everywhere\0"
                   "0.1\0"
                   "getppid\0");

extern "C" __attribute__((visibility("default"))) std::int32_t
deputy_plugin_query_v1(std::uint32_t, const deputy_plugin_v1 **ret_plugin)
{
    maybe_throw("query");
    *ret_plugin = &description;
    return 0;
}

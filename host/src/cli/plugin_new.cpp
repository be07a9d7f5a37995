// SPDX-License-Identifier: Apache-2.0
#include "cli/plugin_new.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "base/log.hpp"

namespace deputyd
{
namespace
{

namespace fs = std::filesystem;

struct file {
    const char *name; ///< "@" is the plugin's name, here and in the text
    const char *text;
};

constexpr file files[] = {
    {"CMakeLists.txt", R"(cmake_minimum_required(VERSION 3.25)
project(@ LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_EXTENSIONS OFF)
find_package(deputy-plugin 1 REQUIRED)

deputy_add_plugin(@ @.cpp)
deputy_install_plugin(@)

include(CTest)
if(BUILD_TESTING)
    find_package(GTest REQUIRED)
    add_executable(@_test @_test.cpp)
    target_link_libraries(@_test PRIVATE deputy::plugin GTest::gtest_main)
    add_test(NAME @_test COMMAND @_test)
    find_program(DEPUTY deputy PATHS /usr/sbin /usr/local/sbin REQUIRED)
    add_test(NAME @_check COMMAND ${DEPUTY} plugin check $<TARGET_FILE:@>)
endif()
)"},
    {"@.hpp", R"(#pragma once

#include <cerrno>

#include <deputy/plugin.hpp>

/// Answers acct(): nobody turns process accounting on or off, whatever the file.
class @
{
public:
    // One call at once. With PARALLEL members need locks.
    static constexpr std::uint32_t threads = DEPUTY_THREADS_SERIAL;
    static constexpr const char *settings_schema = R"json({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "error": {
                "type": "integer", "minimum": 1, "maximum": 133, "default": 1,
                "description": "Errno for the caller."
            }
        }
    })json";

    explicit @(deputy::host host) : host_(host) {}

    void register_handlers(deputy::registrar<@> &registrar) { registrar.on<&@::acct>("acct"); }

    deputy::answer acct(deputy::call &call)
    {
        // Copy what the caller's pointers lead to once, and use the copy.
        if (call.arg(0) != 0) {
            if (const auto path = call.read_string(call.arg(0), 4096); !path) {
                return deputy::answer::failure(path.error_number());
            }
        }
        const deputy::settings settings(host_, call.container());
        return deputy::answer::failure(static_cast<int>(settings.integer("/error")));
    }

private:
    deputy::host host_;
};
)"},
    {"@.cpp", R"(#include "@.hpp"

// Name, version and every system call that it registers; 0: it needs no capability.
DEPUTY_PLUGIN(@, 0, "@\0" "0.1\0" "acct\0")
)"},
    {"@_test.cpp", R"(#include <gtest/gtest.h>

#include <deputy/testing/kit.hpp>

#include "@.hpp"

using namespace deputy::testing;

class @_test : public testing::Test
{
protected:
    @_test()
    {
        host.settings.set(0, "/error", EPERM); // the schema's default
        plugin.add_container(1);
    }

    fake_host host;
    fake_plugin plugin{host, table_of<@>()};
};

TEST_F(@_test, accounting_is_refused)
{
    EXPECT_EQ(plugin.call("acct", {0}).error, EPERM);
    EXPECT_EQ(plugin.call("acct", {host.map_string("/var/log/account")}).error, EPERM);
}

TEST_F(@_test, a_path_that_is_not_there_is_a_fault)
{
    EXPECT_EQ(plugin.call("acct", {8}).error, EFAULT);
}

TEST_F(@_test, a_container_may_have_another_errno)
{
    host.settings.set(1, "/error", ENOSYS);
    EXPECT_EQ(plugin.call("acct", {0}).error, ENOSYS);
}

TEST_F(@_test, a_caller_that_goes_at_any_step_breaks_nothing)
{
    const auto path = host.map_string("/var/log/account");
    for_each_step(
        host, plugin, -ESRCH, [&] { return plugin.call("acct", {path}); },
        [](const std::string &service, outcome &got) {
            EXPECT_EQ(got.error, service.empty() ? EPERM : ESRCH) << service;
        });
}
)"},
};

bool is_plugin_name(const std::string &name)
{
    const auto other = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
    return !name.empty() && name.size() < 64 && name[0] >= 'a' && name[0] <= 'z' && other == name.npos;
}

std::string filled_in(std::string text, const std::string &name)
{
    for (std::size_t at = 0; (at = text.find('@', at)) != text.npos; at += name.size()) {
        text.replace(at, 1, name);
    }
    return text;
}

void write(const fs::path &path, const std::string &text)
{
    std::ofstream out(path);
    out << text << std::flush;
    if (!out) {
        throw std::runtime_error(fmt::format("{}: {}", path.string(), std::strerror(errno)));
    }
}

} // namespace

int plugin_new(const std::string &name)
{
    if (!is_plugin_name(name)) {
        throw std::runtime_error(
            fmt::format("{} is no name for a plugin: 1 to 63 bytes of [a-z0-9_] that begin "
                        "with a letter",
                        escaped(name)));
    }
    std::error_code failed;
    if (!fs::create_directory(name, failed)) {
        throw std::runtime_error(fmt::format("folder {}: {}; choose another name or take it away", name,
                                             failed ? failed.message() : "it is there already"));
    }
    for (const file &f : files) {
        write(fs::path(name) / filled_in(f.name, name), filled_in(f.text, name));
    }
    fmt::print("{0}/ is ready: cd {0} && cmake -B build && cmake --build build && ctest --test-dir build\n",
               name);
    return 0;
}

} // namespace deputyd

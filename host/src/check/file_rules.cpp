// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <dlfcn.h>
#include <string_view>

#include <fmt/format.h>
#include <seccomp.h>

#include <deputy/plugin.h>

#include "base/log.hpp"
#include "check/elf_symbols.hpp"
#include "check/rule.hpp"
#include "plugin/plugin_set.hpp"

namespace deputyd::check
{
namespace
{

/// A sanitizer's runtime is in the program, not in a library of the plugin.
bool is_of_sanitizer(std::string_view symbol)
{
    constexpr std::string_view prefixes[] = {"__asan_", "__ubsan_", "__tsan_", "__sanitizer_"};
    return std::any_of(std::begin(prefixes), std::end(prefixes),
                       [&](std::string_view p) { return symbol.starts_with(p); });
}

/// Opens libraries as the dynamic linker has them, those of the languages always.
std::vector<void *> open_libraries(std::vector<std::string> names)
{
    names.insert(names.end(), {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1"});
    std::vector<void *> handles;
    for (const std::string &name : names) {
        if (void *handle = dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD); handle != nullptr) {
            handles.push_back(handle);
        }
    }
    return handles;
}

} // namespace

void check_manifest(const subject &s)
{
    const manifest m = accepted_manifest(s.file);
    for (const std::string &name : m.syscalls) {
        if (seccomp_syscall_resolve_name(name.c_str()) == __NR_SCMP_ERROR) {
            throw broken(
                fmt::format("its manifest names {}, which is no system call; correct the name, as in "
                            "syscalls(2)",
                            name));
        }
        if (std::count(m.syscalls.begin(), m.syscalls.end(), name) > 1) {
            throw broken(fmt::format("its manifest names {} twice; take one out", name));
        }
    }
}

void check_one_symbol(const subject &s)
{
    for (const std::string &symbol : read_symbols(s.file).exported) {
        if (symbol != DEPUTY_PLUGIN_QUERY_SYMBOL) {
            throw broken(fmt::format("it exports {}; build it with deputy_add_plugin() or the version script "
                                     "that pkg-config --variable=versionscript deputy-plugin names",
                                     escaped(symbol)));
        }
    }
}

void check_own_libraries(const subject &s)
{
    const elf_symbols symbols = read_symbols(s.file);
    // The libraries are found as they were for the plugin itself.
    if (dlopen(s.file.c_str(), RTLD_LAZY | RTLD_LOCAL) == nullptr) {
        throw broken(fmt::format("it cannot be loaded: {}", dlerror()));
    }
    const std::vector<void *> libraries = open_libraries(symbols.libraries);
    for (const std::string &symbol : symbols.needed) {
        const bool found = std::any_of(libraries.begin(), libraries.end(), [&](void *library) {
            return dlsym(library, symbol.c_str()) != nullptr;
        });
        if (!found && !is_of_sanitizer(symbol)) {
            throw broken(fmt::format("it needs {}, which is in no library that it names; link it with that "
                                     "library, and with -Wl,-z,defs, which says so at build time",
                                     escaped(symbol)));
        }
    }
}

} // namespace deputyd::check

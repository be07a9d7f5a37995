// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>

namespace deputyd::check
{

/// What a rule is tried on.
struct subject {
    std::filesystem::path file; ///< absolute
    std::uint64_t seed;         ///< of everything random
};

/// A rule is broken: the reason and the remedy.
class broken : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

/// One rule for plugins. Its name is for ever: scripts select by it.
struct rule {
    const char *name;
    const char *description;       ///< one sentence
    bool gate;                     ///< a plugin that breaks it is not tried any further
    void (*run)(const subject &s); ///< throws broken; in a process of its own
};

/// All of them, in the order in which they are tried.
std::span<const rule> rules();

// The rules, one function each.
void check_manifest(const subject &s);
void check_one_symbol(const subject &s);
void check_own_libraries(const subject &s);
void check_loads(const subject &s);
void check_handlers(const subject &s);
void check_settings_schema(const subject &s);
void check_life(const subject &s);
void check_hostile_calls(const subject &s);
void check_deadline(const subject &s);
void check_leaks(const subject &s);
void check_faults(const subject &s);
void check_upper_halves(const subject &s);
void check_threads(const subject &s);

} // namespace deputyd::check

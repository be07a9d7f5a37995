// SPDX-License-Identifier: Apache-2.0
#include "check/rule.hpp"

namespace deputyd::check
{

std::span<const rule> rules()
{
    static constexpr rule all[] = {
        {"manifest", "The manifest is sound, fits this host and names system calls that exist.", true,
         check_manifest},
        {"one-symbol", "The entry point is the only symbol that is exported.", false, check_one_symbol},
        {"own-libraries", "Every symbol that it needs is in a library that it names.", false,
         check_own_libraries},
        {"loads", "It loads with all symbols bound, and the host takes its description.", true, check_loads},
        {"handlers", "It registers the system calls of its manifest, and no others.", true, check_handlers},
        {"settings-schema", "The settings' schema is valid and describes settings whose defaults it accepts.",
         false, check_settings_schema},
        {"life",
         "It lives through containers, processes and events, and reads no struct past its struct_size.", true,
         check_life},
        {"hostile-calls", "Every handler survives random and hostile calls, and answers as it may.", false,
         check_hostile_calls},
        {"deadline", "Every handler answers within the host's deadline, defers or says that it blocks.",
         false, check_deadline},
        {"leaks", "Ten thousand calls leave no descriptor and no memory behind.", false, check_leaks},
        {"faults", "Nothing is thrown out of a callback and nothing breaks when services fail or callers go.",
         false, check_faults},
        {"upper-halves", "Garbage in the upper half of a 32-bit argument changes no answer.", false,
         check_upper_halves},
        {"threads", "Handlers run at once as the thread model allows.", false, check_threads},
    };
    return all;
}

} // namespace deputyd::check

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deputy/plugin.hpp>

/// What a plugin class needs besides a mistake.
struct right {
    static constexpr std::uint32_t threads = DEPUTY_THREADS_SERIAL;
    static constexpr const char *settings_schema = nullptr;

    explicit right(deputy::host) {}
    deputy::answer handle(deputy::call &) { return deputy::answer::pass(); }
    void undo(const deputy::undo_request &) {}
};

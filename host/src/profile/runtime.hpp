// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace deputyd::profile
{

/// A container runtime or engine of a certain version, and what it makes of a profile.
class runtime
{
public:
    /// @param text "NAME=VERSION", as "runc=1.1.5". @throw std::runtime_error naming what is wrong and what
    /// is known.
    explicit runtime(std::string_view text);

    const std::string &name() const { return name_; }
    std::string text() const { return name_ + " " + version_; }

    /// Flags that a profile may have. Nothing for engines, which pass a profile to a runtime that they
    /// choose.
    std::optional<std::vector<std::string>> flags() const;
    /// Whether listenerPath reaches the runtime.
    bool keeps_listener() const;
    bool refuses_default_notify() const;            ///< SCMP_ACT_NOTIFY as default action
    bool fails_with(const std::string &name) const; ///< a system call that must not be notified
    bool starts_without_listener() const;           ///< with rules that notify and no listenerPath

private:
    std::string name_;
    std::string version_;
    std::vector<unsigned> numbers_;
};

constexpr const char *wait_killable = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
constexpr const char *spec_allow = "SECCOMP_FILTER_FLAG_SPEC_ALLOW";

} // namespace deputyd::profile

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "profile/claim.hpp"
#include "profile/resolve.hpp"
#include "profile/rule.hpp"
#include "profile/runtime.hpp"

namespace deputyd::profile
{

enum class format { oci, docker, lxc };

/// @throw std::runtime_error naming the formats.
format format_by_name(const std::string &name);

/// What a profile is made of.
struct recipe {
    format kind = format::oci;
    std::string base = "none"; ///< none, default, or a file
    std::string socket = "/run/deputy/oci.sock";
    std::string metadata;
    bool audit_denied = false; ///< hand over what the base denies with an errno, for the host to tell of it
    circumstances where;
    std::optional<runtime> for_runtime;
};

/// The text of the profile that leads the claimed calls to the listener.
/// @param[out] ret_notes lines for the operator, if not nullptr.
/// @throw std::runtime_error naming what cannot be had.
std::string write_profile(const recipe &r, std::span<const claim> wanted,
                          std::vector<std::string> *ret_notes = nullptr);

/// Adds to linux.seccomp of runtime-spec, or to docker's shape, what is claimed and the listener for it.
/// @param profile null: a profile that allows everything else.
/// @throw std::runtime_error.
json with_listener(json profile, const recipe &r, std::span<const claim> wanted);

/// A profile's text. @throw std::runtime_error naming the file.
std::string read_profile(const std::filesystem::path &file);

/// linux.seccomp in JSON: of the text itself, or of a whole config.json. @throw std::runtime_error.
json parse_profile(const std::string &text);

} // namespace deputyd::profile

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <deputy/plugin.hpp>

#include "profile/rule.hpp"

namespace deputyd::profile
{

/// The config.json of an OCI bundle.
class bundle
{
public:
    /// Opens a bundle's directory and reads config.json there, which must be a regular file.
    /// @return nothing if there is no directory or no file: that is for the runtime to say.
    /// @throw std::runtime_error naming the file and the reason; for a symbolic link too.
    static std::optional<bundle> open(const std::string &directory);

    const json &config() const { return config_; }
    /// A text among the container's annotations, or nothing. @throw std::runtime_error if it is no text.
    std::optional<std::string> annotation(const char *name) const;

    /// Puts a new config.json in place of the old one, whole or not at all, with its owner and mode.
    /// @throw std::runtime_error naming the file and the reason.
    void replace(const json &config);

private:
    bundle() = default;

    std::string name_; ///< for messages
    deputy::unique_fd directory_;
    unsigned mode_ = 0;
    unsigned uid_ = 0;
    unsigned gid_ = 0;
    json config_;
};

} // namespace deputyd::profile

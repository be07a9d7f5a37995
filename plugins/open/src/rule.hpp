// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <deputy/plugin.hpp>

#include "settings.hpp"

namespace open_plugin
{

/// A rule of a container that runs. The directory on the host is found once, when the container starts, as a
/// mount would find it; symbolic links in the rule's own path are followed then and never later, so that
/// nobody who may write there can turn it elsewhere.
class rule
{
public:
    /// @throw std::runtime_error naming the rule, the reason and the remedy.
    explicit rule(const rule_text &text);

    [[nodiscard]] const std::string &path() const { return text_.path; } ///< in the container
    /// The last component of path.
    [[nodiscard]] const std::string &name() const { return name_; }
    [[nodiscard]] bool prefix() const { return text_.prefix; }
    [[nodiscard]] bool writable() const { return text_.writable; }
    [[nodiscard]] bool refuses_path() const { return text_.refuse_path; }

    /// Whether a path in the container, canonical, is the rule's, or with a prefix below it.
    [[nodiscard]] bool covers(const std::string &location) const;
    /// A directory of the host, O_PATH: paths that within() gives start there.
    [[nodiscard]] int base() const { return base_.get(); }
    /// @param rest what follows the rule's path, without slashes before it; empty: nothing.
    [[nodiscard]] std::string within(const std::string &rest) const;
    /// Of openat2(2), for paths below base().
    [[nodiscard]] std::uint64_t resolve() const;
    /// The file system may wait for another machine or a process.
    [[nodiscard]] bool slow() const { return slow_; }

private:
    rule_text text_;
    std::string name_;
    std::string inner_; ///< below base, for a rule that is no prefix
    deputy::unique_fd base_;
    bool slow_ = true;
};

} // namespace open_plugin

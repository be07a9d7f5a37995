// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "match.hpp"
#include "request.hpp"

namespace open_plugin
{

/// What undo needs to take back a file that an O_CREAT made. Its directory is kept with the call.
struct made_file {
    std::uint64_t inode; ///< 0: it is not known whether it was made
    std::uint64_t grant;
    char name[240]; ///< longer names are not taken back
};
static_assert(sizeof(made_file) == DEPUTY_TOKEN_SIZE);

/// Removes the file if it is the one that was made and nothing has been written to it.
void remove_made_file(const deputy::undo_request &request);

/// Opens what a rule grants, on the host, for one call.
class host_side
{
public:
    /// @param grant capabilities, as 1 << CAP_*.
    host_side(deputy::call &call, const match &m, const open_request &request, std::uint64_t grant);

    /// @return a descriptor that may go to the caller, or the errno for it; EXDEV: it is not below the rule's
    ///         directory on the host, so the rule has nothing to say.
    deputy::result<deputy::unique_fd> open();

private:
    using opened = deputy::result<deputy::unique_fd>;

    opened look_up(std::uint64_t flags);
    opened open_at(int directory, const std::string &path, open_how how);
    opened open_waiting();
    opened create();
    opened open_in(const deputy::unique_fd &directory, const std::string &name);
    deputy::result<void> check_access(const opened &found);
    deputy::result<void> prepare_to_wait(const opened &found);
    opened fit_to_send(deputy::unique_fd fd);
    opened detached(const deputy::unique_fd &fd, bool directory);

    deputy::call &call_;
    const rule &rule_;
    const std::string path_; ///< below the rule's base
    const open_request &request_;
    open_how how_; ///< what is asked of the host
    std::uint64_t grant_;
};

} // namespace open_plugin

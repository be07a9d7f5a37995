// SPDX-License-Identifier: Apache-2.0
#include "daemon/descriptor_store.hpp"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

#include "daemon/keeper_protocol.hpp"

namespace deputyd
{
namespace
{

/// In front of our names in systemd's store, where the sockets of a socket unit have theirs too.
constexpr std::string_view prefix = "kept-";
constexpr std::string_view activation = "activation-";
/// What holds for one run of the keeper, and is not for its successor.
bool is_for_this_run(const std::string &name)
{
    return name == "flags";
}

} // namespace

void descriptor_store::take_back(std::vector<std::pair<std::string, deputy::unique_fd>> passed)
{
    std::size_t sockets = 0;
    for (auto &[name, fd] : passed) {
        if (!name.starts_with(prefix)) {
            entries_[fmt::format("{}{}", activation, sockets++)].push_back(std::move(fd));
            continue;
        }
        const std::string own = name.substr(prefix.size());
        if (is_entry_name(own) && entries_[own].size() < entry_fd_limit) {
            entries_[own].push_back(std::move(fd));
        }
    }
}

deputy::result<void> descriptor_store::put(const std::string &name, descriptors fds)
{
    if (!is_entry_name(name) || fds.empty() || fds.size() > entry_fd_limit) {
        return deputy::error{EINVAL};
    }
    if (entries_.size() >= entry_limit && !entries_.contains(name)) {
        return deputy::error{ENOSPC};
    }
    remove(name);
    std::vector<int> numbers;
    for (const auto &fd : fds) {
        numbers.push_back(fd.get());
    }
    if (!is_for_this_run(name)) {
        manager_.notify(fmt::format("FDSTORE=1\nFDNAME={}{}", prefix, name), numbers);
    }
    entries_[name] = std::move(fds);
    return {};
}

void descriptor_store::remove(const std::string &name)
{
    if (entries_.erase(name) != 0 && !is_for_this_run(name)) {
        manager_.notify(fmt::format("FDSTOREREMOVE=1\nFDNAME={}{}", prefix, name));
    }
}

std::size_t descriptor_store::stored() const
{
    return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [](const auto &entry) {
        return !entry.first.starts_with(activation) && !is_for_this_run(entry.first);
    }));
}

} // namespace deputyd

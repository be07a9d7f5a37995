// SPDX-License-Identifier: Apache-2.0
#include "intake/subordinate_ids.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <pwd.h>
#include <shadow/subid.h>
#include <unistd.h>

#include "caller/id_map.hpp"

namespace deputyd
{
namespace
{

struct free_delete {
    void operator()(void *p) const { std::free(p); }
};

std::string user_name(uid_t uid)
{
    std::vector<char> buffer(16384);
    passwd entry{};
    passwd *found = nullptr;
    if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
        return std::to_string(uid); // /etc/subuid may name users by number
    }
    return entry.pw_name;
}

template <class Get> void add_ranges(const std::string &owner, Get get, std::vector<id_extent> &to)
{
    subid_range *ranges = nullptr;
    const int count = get(owner.c_str(), &ranges);
    const std::unique_ptr<subid_range, free_delete> owned(ranges);
    for (int i = 0; i < count; ++i) {
        to.push_back({ranges[i].start, ranges[i].count});
    }
}

} // namespace

granted_ids granted_to(uid_t uid, gid_t gid)
{
    granted_ids granted;
    granted.uids.push_back({uid, 1});
    granted.gids.push_back({gid, 1});
    const std::string owner = user_name(uid);
    add_ranges(owner, subid_get_uid_ranges, granted.uids);
    add_ranges(owner, subid_get_gid_ranges, granted.gids);
    return granted;
}

bool within(const id_extent &extent, const std::vector<id_extent> &granted)
{
    // Each step takes the part that one grant covers off the front.
    std::uint64_t at = extent.first;
    std::uint64_t left = extent.count;
    while (left > 0) {
        const auto covers = [&](const id_extent &g) { return at >= g.first && at - g.first < g.count; };
        const auto found = std::find_if(granted.begin(), granted.end(), covers);
        if (found == granted.end()) {
            return false;
        }
        const std::uint64_t step = std::min(left, found->count - (at - found->first));
        at += step;
        left -= step;
    }
    return true;
}

std::vector<id_extent> mapped_extents(const std::string &map)
{
    std::vector<id_extent> extents;
    for (const auto &ids : parse_id_map(map)) {
        extents.push_back({ids.outside, ids.count});
    }
    return extents;
}

} // namespace deputyd

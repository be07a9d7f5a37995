// SPDX-License-Identifier: Apache-2.0
#include "match.hpp"

#include <algorithm>
#include <fcntl.h>
#include <string_view>

namespace open_plugin
{
namespace
{

/// A path that names a rule's last component again and again costs no more than this many look-ups.
constexpr int most_lookups = 8;

constexpr std::uint64_t narrowed = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT;

/// One component of a path.
struct component {
    std::string_view name;
    std::size_t end; ///< offset of what follows it
    bool last;       ///< nothing but slashes follows
};

/// Calls seen for each component until it says true. @return whether it did.
template <class Seen> bool any_component(const std::string &path, Seen &&seen)
{
    std::size_t begin = path.find_first_not_of('/');
    while (begin != path.npos) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::size_t next = path.find_first_not_of('/', end);
        if (seen(component{std::string_view(path).substr(begin, end - begin), end, next == path.npos})) {
            return true;
        }
        begin = next;
    }
    return false;
}

bool bears_name(const rule &r, const component &c)
{
    return c.name == r.name() && (c.last || r.prefix());
}

bool is_absolute(const std::string &path)
{
    return path.starts_with('/');
}

std::string joined(const std::string &directory, std::string_view name)
{
    return (directory == "/" ? "" : directory) + "/" + std::string(name);
}

/// The path without empty components and dots; nothing if it has dot-dots.
std::optional<std::string> plain(const std::string &from, const std::string &path)
{
    std::string text = from == "/" ? "" : from;
    const bool up = any_component(path, [&](const component &c) {
        if (c.name != ".") {
            text += "/" + std::string(c.name);
        }
        return c.name == "..";
    });
    return up ? std::nullopt : std::optional(text);
}

/// Looks rules up for one call.
class search
{
public:
    search(deputy::call &call, const rules &all, const open_request &request)
        : call_(call), all_(all), dirfd_(request.dirfd), path_(request.path), resolve_(request.how.resolve)
    {
        if ((resolve_ & RESOLVE_IN_ROOT) != 0) {
            path_.erase(0, path_.find_first_not_of('/'));
        }
    }

    std::optional<match> run()
    {
        if (path_.empty() || ((resolve_ & RESOLVE_BENEATH) != 0 && is_absolute(path_))) {
            return std::nullopt;
        }
        look_within();
        look_along();
        return best_;
    }

private:
    /// Takes the rule if none before it in the settings fits.
    void take(const rule &r, std::string rest, bool from_within)
    {
        if (!best_ || &r < best_->by) {
            best_ = match{&r, std::move(rest), from_within};
        }
    }

    /// The canonical path of the directory where a relative path starts.
    const std::optional<std::string> &start()
    {
        if (!start_known_) {
            start_known_ = true;
            if (const auto directory = call_.resolve(dirfd_, ".", O_DIRECTORY)) {
                if (auto name = call_.name_of(*directory)) {
                    start_ = *std::move(name);
                }
            }
        }
        return start_;
    }

    /// Rules in whose directory a relative path starts. If it may not leave where it starts, that must be
    /// where the rule's paths start on the host too.
    void look_within()
    {
        const auto is_prefix = [](const rule &r) { return r.prefix(); };
        if (is_absolute(path_) || std::none_of(all_.begin(), all_.end(), is_prefix) || !start()) {
            return;
        }
        const bool confined = (resolve_ & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0;
        for (const rule &r : all_) {
            if (r.prefix() && r.covers(*start()) && (!confined || r.path() == *start())) {
                const std::string below = start()->substr(r.path().size());
                take(r, (below.empty() ? "" : below.substr(1) + "/") + path_, true);
            }
        }
    }

    /// Rules whose name the path spells out.
    void look_along()
    {
        int lookups = 0;
        any_component(path_, [&](const component &c) {
            const auto bears = [&](const rule &r) { return bears_name(r, c); };
            if (std::any_of(all_.begin(), all_.end(), bears)) {
                look_at(c);
                ++lookups;
            }
            return lookups == most_lookups;
        });
    }

    void look_at(const component &c)
    {
        const std::string head = path_.substr(0, c.end);
        const auto parent = call_.parent(dirfd_, head);
        if (!parent || parent->last.kind != DEPUTY_LAST_NAME) {
            return;
        }
        const auto directory = call_.name_of(parent->directory);
        if (!directory) {
            return;
        }
        const std::string location = joined(*directory, c.name);
        if ((resolve_ & narrowed) != 0 && !is_narrow(head, location)) {
            return;
        }
        for (const rule &r : all_) {
            if (bears_name(r, c) && r.path() == location) {
                const std::size_t rest = r.prefix() ? path_.find_first_not_of('/', c.end) : c.end;
                take(r, rest == path_.npos ? "" : path_.substr(rest), false);
            }
        }
    }

    /// Whether the way to location has no links and never leaves where it starts, as openat2() can demand. A
    /// way with dot-dots may be so too; the kernel then finds out, without the rule.
    bool is_narrow(const std::string &head, const std::string &location)
    {
        const bool absolute = is_absolute(head);
        if (!absolute && !start()) {
            return false;
        }
        const auto written = plain(absolute ? "/" : *start(), head);
        return written && *written == location;
    }

    deputy::call &call_;
    const rules &all_;
    std::int32_t dirfd_;
    std::string path_;
    std::uint64_t resolve_;
    bool start_known_ = false;
    std::optional<std::string> start_;
    std::optional<match> best_;
};

} // namespace

bool may_match(const rules &all, const std::string &path)
{
    const bool relative = !path.empty() && !is_absolute(path);
    return std::any_of(all.begin(), all.end(), [&](const rule &r) { return relative && r.prefix(); }) ||
           any_component(path, [&](const component &c) {
               return std::any_of(all.begin(), all.end(), [&](const rule &r) { return bears_name(r, c); });
           });
}

std::optional<match> find_rule(deputy::call &call, const rules &all, const open_request &request)
{
    return search(call, all, request).run();
}

} // namespace open_plugin

// SPDX-License-Identifier: Apache-2.0
#include "profile/runtime.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "base/nearest.hpp"

namespace deputyd::profile
{
namespace
{

using version = std::vector<unsigned>;

/// All that differs between runtimes, in one place. A version of {} is before every other.
struct traits {
    const char *name;
    version flags_since;         ///< TSYNC, LOG and SPEC_ALLOW
    version wait_killable_since; ///< and WAIT_KILLABLE_RECV
    version listener_since;      ///< listenerPath
    bool is_engine;              ///< passes profiles to a runtime
};

const traits known[] = {
    {"runc", {1, 2}, {1, 5}, {1, 1}, false}, {"crun", {}, {1, 6}, {0, 19}, false},
    {"youki", {}, {0, 7}, {0, 0, 2}, false}, {"docker", {}, {}, {23}, true},
    {"podman", {}, {}, {4, 1}, true},        {"containerd", {}, {}, {1, 5, 5}, true},
    {"cri-o", {}, {}, {1, 25}, true},
};

const traits *find(std::string_view name)
{
    const auto *found =
        std::find_if(std::begin(known), std::end(known), [&](const traits &t) { return name == t.name; });
    return found == std::end(known) ? nullptr : found;
}

/// "1.1.5+ds1" is {1, 1, 5}.
version parse_version(std::string_view text)
{
    version v;
    const char *at = text.data();
    const char *const end = at + text.size();
    for (;;) {
        unsigned n = 0;
        const auto [rest, error] = std::from_chars(at, end, n);
        if (error != std::errc{}) {
            return v;
        }
        v.push_back(n);
        if (rest == end || *rest != '.') {
            return v;
        }
        at = rest + 1;
    }
}

} // namespace

runtime::runtime(std::string_view text)
{
    const std::size_t equals = text.find('=');
    name_ = text.substr(0, equals);
    std::vector<std::string> names;
    for (const traits &t : known) {
        names.emplace_back(t.name);
    }
    if (find(name_) == nullptr) {
        std::string list;
        for (const std::string &n : names) {
            list += (list.empty() ? "" : ", ") + n;
        }
        throw std::runtime_error("no runtime " + name_ + " is known" + did_you_mean(name_, names) +
                                 " Known are: " + list);
    }
    version_ = equals == std::string_view::npos ? "" : text.substr(equals + 1);
    numbers_ = parse_version(version_);
    if (numbers_.empty()) {
        throw std::runtime_error("a runtime needs its version, as in " + name_ + "=1.1.5");
    }
}

std::optional<std::vector<std::string>> runtime::flags() const
{
    const traits &t = *find(name_);
    if (t.is_engine) {
        return std::nullopt;
    }
    std::vector<std::string> all;
    if (numbers_ >= t.flags_since) {
        all = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", spec_allow};
    }
    if (numbers_ >= t.wait_killable_since) {
        all.emplace_back(wait_killable);
    }
    return all;
}

bool runtime::keeps_listener() const
{
    return numbers_ >= find(name_)->listener_since;
}

bool runtime::refuses_default_notify() const
{
    return name_ != "crun";
}

bool runtime::fails_with(const std::string &syscall) const
{
    const bool is_engine = find(name_)->is_engine;
    if (syscall == "write") {
        return name_ != "crun";
    }
    if (syscall == "sendmsg") {
        return is_engine || name_ == "youki" || (name_ == "crun" && numbers_ < version{1, 6});
    }
    return syscall == "recvmsg" && (is_engine || name_ == "youki");
}

bool runtime::starts_without_listener() const
{
    return name_ == "crun" || find(name_)->is_engine;
}

} // namespace deputyd::profile

// SPDX-License-Identifier: Apache-2.0
#include "plugin/counters.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <string_view>

#include "plugin/loaded_plugin.hpp"

namespace deputyd
{
namespace
{

bool is_line(std::string_view text)
{
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

std::int32_t declare_counter(const deputy_host *host, const char *name, const char *help,
                             std::uint32_t *ret_counter)
try {
    return loaded_plugin::of(host).own_counters().declare(name, help, ret_counter);
} catch (const std::bad_alloc &) {
    return -ENOMEM;
}

void add_to_counter(const deputy_host *host, std::uint32_t counter, std::uint64_t n)
{
    loaded_plugin::of(host).own_counters().add(counter, n);
}

} // namespace

const deputy_counters_v1 counters_table = {.declare = declare_counter, .add = add_to_counter};

std::int32_t counters::declare(const char *name, const char *help, std::uint32_t *ret_counter)
{
    if (name == nullptr || help == nullptr || !is_name(name) || name[0] == '_' || !is_line(help)) {
        return -EINVAL;
    }
    const std::lock_guard lock(mutex_);
    if (closed_) {
        return -EBUSY;
    }
    if (std::any_of(labels_.begin(), labels_.end(), [&](const label &l) { return l.name == name; })) {
        return -EEXIST;
    }
    if (labels_.size() == most) {
        return -ENOSPC;
    }
    labels_.push_back({name, help});
    *ret_counter = static_cast<std::uint32_t>(labels_.size());
    return 0;
}

void counters::add(std::uint32_t counter, std::uint64_t n) noexcept
{
    if (counter != 0 && counter <= most) { // one that nobody has declared is never read
        values_[counter - 1].fetch_add(n, std::memory_order_relaxed);
    }
}

void counters::close()
{
    const std::lock_guard lock(mutex_);
    closed_ = true;
}

std::vector<counters::reading> counters::read() const
{
    const std::lock_guard lock(mutex_);
    std::vector<reading> all;
    all.reserve(labels_.size());
    for (std::size_t i = 0; i < labels_.size(); ++i) {
        all.push_back({labels_[i].name, labels_[i].help, values_[i].load(std::memory_order_relaxed)});
    }
    return all;
}

} // namespace deputyd

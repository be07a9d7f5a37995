// SPDX-License-Identifier: Apache-2.0
#include "notify/describe.hpp"

#include <algorithm>
#include <new>

#include "notify/deferred.hpp"
#include "notify/report.hpp"

namespace deputyd
{
namespace
{

std::int32_t wanted(deputy_call *raw)
{
    const auto &call = *static_cast<served_call *>(raw);
    return is_looked_at(**call.state) ? 1 : 0;
}

void keep(std::string &where, const char *text, std::uint64_t size)
try {
    where.assign(text, std::min<std::uint64_t>(size, DEPUTY_DESCRIPTION_SIZE));
} catch (const std::bad_alloc &) {
    where.clear();
}

void object(deputy_call *call, const char *text, std::uint64_t size)
{
    keep(call->object, text, size);
}

void reason(deputy_call *call, const char *text, std::uint64_t size)
{
    keep(call->reason, text, size);
}

} // namespace

const deputy_describe_v1 describe_table = {.wanted = wanted, .object = object, .reason = reason};

} // namespace deputyd

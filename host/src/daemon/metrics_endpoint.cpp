// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics_endpoint.hpp"

#include <exception>
#include <utility>

#include "base/log.hpp"
#include "control/prometheus.hpp"

namespace deputyd
{
namespace
{

constexpr auto pause_between_tries = std::chrono::seconds(1);

} // namespace

metrics_endpoint::metrics_endpoint(event_loop &loop, control_server::answer text)
    : loop_(loop), text_(std::move(text))
{
}

metrics_endpoint::change metrics_endpoint::prepare(const std::optional<loopback_address> &where)
{
    change c{where, nullptr};
    if (where && where != where_) {
        c.fresh = std::make_unique<control_server>();
        c.fresh->get("/metrics", prometheus_content_type, text_);
        c.fresh->start(*where);
    }
    return c;
}

void metrics_endpoint::commit(change c) noexcept
{
    if (again_) {
        loop_.cancel(*std::exchange(again_, std::nullopt));
    }
    if (c.where == where_) {
        return;
    }
    if (server_) {
        retire(std::move(server_));
    }
    server_ = std::move(c.fresh);
    where_ = std::move(c.where);
}

void metrics_endpoint::retire(std::unique_ptr<control_server> old) noexcept
{
    old->stop();
    control_server *const ends = old.release();
    try {
        reapers_.emplace_back([ends] { delete ends; });
    } catch (const std::exception &) { // no room for a thread: it stays, and serves nobody
    }
}

metrics_endpoint::~metrics_endpoint()
{
    for (std::thread &reaper : reapers_) {
        reaper.join();
    }
}

void metrics_endpoint::insist(const std::optional<loopback_address> &where)
{
    try_once(where, true);
}

void metrics_endpoint::try_once(const std::optional<loopback_address> &where, bool is_first)
try {
    commit(prepare(where));
} catch (const std::exception &e) {
    if (is_first) {
        log().error("{}; this is tried again each second", e.what());
    }
    again_ = loop_.after(pause_between_tries, [this, where] { try_once(where, false); });
}

} // namespace deputyd

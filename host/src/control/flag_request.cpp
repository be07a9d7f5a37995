// SPDX-License-Identifier: Apache-2.0
#include "control/flag_request.hpp"

#include <nlohmann/json.hpp>

#include "base/json_text.hpp"
#include "control/server.hpp"

namespace deputyd
{

using nlohmann::json;

std::string body_of(const std::string &policy, const std::string &handlers, bool on)
{
    return json_text({{"policy", policy}, {"handlers", handlers}, {"on", on}});
}

flag_request flag_request_of(const std::string &body)
{
    flag_request wanted;
    try {
        const json all = json::parse(body);
        wanted.policy = all.at("policy").get<std::string>();
        wanted.handlers = all.at("handlers").get<std::string>();
        wanted.on = all.at("on").get<bool>();
    } catch (const json::exception &) {
        throw bad_request(R"(a change of flags is {"policy": NAME, "handlers": LIST, "on": true or false})");
    }
    try {
        wanted.on ? wanted.change.enable(wanted.handlers) : wanted.change.disable(wanted.handlers);
    } catch (const std::runtime_error &e) {
        throw bad_request(e.what());
    }
    return wanted;
}

json view_of_change(const flag_request &wanted, const std::vector<unserved_container> &unserved)
{
    json containers = json::array();
    for (const unserved_container &c : unserved) {
        containers.push_back({{"container", c.name}, {"handler", c.handler}, {"reason", c.reason}});
    }
    return {{"policy", wanted.policy},
            {"handlers", wanted.handlers},
            {"on", wanted.on},
            {"unserved", std::move(containers)}};
}

} // namespace deputyd

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "intake/containers.hpp"
#include "policy/flags.hpp"

namespace deputyd
{

/// "deputy enable" or "deputy disable", as it comes through the control socket.
struct flag_request {
    std::string policy;
    std::string handlers; ///< as it was written
    bool on = false;
    flags change;
};

/// The body of such a request, and a request from one. @throw bad_request.
std::string body_of(const std::string &policy, const std::string &handlers, bool on);
flag_request flag_request_of(const std::string &body);

/// The answer: what has changed, and the containers where it does not come to work.
nlohmann::json view_of_change(const flag_request &wanted, const std::vector<unserved_container> &unserved);

} // namespace deputyd

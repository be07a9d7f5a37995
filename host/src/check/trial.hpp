// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <random>

#include <deputy/testing/kit.hpp>
#include <nlohmann/json_fwd.hpp>

#include "check/rule.hpp"
#include "plugin/plugin_set.hpp"

namespace deputyd::check
{

/// Gives up root before code of a plugin acts: on a real machine, with arguments made up.
void drop_privileges();

/// A plugin on a fake host, with containers 1 and 2 and a caller that has something of everything.
class trial
{
public:
    /// @param opened outlives this.
    trial(const opened_plugin &opened, std::uint64_t seed);

    deputy::testing::fake_host host;
    const opened_plugin &opened;
    std::unique_ptr<deputy::testing::fake_plugin> plugin;
    std::mt19937_64 random;

    /// A call that h's predicates lead to it (or to an earlier handler that takes it too), with arguments
    /// from which h must not suffer.
    deputy::testing::request hostile_request(const deputy::testing::registered_handler &h);
    /// Makes the call; its caller goes if it is deferred, and its answer is checked.
    /// @throw broken if the answer is none.
    deputy::testing::outcome call(const deputy::testing::request &what);
    /// How the request reads, for messages.
    static std::string text_of(const deputy::testing::request &what);

private:
    std::uint64_t hostile_value();
    void fill_caller();
    void use_default_settings();

    std::vector<std::uint64_t> values_; ///< addresses and descriptors that mean something
};

} // namespace deputyd::check

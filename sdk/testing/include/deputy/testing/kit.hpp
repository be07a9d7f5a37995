// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_KIT_HPP
#define DEPUTY_TESTING_KIT_HPP

/// @file
/// Unit tests of plugins: no root, no kernel, no container. Header-only; any test framework.
///
///     deputy::testing::fake_host host;
///     deputy::testing::fake_plugin plugin(host, deputy::testing::table_of<example>());
///     plugin.add_container(1);
///     const auto path = host.map_string("/null");
///     const auto got = plugin.call("mknodat", {AT_FDCWD, path, S_IFCHR | 0666, 0x103});
///     EXPECT_EQ(got.error, 0);
///     EXPECT_EQ(host.files.node_at("/null")->device, 0x103u);
///
/// fake_host has the caller's memory, descriptors, identity and files, settings, counters, a clock, and
/// faults; fake_plugin runs the plugin's life and its calls; for_each_step fails every step of a call.

#include "fake_host.hpp"
#include "fake_plugin.hpp"
#include "for_each_step.hpp"

#endif

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deputy/plugin.hpp>

#include "devices.hpp"

namespace mknod_plugin
{

/// The host's own node of a device, below /dev, under the name that the kernel gives it.
/// @return an O_PATH descriptor, or ENODEV: the host has no such device, no node of it there, or /dev is
///         mounted with nodev.
deputy::result<deputy::unique_fd> find_host_node(const device &d);

} // namespace mknod_plugin

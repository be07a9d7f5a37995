// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deputy/plugin.hpp>

namespace mknod_plugin
{

/// Whether the kernel would open a device node that has just been made, or refuses it for its file system:
/// one that was mounted inside a user namespace makes no device available (SB_I_NODEV), and no interface
/// shows that. A mount with the option nodev counts as one where it would, for that is shown, and the kernel
/// makes nodes there too.
///
/// The device's driver sees nothing of it. May block as the file system does.
/// @param directory of the node, a descriptor of the host.
/// @return an errno if the node is not there any more or cannot be looked at.
deputy::result<bool> can_be_opened(int directory, const char *name);

} // namespace mknod_plugin

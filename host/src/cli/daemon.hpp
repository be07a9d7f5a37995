// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace deputyd
{

/// deputyd's main(): the keeper, or the host where the keeper says so. @return exit status.
int daemon_main(int argc, char **argv);

} // namespace deputyd

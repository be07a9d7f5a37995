// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon.hpp"

int main(int argc, char **argv)
{
    return deputyd::daemon_main(argc, argv);
}

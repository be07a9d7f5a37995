// SPDX-License-Identifier: Apache-2.0
#include "cli/options.hpp"

int main(int argc, char **argv)
{
    return deputyd::deputy_main(argc, argv);
}

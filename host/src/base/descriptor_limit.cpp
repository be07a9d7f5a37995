// SPDX-License-Identifier: Apache-2.0
#include "base/descriptor_limit.hpp"

#include <sys/resource.h>

namespace deputyd
{

void raise_descriptor_limit()
{
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

} // namespace deputyd

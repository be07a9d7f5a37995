// SPDX-License-Identifier: Apache-2.0
#include "plugin.hpp"

// CONTINUE is used for one thing: information about a bpf object that is not ours but the caller's.
DEPUTY_PLUGIN(bpf_cgroup_device::plugin, DEPUTY_CAP_CONTINUE,
              "bpf_cgroup_device\0"
              "0.1.0\0"
              "bpf\0")

// SPDX-License-Identifier: Apache-2.0
#include "caller/caller_table.hpp"

#include "caller/act.hpp"
#include "caller/descriptors.hpp"
#include "caller/identity.hpp"
#include "caller/memory.hpp"
#include "caller/path_name.hpp"
#include "caller/paths.hpp"

namespace deputyd
{

const deputy_caller_v1 caller_table = {
    .read = read_memory,
    .read_string = read_string,
    .read_struct = read_struct,
    .write = write_memory,
    .privileges = read_privileges,
    .identity = read_identity,
    .groups = read_groups,
};

const deputy_descriptor_v1 descriptor_table = {.get = get_descriptor};

const deputy_path_v1 path_table = {.resolve = resolve_path, .parent = resolve_parent, .name = name_path};

const deputy_act_v1 act_table = {
    .mknod = act_mknod, .open = act_open, .unlink = act_unlink, .cover = act_cover};

} // namespace deputyd

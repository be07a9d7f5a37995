// SPDX-License-Identifier: Apache-2.0
#include "caller/caller_table.hpp"

#include "caller/descriptors.hpp"
#include "caller/identity.hpp"
#include "caller/memory.hpp"
#include "caller/paths.hpp"

namespace deputyd
{

const deputy_caller_v1 caller_table = {
    .read = read_memory,
    .read_string = read_string,
    .read_struct = read_struct,
    .write = write_memory,
    .identity = read_identity,
    .groups = read_groups,
    .descriptor = get_descriptor,
    .resolve = resolve_path,
};

} // namespace deputyd

/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: it says that it needs a host of a later minor version than its own header. */
#include "minimal.h"

#define DEPUTY_LATER (DEPUTY_ABI_MINOR + 7u)

__attribute__((section(DEPUTY_NOTE_SECTION), used, aligned(4))) static const struct {
    uint32_t owner_size, content_size, type;
    char owner[8];
    struct deputy_manifest manifest;
    char text[32];
} note = {sizeof DEPUTY_NOTE_OWNER,
          sizeof(struct deputy_manifest) + 32,
          DEPUTY_NOTE_TYPE,
          DEPUTY_NOTE_OWNER,
          {DEPUTY_ABI_MAJOR, DEPUTY_ABI_MINOR, DEPUTY_LATER, 0},
          "needs_newer_host\0"
          "0.1\0"
          "getppid"};

static const struct deputy_plugin_v1 description = {
    .struct_size = sizeof description,
    .create = minimal_create,
    .register_handlers = minimal_register,
    .destroy = minimal_destroy,
};

EXPORTED int32_t deputy_plugin_query_v1(uint32_t host_minor, const struct deputy_plugin_v1 **ret_plugin)
{
    (void)host_minor;
    *ret_plugin = &description;
    return 0;
}

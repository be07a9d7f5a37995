/* SPDX-License-Identifier: Apache-2.0 */
/* What of the header is code: compiled in every version of C and C++. */
#include <deputy/plugin.h>

DEPUTY_MANIFEST(DEPUTY_CAP_CONTINUE, "every_macro\0"
                                     "1.0\0"
                                     "getppid\0");

int32_t deputy_plugin_query_v1(uint32_t host_minor, const struct deputy_plugin_v1 **ret_plugin)
{
    (void)ret_plugin;
    return host_minor == DEPUTY_ABI_MINOR ? DEPUTY_PASS : -1;
}

static const struct deputy_container shorter = {sizeof(struct deputy_container) - 8, -1, 1, 1, "", "", 0, 0};
int has_name(void);
int has_name(void)
{
    return DEPUTY_HAS_FIELD(&shorter, name) && !DEPUTY_HAS_FIELD(&shorter, wait_killable);
}

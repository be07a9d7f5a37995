/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: its settings schema is one, but not of settings; DEPUTY_TEST_CALLBACK says in what. */
#include <stdlib.h>
#include <string.h>

#include "minimal.h"

DEPUTY_MANIFEST(0, "poor_schema\0"
                   "0.1\0"
                   "getppid\0");

static const char *schema(const char *mistake)
{
    if (mistake != NULL && strcmp(mistake, "array") == 0)
        return "{\"type\": \"array\", \"additionalProperties\": false, \"properties\": {}}";
    if (mistake != NULL && strcmp(mistake, "open") == 0)
        return "{\"type\": \"object\", \"properties\": {}}";
    if (mistake != NULL && strcmp(mistake, "no_description") == 0)
        return "{\"type\": \"object\", \"additionalProperties\": false, "
               "\"properties\": {\"size\": {\"type\": \"integer\"}}}";
    return "{\"type\": \"object\", \"additionalProperties\": false, "
           "\"properties\": {\"size\": {\"description\": \"Without a type.\"}}}";
}

MINIMAL_PLUGIN_WITH(minimal_create, minimal_handle, schema(getenv("DEPUTY_TEST_CALLBACK")))

/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks: it has a manifest but exports nothing. */
#include "minimal.h"

DEPUTY_MANIFEST(0, "no_entry\0"
                   "0.1\0"
                   "getppid\0");

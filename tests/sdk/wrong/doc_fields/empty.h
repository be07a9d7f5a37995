// SPDX-License-Identifier: Apache-2.0
// expect: get: Threads says nothing
struct table {
    /**
     * Duplicates a descriptor.
     * Required: always.
     * Threads:
     * Ownership: nothing passes.
     * Errors: none.
     * Since: 1.0.
     */
    int (*get)(int fd);
};

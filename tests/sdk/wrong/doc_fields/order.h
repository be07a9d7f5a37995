// SPDX-License-Identifier: Apache-2.0
// expect: get: Errors is not in its place
struct table {
    /**
     * Duplicates a descriptor.
     * Required: always.
     * Threads: [any].
     * Errors: none.
     * Ownership: nothing passes.
     * Since: 1.0.
     */
    int (*get)(int fd);
};

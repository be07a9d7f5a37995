// SPDX-License-Identifier: Apache-2.0
// expect: get: Errors is not there, or not once
struct table {
    /**
     * Duplicates a descriptor.
     * Required: always.
     * Threads: [any].
     * Ownership: nothing passes.
     * Errors: none.
     * Errors: none.
     * Since: 1.0.
     */
    int (*get)(int fd);
};

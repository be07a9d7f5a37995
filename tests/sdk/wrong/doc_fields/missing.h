// SPDX-License-Identifier: Apache-2.0
// expect: get: Ownership is not there
struct table {
    /**
     * Duplicates a descriptor.
     * Required: always.
     * Threads: [any].
     * Errors: none.
     * Since: 1.0.
     */
    int (*get)(int fd);
};

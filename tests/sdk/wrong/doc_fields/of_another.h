// SPDX-License-Identifier: Apache-2.0
// expect: get: it has no comment
struct table {
    /**
     * Duplicates a descriptor.
     * Required: always.
     * Threads: [any].
     * Ownership: nothing passes.
     * Errors: none.
     * Since: 1.0.
     */
    int (*put)(int fd);
    int (*get)(int fd);
};

// SPDX-License-Identifier: Apache-2.0
// expect: get: Since is no version
struct table {
    /**
     * Duplicates a descriptor.
     * Required: always.
     * Threads: [any].
     * Ownership: nothing passes.
     * Errors: none.
     * Since: the draft.
     */
    int (*get)(int fd);
};

// SPDX-License-Identifier: Apache-2.0
// expect: get: it has no comment
struct table {
    /* Required: always. */
    int (*get)(int fd);
};

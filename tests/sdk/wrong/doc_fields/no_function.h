// SPDX-License-Identifier: Apache-2.0
// expect: no function was found
struct table {
    int value;
};

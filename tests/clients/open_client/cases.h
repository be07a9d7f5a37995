/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_TESTS_OPEN_CASES_H
#define DEPUTY_TESTS_OPEN_CASES_H

/** Prints what a call returned, and closes it. made: owner and group are this process's doing. */
void report(const char *prefix, const char *name, const char *suffix, long fd, int made);

void place_cases(void);

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTS_MKNOD_CASES_H
#define DEPUTY_TESTS_MKNOD_CASES_H
/*
 * mknod() and mknodat(), each case one line: its name, the result, and all that stat() says of what was made.
 * Raw system calls, so that every bit of an argument is the case's own.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { null_device = 0x103, zero_device = 0x105 };

/** Absolute path of the directory in which all cases work; they start in it. */
extern char place[256];

/** mknodat() with whole registers. */
static inline long raw_mknodat(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t device)
{
    return syscall(SYS_mknodat, dirfd, path, mode, device);
}
static inline uint64_t address(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/** Prints the result of a call and, if it made something, what; then removes that. */
void report(const char *name, long result, int dirfd, const char *path);
/** mknodat() of this, reported. */
void attempt(const char *name, int dirfd, const char *path, unsigned mode, unsigned device);
/** Of the null device, with 0666. */
void attempt_null(const char *name, int dirfd, const char *path);
/** A step that is no case: ends the program if it fails, except on purpose. */
void must(long result, const char *what);
/** Runs a case's steps in a child, which then ends. */
void in_child(void (*steps)(void));
/** Runs them in a mount namespace of the calling process's own; it stays there. */
void in_own_mounts(void (*steps)(void));
/** Makes a directory with exactly this mode and owner. */
void make_directory(const char *path, unsigned mode, unsigned uid, unsigned gid);
/** A file with one byte. */
void make_file(const char *path);
/** Prints a result of something else. */
void note(const char *name, long result);

void path_cases(void);
void argument_cases(void);
void identity_cases(void);
void place_cases(void);
void mount_cases(void);
void task_cases(void);

#endif

// SPDX-License-Identifier: Apache-2.0
/*
 * Makes system calls that need nothing, by the names given, and prints "NAME ANSWER": the value or an
 * errno's name (a number if it has none).
 */
#include "bpf_call.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

static long make(const char *name)
{
    static struct utsname names;
    static struct sysinfo info;
    if (strcmp(name, "getppid") == 0)
        return syscall(SYS_getppid);
    if (strcmp(name, "getpgrp") == 0)
        return syscall(SYS_getpgrp);
    if (strcmp(name, "getuid") == 0)
        return syscall(SYS_getuid);
    if (strcmp(name, "getgid") == 0)
        return syscall(SYS_getgid);
    if (strcmp(name, "uname") == 0)
        return syscall(SYS_uname, &names);
    if (strcmp(name, "sysinfo") == 0)
        return syscall(SYS_sysinfo, &info);
    exit(2);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const long result = make(argv[i]);
        const char *name = result < 0 ? strerrorname_np(errno) : NULL;
        if (name != NULL)
            printf("%s %s\n", argv[i], name);
        else
            printf("%s %ld\n", argv[i], result < 0 ? -(long)errno : result);
        fflush(stdout);
    }
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Does what its argument says and prints the result: getppid, a seccomp filter, one with a listener (also
// with garbage in the upper halves of the registers), an x32 call.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *install(unsigned long operation, unsigned long flags)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {1, &allow};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return syscall(SYS_seccomp, operation, flags, &program) < 0 ? strerror(errno) : "Success";
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const unsigned long garbage = 0xabcd000000000000;
    if (strcmp(what, "getppid") == 0) {
        printf("%ld\n", syscall(SYS_getppid));
    } else if (strcmp(what, "filter") == 0) {
        puts(install(SECCOMP_SET_MODE_FILTER, 0));
    } else if (strcmp(what, "listener") == 0) {
        puts(install(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER));
    } else if (strcmp(what, "listener-upper-half") == 0) {
        puts(install(SECCOMP_SET_MODE_FILTER | garbage, SECCOMP_FILTER_FLAG_NEW_LISTENER | garbage));
    } else if (strcmp(what, "x32") == 0) {
        puts(syscall(SYS_getpid | 0x40000000) < 0 ? strerror(errno) : "Success");
    } else {
        return 2;
    }
    return 0;
}

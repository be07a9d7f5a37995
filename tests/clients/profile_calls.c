// SPDX-License-Identifier: Apache-2.0
// Makes the calls that a profile decides and prints the errno of each, 0 for success.
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(long returned)
{
    return returned < 0 ? errno : 0;
}

int main(void)
{
    const unsigned long upper = 1ul << 32;

    printf("load=%d\n", result(syscall(SYS_bpf, 5ul, 0ul, 0ul)));
    printf("load_upper=%d\n", result(syscall(SYS_bpf, 5ul | upper, 0ul, 0ul)));
    printf("map_create=%d\n", result(syscall(SYS_bpf, 0ul, 0ul, 0ul)));
    printf("listener=%d\n", result(syscall(SYS_seccomp, (unsigned long)SECCOMP_SET_MODE_FILTER,
                                           (unsigned long)SECCOMP_FILTER_FLAG_NEW_LISTENER, 0ul)));
    printf("filter=%d\n", result(syscall(SYS_seccomp, (unsigned long)SECCOMP_SET_MODE_FILTER, 0ul, 0ul)));
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Good and bad bpf() calls, one line each: "case result detail". Run as root on the host the kernel
 * answers, run in a container deputy does; the test compares line by line.
 *
 *   battery DIRECTORY     a cgroup of its own that may be filled with programs
 *
 * Descriptors and ids are never printed, for they differ between any two runs.
 */
#include "battery.h"

struct battery battery;

static void prepare(const char *directory)
{
    const long page = sysconf(_SC_PAGESIZE);
    battery.page = (unsigned)page;
    // Three pages to write to, followed by one that is not there.
    battery.edge = mmap(NULL, (size_t)page * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(battery.edge + 3 * page, (size_t)page);
    battery.edge += 3 * page;
    battery.cgroup = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (battery.cgroup < 0) {
        perror(directory);
        exit(2);
    }
    battery.null_device = open("/dev/null", O_RDWR | O_CLOEXEC);
    battery.directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    battery.cgroup_file = openat(battery.cgroup, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    battery.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    battery.cgroup_path = openat(battery.cgroup, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void report(const char *name, long result, const char *detail)
{
    const int error = errno;
    printf("%s %s%s%s\n", name, result < 0 ? strerrorname_np(error) : "ok", *detail == '\0' ? "" : " ",
           detail);
    fflush(stdout);
}

void report_fd(const char *name, long fd)
{
    report(name, fd, fd >= 0 && (fcntl((int)fd, F_GETFD) & FD_CLOEXEC) == 0 ? "inherited" : "");
    if (fd >= 0)
        close((int)fd);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: battery DIRECTORY\n");
        return 2;
    }
    prepare(argv[1]);
    load_cases();
    program_cases();
    log_cases();
    query_cases();
    attach_cases();
    id_cases();
    info_cases();
    link_cases();
    limit_cases();
    printf("end ok\n");
    return 0;
}

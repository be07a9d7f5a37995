// SPDX-License-Identifier: Apache-2.0
/* Modes, device numbers, directories' descriptors and addresses, with every bit of their registers. */
#include "cases.h"

#include <sys/mman.h>

static void modes(void)
{
    static const unsigned permissions[] = {0, 0600, 0640, 0666, 0777, 01777, 02755, 04755, 06770, 07777};
    static const unsigned masks[] = {0, 022, 027, 077, 0777};
    char name[64];
    for (size_t m = 0; m < COUNT(masks); m++) {
        umask(masks[m]);
        for (size_t p = 0; p < COUNT(permissions); p++) {
            snprintf(name, sizeof(name), "mode.%04o.umask_%03o", permissions[p], masks[m]);
            attempt(name, AT_FDCWD, "n", S_IFCHR | permissions[p], null_device);
        }
    }
    umask(022);
    for (unsigned type = 0; type < 16; type++) {
        snprintf(name, sizeof(name), "mode.type_%x", type);
        attempt(name, AT_FDCWD, "n", type << 12 | 0644, null_device);
    }
}

static void upper_halves(void)
{
    static const uint64_t garbage[] = {0x10000, 0xffff0000, 0x100000000, 0xffffffff00000000,
                                       0x8000000000000000};
    char name[64];
    for (size_t i = 0; i < COUNT(garbage); i++) {
        snprintf(name, sizeof(name), "garbage.mode.%zu", i);
        report(name, raw_mknodat((uint64_t)AT_FDCWD, address("n"), garbage[i] | S_IFCHR | 0666, null_device),
               AT_FDCWD, "n");
        snprintf(name, sizeof(name), "garbage.fifo.%zu", i);
        report(name, raw_mknodat((uint64_t)AT_FDCWD, address("n"), garbage[i] | S_IFIFO | 0666, null_device),
               AT_FDCWD, "n");
        snprintf(name, sizeof(name), "garbage.directory.%zu", i);
        report(name, raw_mknodat((uint64_t)AT_FDCWD, address("n"), garbage[i] | S_IFDIR | 0666, null_device),
               AT_FDCWD, "n");
    }
    for (size_t i = 2; i < COUNT(garbage); i++) {
        snprintf(name, sizeof(name), "garbage.device.%zu", i);
        report(name, raw_mknodat((uint64_t)AT_FDCWD, address("n"), S_IFCHR | 0666, garbage[i] | null_device),
               AT_FDCWD, "n");
        snprintf(name, sizeof(name), "garbage.dirfd.%zu", i);
        report(name, raw_mknodat(garbage[i] | (uint32_t)AT_FDCWD, address("n"), S_IFCHR | 0666, null_device),
               AT_FDCWD, "n");
    }
}

static void devices(void)
{
    static const struct {
        const char *name;
        unsigned type, device;
    } all[] = {
        {"zero", S_IFCHR, 0x105},
        {"full", S_IFCHR, 0x107},
        {"random", S_IFCHR, 0x108},
        {"urandom", S_IFCHR, 0x109},
        {"tty", S_IFCHR, 0x500},
        {"console", S_IFCHR, 0x501},
        {"loop0", S_IFBLK, 0x700},
        {"loop255", S_IFBLK, 0x7ff},
        {"loop_large_minor", S_IFBLK, 0xabc00700 | 0xde},
        {"whiteout", S_IFCHR, 0},
        {"largest_listed", S_IFCHR, 0xfffffff | 0xf0000000},
        {"not_listed.mem", S_IFCHR, 0x101},
        {"not_listed.kmsg", S_IFCHR, 0x10b},
        {"not_listed.null_as_block", S_IFBLK, 0x103},
        {"not_listed.loop_as_char", S_IFCHR, 0x700},
        {"not_listed.disk", S_IFBLK, 0x800},
        {"not_listed.zero_block", S_IFBLK, 0},
        {"not_listed.minor_alone", S_IFCHR, 0x100000},
        {"not_listed.null_plus_high_minor", S_IFCHR, 0x100103},
    };
    char name[64];
    for (size_t i = 0; i < COUNT(all); i++) {
        snprintf(name, sizeof(name), "device.%s", all[i].name);
        attempt(name, AT_FDCWD, "n", all[i].type | 0660, all[i].device);
    }
    attempt("device.not_listed.exists", AT_FDCWD, "file", S_IFCHR | 0666, 0x101);
    attempt("device.not_listed.none", AT_FDCWD, "none/n", S_IFCHR | 0666, 0x101);
    attempt("device.not_listed.slash", AT_FDCWD, "n/", S_IFCHR | 0666, 0x101);
    attempt("device.whiteout_exists", AT_FDCWD, "file", S_IFCHR, 0);
    attempt("device.whiteout_slash", AT_FDCWD, "n/", S_IFCHR, 0);
}

static void descriptors(void)
{
    int pipes[2];
    char path[600];
    const int d = open("d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int by_path = open("d", O_PATH | O_CLOEXEC);
    const int file = open("file", O_RDONLY | O_CLOEXEC);
    const int file_path = open("file", O_PATH | O_CLOEXEC);
    const int link = open("link", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    must(pipe(pipes), "pipe");
    attempt_null("dirfd.directory", d, "n");
    attempt_null("dirfd.directory.deep", d, "sub/n");
    attempt_null("dirfd.directory.up", d, "../n");
    attempt_null("dirfd.directory.link", d, "up/n");
    attempt_null("dirfd.directory.exists", d, "sub");
    attempt_null("dirfd.directory.slash", d, "n/");
    attempt_null("dirfd.directory.dot", d, ".");
    attempt_null("dirfd.directory.empty", d, "");
    attempt_null("dirfd.path", by_path, "n");
    attempt_null("dirfd.path.none", by_path, "none/n");
    attempt_null("dirfd.file", file, "n");
    attempt_null("dirfd.file_path", file_path, "n");
    attempt_null("dirfd.file.empty", file, "");
    attempt_null("dirfd.file.dot_dot", file, "../n");
    attempt_null("dirfd.link", link, "n");
    attempt_null("dirfd.pipe", pipes[0], "n");
    attempt_null("dirfd.minus_1", -1, "n");
    attempt_null("dirfd.minus_1.empty", -1, "");
    attempt_null("dirfd.minus_99", -99, "n");
    attempt_null("dirfd.closed", 9999, "n");
    attempt_null("dirfd.highest", 0x7fffffff, "n");
    snprintf(path, sizeof(path), "%s/d/n", place);
    attempt_null("dirfd.minus_1.absolute", -1, path);
    attempt_null("dirfd.file.absolute", file, path);
    attempt_null("dirfd.closed.root", 9999, "/");
    must(mkdir("gone", 0755), "gone");
    const int gone = open("gone", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(rmdir("gone"), "gone");
    attempt_null("dirfd.deleted", gone, "n");
    attempt_null("dirfd.deleted.up", gone, "../n");
    attempt_null("dirfd.deleted.slash", gone, "n/");
    const int all[] = {d, by_path, file, file_path, link, pipes[0], pipes[1], gone};
    for (size_t i = 0; i < COUNT(all); i++)
        close(all[i]);
}

static void report_address(const char *name, uint64_t path)
{
    report(name, raw_mknodat((uint64_t)AT_FDCWD, path, S_IFCHR | 0666, null_device), AT_FDCWD, "n");
}

static void addresses(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *edge = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(edge == MAP_FAILED ? -1 : 0, "mmap");
    must(munmap(edge + 2 * page, page), "munmap");
    edge += 2 * page;
    report_address("address.null", 0);
    report_address("address.one", 1);
    report_address("address.unmapped", address(edge));
    report_address("address.kernel", 0xffffffff80000000);
    report_address("address.not_canonical", 0x8000000000000000);
    report_address("address.highest", 0xffffffffffffffff);
    memcpy(edge - 2, "n", 2);
    report_address("address.ends_at_the_edge", address(edge - 2));
    edge[-1] = 'n';
    report_address("address.crosses_the_edge", address(edge - 1));
    memcpy(edge - page - 3, "././n", 6);
    report_address("address.crosses_pages", address(edge - page - 3));
    memset(edge - 2 * page, 'a', 2 * page);
    report_address("address.long_to_the_edge", address(edge - page));
    report_address("address.longer_to_the_edge", address(edge - 4095));
    memcpy(edge - page, "n", 2);
    must(mprotect(edge - page, page, PROT_READ), "mprotect");
    report_address("address.read_only", address(edge - page));
    must(mprotect(edge - page, page, PROT_NONE), "mprotect");
    report_address("address.no_access", address(edge - page));
    munmap(edge - 2 * page, 2 * page);
    report("address.of_nothing_and_bad_dirfd", raw_mknodat((uint64_t)-1, 0, S_IFCHR | 0666, null_device),
           AT_FDCWD, NULL);
}

static void repeated(void)
{
    const int kept = open(".", O_PATH | O_CLOEXEC);
    const char *path = "again";
    for (int i = 0; i < 3; i++) { // the same instruction, the same arguments
        const long r = raw_mknodat((uint64_t)kept, address(path), S_IFCHR | 0666, null_device);
        printf("repeated.%d %s\n", i, r == 0 ? "ok" : strerrorname_np(errno));
    }
    must(unlink(path), path);
    attempt_null("repeated.after_unlink", kept, path);
    close(kept);
}

void argument_cases(void)
{
    modes();
    upper_halves();
    devices();
    descriptors();
    addresses();
    repeated();
}

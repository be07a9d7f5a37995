// SPDX-License-Identifier: Apache-2.0
/*
 * Makes a BPF_PROG_LOAD whose attribute, instructions, license or log buffer lies in memory that is never
 * delivered, while another thread makes ordinary ones.
 *
 *   hang_client file FILE attr|insns|license|log          FILE on a file system that "serve" serves
 *   hang_client fuse DIRECTORY,DEVICE attr|...            makes that file system here, on DIRECTORY
 *   hang_client userfaultfd DEVICE attr|...
 *   hang_client serve DIRECTORY DEVICE                    until standard input ends, in a mount namespace of
 *                                                         its own, so that nothing of it stays
 *
 * DEVICE is /dev/fuse or /dev/userfaultfd or a node like it. After the ordinary calls it prints "served N"
 * and reads a line from standard input; then it waits for the hanging call's answer, if "wait" was the line,
 * and ends.
 */
#include "bpf_call.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "hang_client: %s: %s\n", what, strerror(errno));
    _exit(2);
}

/* ---- a FUSE file system with one file, which is never read to the end -------------------------- */

static void reply(int fuse, uint64_t unique, int error, const void *data, size_t size)
{
    char buffer[512];
    const struct fuse_out_header header = {(uint32_t)(sizeof(header) + size), error, unique};
    memcpy(buffer, &header, sizeof(header));
    if (size != 0)
        memcpy(buffer + sizeof(header), data, size);
    if (write(fuse, buffer, sizeof(header) + size) < 0 && errno != ENOENT)
        die("answer to the kernel");
}

static struct fuse_attr attributes(uint64_t node)
{
    return (struct fuse_attr){.ino = node,
                              .size = 65536,
                              .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644,
                              .nlink = 1,
                              .blksize = 4096};
}

static void answer(int fuse, const struct fuse_in_header *in)
{
    const struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096};
    const struct fuse_entry_out entry = {
        .nodeid = 2, .attr_valid = 60, .entry_valid = 60, .attr = attributes(2)};
    const struct fuse_attr_out attr = {.attr_valid = 60, .attr = attributes(in->nodeid)};
    const struct fuse_open_out opened = {.open_flags = FOPEN_KEEP_CACHE};
    switch (in->opcode) {
    case FUSE_INIT:
        return reply(fuse, in->unique, 0, &init, sizeof(init));
    case FUSE_LOOKUP:
        return reply(fuse, in->unique, 0, &entry, sizeof(entry));
    case FUSE_GETATTR:
        return reply(fuse, in->unique, 0, &attr, sizeof(attr));
    case FUSE_OPEN:
        return reply(fuse, in->unique, 0, &opened, sizeof(opened));
    case FUSE_READ: // never answered
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        return;
    default:
        return reply(fuse, in->unique, -ENOSYS, NULL, 0);
    }
}

static void *serve(void *device)
{
    static _Alignas(8) char request[65536 + 4096];
    const int fuse = (int)(intptr_t)device;
    for (;;) {
        const ssize_t size = read(fuse, request, sizeof(request));
        if (size < (ssize_t)sizeof(struct fuse_in_header)) {
            if (errno == EINTR || errno == ENOENT)
                continue;
            return NULL;
        }
        answer(fuse, (const struct fuse_in_header *)request);
    }
}

static void start_server(const char *device, const char *directory)
{
    const int fuse = open(device, O_RDWR | O_CLOEXEC);
    if (fuse < 0)
        die(device);
    char options[128];
    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse);
    if (mount("hang", directory, "fuse", MS_NOSUID | MS_NODEV, options) != 0)
        die("mount a FUSE file system");
    pthread_t server;
    pthread_create(&server, NULL, serve, (void *)(intptr_t)fuse);
}

static void *file_memory(const char *path, size_t size)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        die(path);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    close(file); // at exit it would wait for its server, which is gone by then
    return memory;
}

static void *fuse_memory(const char *directory, const char *device, size_t size)
{
    char path[256];
    start_server(device, directory);
    snprintf(path, sizeof(path), "%s/file", directory);
    return file_memory(path, size);
}

static int serve_until_end(const char *directory, const char *device)
{
    char byte;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        die("make a mount namespace");
    start_server(device, directory);
    puts("serving");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) == 1)
        ;
    return 0;
}

static void *userfaultfd_memory(const char *device, size_t size)
{
    const int maker = open(device, O_RDWR | O_CLOEXEC);
    if (maker < 0)
        die(device);
    const int faults = ioctl(maker, USERFAULTFD_IOC_NEW, O_CLOEXEC);
    struct uffdio_api api = {.api = UFFD_API};
    if (faults < 0 || ioctl(faults, UFFDIO_API, &api) != 0)
        die("userfaultfd");
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = {.range = {address(place), size}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (ioctl(faults, UFFDIO_REGISTER, &range) != 0)
        die("UFFDIO_REGISTER");
    return place;
}

/* ---- the calls ---------------------------------------------------------------------------------- */

struct hanging {
    const char *what;
    void *memory;
};

static void *hang(void *argument)
{
    const struct hanging *hanging = argument;
    const struct bpf_insn insns[] = {MOV_IMM(0, 1), EXIT};
    const uint64_t memory = address(hanging->memory);
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                           .insn_cnt = COUNT(insns),
                           .insns = address(insns),
                           .license = address("GPL")};
    const void *place = &attr;
    if (strcmp(hanging->what, "attr") == 0)
        place = hanging->memory;
    else if (strcmp(hanging->what, "insns") == 0)
        attr.insns = memory;
    else if (strcmp(hanging->what, "license") == 0)
        attr.license = memory;
    else {
        attr.log_level = 1;
        attr.log_size = 4096;
        attr.log_buf = memory;
    }
    const long result = bpf_call(BPF_PROG_LOAD, place, 120);
    printf("hanging %s\n", outcome(result));
    fflush(stdout);
    return NULL;
}

static void *memory_of(const char *kind, char *where, size_t size)
{
    if (strcmp(kind, "file") == 0)
        return file_memory(where, size);
    if (strcmp(kind, "userfaultfd") == 0)
        return userfaultfd_memory(where, size);
    char *device = strchr(where, ',');
    if (device == NULL)
        exit(2);
    *device++ = '\0';
    return fuse_memory(where, device, size);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    if (strcmp(argv[1], "serve") == 0)
        return serve_until_end(argv[2], argv[3]);
    struct hanging hanging = {argv[3], memory_of(argv[1], argv[2], 65536)};
    if (hanging.memory == MAP_FAILED)
        die("mmap");
    pthread_t thread;
    pthread_create(&thread, NULL, hang, &hanging);
    usleep(20000); // let it be first
    int served = 0;
    for (int i = 0; i < 10; i++) {
        const int program = load_constant(1);
        served += program >= 0;
        close(program);
    }
    printf("served %d\n", served);
    fflush(stdout);
    char line[16] = "";
    if (read(STDIN_FILENO, line, sizeof(line) - 1) > 0 && strncmp(line, "wait", 4) == 0)
        pthread_join(thread, NULL);
    _exit(0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_TESTS_FUSE_SERVER_H
#define DEPUTY_TESTS_FUSE_SERVER_H
/*
 * A FUSE file system where every name is an empty directory, but "absent", which is none, and "hang", of
 * which nothing is ever heard. It makes nothing. For C and C++.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void fuse_reply(int fuse, uint64_t unique, int error, const void *data, size_t size)
{
    char buffer[512];
    struct fuse_out_header header;
    memset(&header, 0, sizeof(header));
    header.len = (uint32_t)(sizeof(header) + size);
    header.error = error;
    header.unique = unique;
    memcpy(buffer, &header, sizeof(header));
    if (size != 0)
        memcpy(buffer + sizeof(header), data, size);
    if (write(fuse, buffer, sizeof(header) + size) < 0)
        return; /* whoever asked is gone */
}

static inline void fuse_fill_directory(struct fuse_attr *attr, uint64_t node)
{
    attr->ino = node;
    attr->mode = S_IFDIR | 0755;
    attr->nlink = 2;
}

static inline void fuse_answer_lookup(int fuse, uint64_t unique, const char *name)
{
    struct fuse_entry_out out;
    memset(&out, 0, sizeof(out));
    if (strcmp(name, "hang") == 0)
        return;
    if (strcmp(name, "absent") == 0) {
        fuse_reply(fuse, unique, -ENOENT, NULL, 0);
        return;
    }
    out.nodeid = 5381;
    for (const char *c = name; *c != '\0'; c++)
        out.nodeid = out.nodeid * 33 + (unsigned char)*c;
    out.entry_valid = out.attr_valid = 3600;
    fuse_fill_directory(&out.attr, out.nodeid);
    fuse_reply(fuse, unique, 0, &out, sizeof(out));
}

static inline void fuse_answer(int fuse, const struct fuse_in_header *in, const char *name)
{
    struct fuse_init_out init;
    struct fuse_attr_out attr;
    switch (in->opcode) {
    case FUSE_INIT:
        memset(&init, 0, sizeof(init));
        init.major = FUSE_KERNEL_VERSION;
        init.minor = 31;
        init.max_write = 4096;
        fuse_reply(fuse, in->unique, 0, &init, sizeof(init));
        return;
    case FUSE_LOOKUP:
        fuse_answer_lookup(fuse, in->unique, name);
        return;
    case FUSE_GETATTR:
        memset(&attr, 0, sizeof(attr));
        attr.attr_valid = 3600;
        fuse_fill_directory(&attr.attr, in->nodeid);
        fuse_reply(fuse, in->unique, 0, &attr, sizeof(attr));
        return;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        return;
    default:
        fuse_reply(fuse, in->unique, -ENOSYS, NULL, 0);
    }
}

static inline void fuse_serve(int fuse)
{
    static struct {
        struct fuse_in_header header;
        char rest[65536 + 4096];
    } request;
    for (;;) {
        const ssize_t size = read(fuse, &request, sizeof(request) - 1);
        if (size < (ssize_t)sizeof(request.header)) {
            if (errno == EINTR || errno == ENOENT)
                continue;
            _exit(0);
        }
        request.rest[(size_t)size - sizeof(request.header)] = '\0';
        fuse_answer(fuse, &request.header, request.rest);
    }
}

/** Mounts it as the calling process; a child serves it while that lives. @return 0, or -1 with errno. */
static inline int mount_fuse(const char *device, const char *place)
{
    char options[128];
    const pid_t parent = getpid();
    const int fuse = open(device, O_RDWR | O_CLOEXEC);
    if (fuse < 0)
        return -1;
    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions", fuse);
    if (mount("test", place, "fuse", MS_NOSUID | MS_NODEV, options) != 0)
        return -1;
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            fuse_serve(fuse);
        _exit(0);
    }
    close(fuse);
    return 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_PLUGIN_H
#define DEPUTY_PLUGIN_H

/**
 * @file
 * The C interface between a deputy host and its plugins. Draft of version 1.0.
 *
 * A plugin is a shared object that exports one function, deputy_plugin_query_v1(), and carries a
 * manifest in an ELF note that the host reads before it loads the object. It handles system calls
 * that the kernel's seccomp notifier hands to the host.
 *
 * Life, in this order:
 *
 *     manifest read -> dlopen -> query -> create -> register_handlers -> ready
 *       -> { container_added -> handle* (and undo*) -> container_gone }*
 *       -> drain -> destroy
 *
 * The object is never unloaded.
 *
 * Threads. Each function names who may call it, or from where the host calls it:
 *   [main]    the host's main thread, never two at once;
 *   [handler] a thread that serves a call; how many at once is the plugin's thread model;
 *   [any]     any thread, also the plugin's own, from ready until destroy returns.
 *
 * Rules. No exception, longjmp or exit() leaves a callback. A plugin changes no state of the process
 * or of the host's threads: no signal handlers or masks, no umask, chdir, setuid family, unshare,
 * setns. Its own threads start in ready() at the earliest and block all signals.
 *
 * Results. Functions that return int32_t return 0 (or a count) or a negative errno. What they return
 * through a pointer is named ret_ and left alone when they fail.
 *
 * Descriptors are "borrowed" (the receiver must not close it, and duplicates it to keep it) or
 * "given" (the receiver closes it). All are O_CLOEXEC.
 *
 * Strings are UTF-8, NUL-terminated, borrowed for the time of the call unless it says otherwise.
 *
 * Growth. Structs that begin with struct_size grow at their end only; each side uses
 * min(own size, struct_size) bytes and takes the rest as zero. Extension tables never change: a new
 * one has a new id. Until 1.0 is final a host takes only plugins built for its own minor version.
 *
 * Trust. A plugin runs inside the host with all of its power: it is part of the host, not confined by
 * it. Only ids, buffers and descriptors cross this line, so that another process may stand behind it
 * one day.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DEPUTY_ABI_MAJOR 1u
#define DEPUTY_ABI_MINOR 0u

/** Name of the entry point, for dlsym(). */
#define DEPUTY_PLUGIN_QUERY_SYMBOL "deputy_plugin_query_v1"

/* ---- manifest ------------------------------------------------------------------------------- */

/** Section, owner and type of the ELF note. */
#define DEPUTY_NOTE_SECTION ".note.deputy"
#define DEPUTY_NOTE_OWNER "deputy"
#define DEPUTY_NOTE_TYPE 1u

/** What a plugin may do beyond answering; bits of deputy_manifest.capabilities. */
#define DEPUTY_CAP_CONTINUE 1u /**< answers DEPUTY_CONTINUE; the operator must allow it too */

/**
 * The note's content: this struct, then NUL-terminated strings: the plugin's name, its version, then
 * the name of every system call that it may register. Zero bytes pad it to a multiple of four.
 */
struct deputy_manifest {
    uint32_t abi_major;       /**< DEPUTY_ABI_MAJOR of the header */
    uint32_t abi_minor;       /**< DEPUTY_ABI_MINOR of the header */
    uint32_t abi_minor_least; /**< oldest minor version of a host that can serve the plugin */
    uint32_t capabilities;    /**< DEPUTY_CAP_* */
};

/**
 * Places the manifest. Use once, outside functions:
 *
 *     DEPUTY_MANIFEST(0, "example\0" "1.2\0" "mknod\0" "mknodat\0")
 *
 * A name has 1 to 63 bytes of [a-z0-9_] and begins with a letter; a version has 1 to 63 bytes.
 */
#define DEPUTY_MANIFEST(capabilities, strings)                                                               \
    __attribute__((section(DEPUTY_NOTE_SECTION), used, aligned(4))) static const struct {                    \
        uint32_t owner_size;                                                                                 \
        uint32_t content_size;                                                                               \
        uint32_t type;                                                                                       \
        char owner[8];                                                                                       \
        struct deputy_manifest manifest;                                                                     \
        char text[(sizeof(strings) + 3u) & ~3u];                                                             \
    } deputy_manifest_note = {(uint32_t)sizeof(DEPUTY_NOTE_OWNER),                                           \
                              (uint32_t)(sizeof(struct deputy_manifest) + ((sizeof(strings) + 3u) & ~3u)),   \
                              DEPUTY_NOTE_TYPE,                                                              \
                              DEPUTY_NOTE_OWNER,                                                             \
                              {DEPUTY_ABI_MAJOR, DEPUTY_ABI_MINOR, DEPUTY_ABI_MINOR, (capabilities)},        \
                              strings}

/* ---- calls ---------------------------------------------------------------------------------- */

/** One intercepted system call, alive until its handler returns. Opaque; the host's. */
struct deputy_call;

/** The registers of a call: a snapshot that nobody can change. */
struct deputy_syscall {
    uint32_t struct_size;
    uint32_t arch;                /**< AUDIT_ARCH_* */
    int32_t nr;                   /**< number of the call in arch */
    uint32_t tid;                 /**< calling thread, in the host's pid namespace; 0 if not visible there */
    uint64_t container;           /**< id of the container, as in deputy_container */
    uint64_t instruction_pointer; /**< of the caller */
    uint64_t args[6]; /**< whole registers: the kernel ignores the upper half of a 32-bit parameter */
};

/** What a handler decided. */
typedef int32_t deputy_verdict;
#define DEPUTY_PASS 0     /**< not mine: the next handler, in the end the policy's default (EPERM) */
#define DEPUTY_REPLY 1    /**< return deputy_answer.error or, if that is 0, .value to the caller */
#define DEPUTY_REPLY_FD 2 /**< put deputy_answer.fd into the caller and return its number there */
#define DEPUTY_CONTINUE 3 /**< let the kernel carry it out; never a decision about memory contents */

struct deputy_answer {
    uint32_t struct_size;
    int32_t error;     /**< errno for the caller, 1 to 4095, or 0 */
    int64_t value;     /**< return value for the caller when error is 0 */
    int32_t fd;        /**< for DEPUTY_REPLY_FD: given to the host; not O_PATH */
    uint32_t fd_flags; /**< O_CLOEXEC or 0, for the caller's descriptor */
};

/**
 * Handles a call. [handler]
 * @param[in,out] answer comes zeroed, with fd = -1.
 * @return a deputy_verdict, or a negative errno when the handler failed: the caller then gets EPERM
 *         (never DEPUTY_CONTINUE) and the host logs it.
 */
typedef deputy_verdict (*deputy_handle_fn)(void *plugin, struct deputy_call *call,
                                           const struct deputy_syscall *syscall,
                                           struct deputy_answer *answer);

/**
 * Takes back an effect whose answer did not reach the caller, which was killed or interrupted. [handler]
 * @param token what the handler last committed for this call, size bytes.
 */
typedef void (*deputy_undo_fn)(void *plugin, const struct deputy_syscall *syscall, const void *token,
                               uint64_t size);

/* ---- registration --------------------------------------------------------------------------- */

/** How deputy_predicate compares. */
#define DEPUTY_OP_EQ 0u        /**< argument == value */
#define DEPUTY_OP_MASKED_EQ 1u /**< (argument & mask) == value */

/** A condition on one argument, compiled into the seccomp filter. */
struct deputy_predicate {
    uint32_t argument; /**< 0 to 5 */
    uint32_t
        width;   /**< bits of the kernel's parameter, 32 or 64: of a 32-bit one only the lower half counts */
    uint32_t op; /**< DEPUTY_OP_* */
    uint32_t reserved; /**< 0 */
    uint64_t value;
    uint64_t mask; /**< for DEPUTY_OP_MASKED_EQ, else 0 */
};

/**
 * A handler for one system call by name, on every architecture where the name exists. Several
 * handlers of a plugin may name the same call with different predicates, for example one for each
 * command of bpf(); a call goes to the first whose predicates all hold.
 */
struct deputy_handler {
    uint32_t struct_size;
    uint32_t predicate_count; /**< at most 6, one an argument */
    const char *syscall;      /**< name as in syscalls(2); must be in the manifest */
    const struct deputy_predicate *predicates;
    deputy_handle_fn handle;
    deputy_undo_fn undo; /**< NULL if handle never commits */
};

/** Takes registrations while register_handlers runs. [main] */
struct deputy_registrar {
    uint32_t struct_size;
    uint32_t reserved;
    void *context; /**< for add */
    /** Copies handler. @return -EINVAL (not in the manifest, bad predicate), -ENOENT (no such call). */
    int32_t (*add)(void *context, const struct deputy_handler *handler);
};

/* ---- containers ----------------------------------------------------------------------------- */

/** A container, for container_added. Valid during that call; the descriptors are borrowed. */
struct deputy_container {
    uint32_t struct_size;
    int32_t cgroup;       /**< its own cgroup2 directory (O_PATH or not), or -1 where it has none */
    uint64_t id;          /**< never used twice in a host's life; not 0 */
    uint64_t user_ns;     /**< inode of its user namespace */
    const char *name;     /**< for log lines */
    const char *settings; /**< JSON object, checked against settings_schema, defaults not filled in */
};

/* ---- the plugin's description --------------------------------------------------------------- */

/** How many of a plugin's handlers and undos may run at once. */
#define DEPUTY_THREADS_SERIAL 0u        /**< one */
#define DEPUTY_THREADS_PER_CONTAINER 1u /**< one a container */
#define DEPUTY_THREADS_PARALLEL 2u      /**< any number */

struct deputy_host;

struct deputy_plugin_v1 {
    uint32_t struct_size;
    uint32_t threads;            /**< DEPUTY_THREADS_* */
    const char *settings_schema; /**< JSON Schema (draft 7) of the settings; NULL: takes none */
    /** Makes the plugin's state. host outlives destroy. [main] */
    int32_t (*create)(const struct deputy_host *host, void **ret_plugin);
    int32_t (*register_handlers)(void *plugin, const struct deputy_registrar *registrar); /**< [main] */
    int32_t (*ready)(void *plugin); /**< threads may start now; may be NULL. [main] */
    /** A container whose policy has the plugin on. May be NULL. An error refuses the container. [main] */
    int32_t (*container_added)(void *plugin, const struct deputy_container *container);
    /** Its last call has been answered, no other comes. May be NULL. [main] */
    void (*container_gone)(void *plugin, uint64_t container);
    void (*drain)(void *plugin);   /**< end own threads; may be NULL. [main] */
    void (*destroy)(void *plugin); /**< [main] */
};

/**
 * The one function that a plugin exports.
 * @param host_minor DEPUTY_ABI_MINOR of the host.
 * @param[out] ret_plugin static storage of the plugin.
 * @return 0 or a negative errno.
 */
__attribute__((visibility("default"))) int32_t
deputy_plugin_query_v1(uint32_t host_minor, const struct deputy_plugin_v1 **ret_plugin);
typedef int32_t (*deputy_plugin_query_v1_fn)(uint32_t, const struct deputy_plugin_v1 **);

/* ---- the host's services -------------------------------------------------------------------- */

#define DEPUTY_LOG_ERROR 0
#define DEPUTY_LOG_WARNING 1
#define DEPUTY_LOG_INFO 2
#define DEPUTY_LOG_DEBUG 3

/** What the host offers. One for each plugin; pass it back as the first argument. */
struct deputy_host {
    uint32_t struct_size;
    uint32_t abi_minor;
    /** The table with this id (DEPUTY_EXT_*), or NULL where the host has none; lives as long. [any] */
    const void *(*extension)(const struct deputy_host *host, const char *id);
    /** Whether lines of this level are written at all. [any] */
    int32_t (*log_enabled)(const struct deputy_host *host, int32_t level);
    /** Writes one line; control characters are escaped. [any] */
    void (*log)(const struct deputy_host *host, int32_t level, const char *text, uint64_t size);
};

/** Who called. Ids are the host's (initial user namespace's), as in the caller's credentials. */
struct deputy_identity {
    uint32_t struct_size;
    uint32_t tid;
    uint32_t tgid;
    uint32_t umask;
    uint32_t uid, gid;            /**< real */
    uint32_t euid, egid;          /**< effective */
    uint32_t suid, sgid;          /**< saved */
    uint32_t fsuid, fsgid;        /**< for file access */
    uint64_t capabilities;        /**< effective, in the caller's own user namespace */
    uint64_t user_ns;             /**< inode of its user namespace */
    int32_t in_container_user_ns; /**< 1 if that is the container's own, 0 if another */
    uint32_t group_count;         /**< supplementary groups, at most 65536 */
};

#define DEPUTY_EXT_CALLER_1 "deputy.caller/1"
/**
 * The caller's memory, descriptors and identity. [handler], for the handler's own call.
 * All but ids return -ESRCH once the caller is gone and -ECANCELED once the call has been answered
 * for the handler. Memory may block for ever (a page that a FUSE server never delivers).
 */
struct deputy_caller_v1 {
    /** Copies size bytes. @return 0 or -EFAULT. */
    int32_t (*read)(struct deputy_call *call, uint64_t address, void *buffer, uint64_t size);
    /** Copies a string with its NUL. @return its length, -EFAULT, or -ENAMETOOLONG if size bytes hold no NUL.
     */
    int32_t (*read_string)(struct deputy_call *call, uint64_t address, char *buffer, uint64_t size);
    /**
     * Copies a struct that has user_size bytes in the caller and known_size bytes here, as the kernel's
     * copy_struct_from_user(): missing bytes are zeroed; extra ones must be zero.
     * @return 0, -EFAULT, or -E2BIG (extra bytes not zero, or more than a page).
     */
    int32_t (*read_struct)(struct deputy_call *call, uint64_t address, uint64_t user_size, void *buffer,
                           uint64_t known_size);
    /** Copies into the caller. @return 0 or -EFAULT (part may have been written). */
    int32_t (*write)(struct deputy_call *call, uint64_t address, const void *buffer, uint64_t size);
    int32_t (*identity)(struct deputy_call *call, struct deputy_identity *ret_identity);
    /** Supplementary groups, at most count. @return how many there are. */
    int32_t (*groups)(struct deputy_call *call, uint32_t *ret_groups, uint32_t count);
    /** Duplicates a descriptor of the caller (also O_PATH). ret_fd is given. @return 0 or -EBADF. */
    int32_t (*descriptor)(struct deputy_call *call, int32_t fd, int32_t *ret_fd);
    /**
     * Resolves path once, inside the caller's root, with its identity and no capability, without
     * magic links; relative to dirfd of the caller or AT_FDCWD. flags: 0 or O_NOFOLLOW or O_DIRECTORY.
     * ret_fd is O_PATH and given. @return 0 or the errno of openat2().
     */
    int32_t (*resolve)(struct deputy_call *call, int32_t dirfd, const char *path, uint64_t flags,
                       int32_t *ret_fd);
};

#define DEPUTY_EXT_EFFECT_1 "deputy.effect/1"
#define DEPUTY_TOKEN_SIZE 256u
/** Effects that may have to be undone. [handler], for the handler's own call. */
struct deputy_effect_v1 {
    /**
     * Records what undo needs, before the effect. A later commit of the same call replaces it.
     * @return 0, -EINVAL (more than DEPUTY_TOKEN_SIZE bytes), -ENOTSUP (the handler has no undo), or
     *         -ECANCELED: the call has been answered for the handler, which must not act any more.
     */
    int32_t (*commit)(struct deputy_call *call, const void *token, uint64_t size);
};

#ifdef __cplusplus
}
#endif

#endif

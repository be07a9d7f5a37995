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
 * Fields. The comment of each function ends with these, in this order:
 *   Required   "yes" or "no": whether the plugin must have it; "always": the host has it, in an extension
 *              table if it has the table. Then what holds, or must hold, when it is called;
 *   Threads    from which threads it is called, see below;
 *   Ownership  who closes or frees what, and how long pointers are valid. Pointers of which it says nothing
 *              are borrowed for the time of the call;
 *   Errors     what comes back, or becomes of what the plugin returns;
 *   Since      the version of this interface that brought it.
 *
 * Threads. Each function names who may call it, or from where the host calls it:
 *   [main]    the host's main thread, never two at once;
 *   [handler] a thread that serves a call; how many at once is the plugin's thread model. A service with
 *             this tag is for the handler's own call, on the thread that runs the handler;
 *   [any]     any thread. The plugin's own may call the host from ready until destroy returns.
 *
 * Rules. No exception, longjmp or exit() leaves a callback. A plugin changes no state of the process
 * or of the host's threads: no signal handlers or masks, no umask, chdir, setuid family, unshare,
 * setns. Its own threads start in ready() at the earliest and block all signals.
 *
 * Results. Functions that return int32_t return 0 (or a count) or a negative errno. What they return
 * through a pointer is named ret_ and left alone when they fail. Services that take a call fail with "the
 * call's errors": -ESRCH once the caller is gone, -ECANCELED once the call has been answered for the
 * handler, and -ENOTSUP where LXC keeps the notify descriptor to itself, so that nobody can tell. Any
 * service may fail with -ENOMEM, -EMFILE or -ENFILE where the host has no room.
 *
 * Descriptors are "borrowed" (the receiver must not close it, and duplicates it to keep it) or
 * "given" (the receiver closes it). All are O_CLOEXEC.
 *
 * Strings are UTF-8, NUL-terminated, borrowed for the time of the call unless it says otherwise.
 *
 * Growth. Structs that begin with struct_size grow at their end only; each side uses
 * min(own size, struct_size) bytes and takes the rest as zero (DEPUTY_HAS_FIELD). Extension tables never
 * change: a new one has a new id. Until 1.0 is final a host takes only plugins built for its own minor
 * version.
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

/**
 * Whether the other side's struct has a field: for those that a later minor version than the oldest one
 * served (abi_minor_least) has added. object is a pointer to a struct that begins with struct_size.
 */
#define DEPUTY_HAS_FIELD(object, field)                                                                      \
    ((uint64_t)((const char *)&(object)->field - (const char *)(object)) + sizeof((object)->field) <=        \
     (object)->struct_size)

/** Name of the entry point, for dlsym(). */
#define DEPUTY_PLUGIN_QUERY_SYMBOL "deputy_plugin_query_v1"

/* ---- manifest ------------------------------------------------------------------------------- */

/** Section, owner and type of the ELF note. */
#define DEPUTY_NOTE_SECTION ".note.deputy"
#define DEPUTY_NOTE_OWNER "deputy"
#define DEPUTY_NOTE_TYPE 1u

/** What a plugin may do beyond answering; bits of deputy_manifest.capabilities. */
#define DEPUTY_CAP_CONTINUE 1u /**< answers DEPUTY_CONTINUE */

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
#define DEPUTY_PASS 0     /**< not mine: the next handler, in the end EPERM or the profile's errno */
#define DEPUTY_REPLY 1    /**< return deputy_answer.error or, if that is 0, .value to the caller */
#define DEPUTY_REPLY_FD 2 /**< put deputy_answer.fd into the caller and return its number there */
#define DEPUTY_CONTINUE 3 /**< let the kernel carry it out; never a decision about memory contents */
#define DEPUTY_DEFER 4    /**< answered later: deputy.defer/1 */

struct deputy_answer {
    uint32_t struct_size;
    int32_t error;     /**< errno for the caller, 1 to 4095, or 0 */
    int64_t value;     /**< return value for the caller when error is 0 */
    int32_t fd;        /**< for DEPUTY_REPLY_FD: given to the host; not O_PATH */
    uint32_t fd_flags; /**< O_CLOEXEC or 0, for the caller's descriptor */
    int32_t number;    /**< the caller's descriptor, replaced as by dup2() (EBADF above its limit); -1: lowest
                          free */
    uint32_t reserved; /**< 0 */
};

/**
 * Handles a call.
 * @param[in,out] answer comes zeroed, with fd = number = -1.
 * @return a deputy_verdict, or a negative errno when the handler failed.
 * Required: yes, in each deputy_handler. Comes between container_added and container_gone of its container.
 * Threads: [handler], as many as the plugin's thread model allows.
 * Ownership: call, syscall and answer are the host's, valid until it returns. answer->fd is given whatever
 *     the verdict; 0, 1 and 2 with DEPUTY_REPLY_FD alone.
 * Errors: any: the caller gets the errno of its policy, EPERM mostly, what was committed is undone, and the
 *     host logs it, except for -ESRCH and -ECANCELED. Never DEPUTY_CONTINUE. The same for a verdict or an
 *     answer that is none. In a policy that only observes every effect fails with -ECANCELED, and the answer
 *     is noted and not given.
 * Since: 1.0.
 */
typedef deputy_verdict (*deputy_handle_fn)(void *plugin, struct deputy_call *call,
                                           const struct deputy_syscall *syscall,
                                           struct deputy_answer *answer);

/**
 * Takes back a committed effect whose answer did not reach the caller, which was killed or interrupted or
 * cannot take the descriptor; or whose handler failed, was late, or passed all the same.
 * @param call for deputy.effect/1 (kept) and deputy.act/1 (unlink) alone. NULL after a restart of the host,
 *             when the token must suffice; the host of this draft forgets what its predecessor did.
 * @param token what the handler last committed for this call, size bytes.
 * Required: if the handler commits, else NULL. Does not come for a deferred call: see complete of
 *     deputy.defer/1.
 * Threads: [handler], the thread that ran the handler, under the same thread model.
 * Ownership: call, syscall and token are the host's, valid until it returns.
 * Errors: none; what it could not take back stays, so it says so in the log.
 * Since: 1.0.
 */
typedef void (*deputy_undo_fn)(void *plugin, struct deputy_call *call, const struct deputy_syscall *syscall,
                               const void *token, uint64_t size);

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
    /**
     * Answer to calls that a filter still leads here while the operator has switched the handler off: an
     * errno, or 0 where the kernel may decide (as by DEPUTY_CONTINUE, which needs no capability here).
     */
    uint32_t off_error;
    uint32_t reserved; /**< 0 */
};

/** Takes registrations while register_handlers runs. */
struct deputy_registrar {
    uint32_t struct_size;
    uint32_t reserved;
    void *context; /**< for add */
    /**
     * Adds a handler.
     * Required: always. While register_handlers runs.
     * Threads: [main].
     * Ownership: the handler is copied, with its name and predicates.
     * Errors: -EINVAL (no name or no function; not in the manifest; a predicate that is not valid, more than
     *     one for an argument; off_error is no errno; reserved is not 0), -ENOENT (libseccomp knows no such
     *     call). The log says which.
     * Since: 1.0.
     */
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
    /**
     * 1 if its filters are known to have SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: only a fatal signal loses an
     * answer then. 0 if a caught one may, also without the host seeing it: then the same call comes again.
     */
    uint32_t wait_killable;
    uint32_t reserved; /**< 0 */
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
    /**
     * Makes the plugin's state.
     * Required: yes. Comes after the query.
     * Threads: [main].
     * Ownership: host is valid until destroy returns. *ret_plugin is the plugin's own, freed by destroy.
     * Errors: any other than 0 ends the start of the host, or leaves the configuration as it was if this is
     *     a reload. destroy does not come then.
     * Since: 1.0.
     */
    int32_t (*create)(const struct deputy_host *host, void **ret_plugin);
    /**
     * Registers the handlers.
     * Required: yes. Comes after create.
     * Threads: [main].
     * Ownership: registrar is the host's, valid until it returns.
     * Errors: any other than 0: as from create; destroy comes then, and drain does not.
     * Since: 1.0.
     */
    int32_t (*register_handlers)(void *plugin, const struct deputy_registrar *registrar);
    /**
     * The plugin's threads may start.
     * Required: no, may be NULL. Comes once all plugins have registered, and not at all in a host that only
     *     looks at handlers (deputy profile).
     * Threads: [main].
     * Ownership: nothing passes.
     * Errors: any other than 0: as from create; drain and destroy come as ever.
     * Since: 1.0.
     */
    int32_t (*ready)(void *plugin);
    /**
     * A container has come whose policy has the plugin on.
     * Required: no, may be NULL. Comes after ready, before the container's first call.
     * Threads: [main].
     * Ownership: container and all it points to are the host's, valid until it returns; cgroup is borrowed.
     * Errors: any other than 0 refuses the container, and container_gone does not come for it.
     * Since: 1.0.
     */
    int32_t (*container_added)(void *plugin, const struct deputy_container *container);
    /**
     * The container's last call has been answered, no other comes.
     * Required: no, may be NULL. Comes once for each container_added that returned 0; not when deputyd ends,
     *     nor from deputy run while a handler hangs.
     * Threads: [main].
     * Ownership: what deputy.settings/1 gave for the container is valid until it returns.
     * Errors: none.
     * Since: 1.0.
     */
    void (*container_gone)(void *plugin, uint64_t container);
    /**
     * Ends the plugin's threads.
     * Required: no, may be NULL. Comes after the last container_gone, also where ready did not come; not
     *     when deputyd ends, nor from deputy run while a handler hangs.
     * Threads: [main].
     * Ownership: nothing passes. Deferred calls have been answered.
     * Errors: none.
     * Since: 1.0.
     */
    void (*drain)(void *plugin);
    /**
     * Frees the plugin's state.
     * Required: yes. Comes last, after drain or a register_handlers that has failed.
     * Threads: [main].
     * Ownership: plugin is freed; host must not be used once it returns.
     * Errors: none.
     * Since: 1.0.
     */
    void (*destroy)(void *plugin);
    /**
     * Another listener of the container has come: a process was started in it by exec.
     * Required: no, may be NULL. Comes between container_added and container_gone, from deputyd alone.
     * Threads: [main], while calls are handled.
     * Ownership: nothing passes.
     * Errors: none.
     * Since: 1.0.
     */
    void (*container_exec)(void *plugin, uint64_t container);
    /**
     * A process that deputy.process/1 watches has ended.
     * Required: for watch, else NULL. Never comes after container_gone; may come before watch has returned.
     * Threads: [any], one at a time, while calls are handled whatever the thread model. container_gone waits
     *     for it.
     * Ownership: nothing passes. The id is dead.
     * Errors: none.
     * Since: 1.0.
     */
    void (*process_gone)(void *plugin, uint64_t container, uint64_t process);
    /**
     * The caller of a deferred call waits no more, or the host ends.
     * Required: no, may be NULL; complete then says -ENOENT. May come before defer has returned.
     * Threads: [any], one at a time, while calls are handled whatever the thread model.
     * Ownership: the ticket is dead; what the plugin holds for it is the plugin's to free.
     * Errors: none.
     * Since: 1.0.
     */
    void (*call_gone)(void *plugin, uint64_t ticket);
};

/**
 * The one function that a plugin exports.
 * @param host_minor DEPUTY_ABI_MINOR of the host.
 * @param[out] ret_plugin the plugin's description.
 * Required: yes, by this name. Comes once the manifest has been accepted; deputy plugin list calls it and
 *     nothing else.
 * Threads: [main].
 * Ownership: *ret_plugin and its strings are static storage of the plugin.
 * Errors: any other than 0: the host does not load the plugin.
 * Since: 1.0.
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
    /**
     * The extension table with this id (DEPUTY_EXT_*).
     * Required: always. From create on.
     * Threads: [any].
     * Ownership: the table is the host's and is valid for as long as host.
     * Errors: NULL where the host has no such table.
     * Since: 1.0.
     */
    const void *(*extension)(const struct deputy_host *host, const char *id);
    /**
     * Whether lines of this level are written at all: 1 or 0.
     * Required: always. From create on. A level that is none counts as DEPUTY_LOG_DEBUG.
     * Threads: [any].
     * Ownership: nothing passes.
     * Errors: none.
     * Since: 1.0.
     */
    int32_t (*log_enabled)(const struct deputy_host *host, int32_t level);
    /**
     * Writes one line, which begins with the plugin's name; control characters are escaped.
     * Required: always. From create on. Levels as in log_enabled.
     * Threads: [any].
     * Ownership: text is size bytes and needs no NUL.
     * Errors: none; a line that cannot be written is lost.
     * Since: 1.0.
     */
    void (*log)(const struct deputy_host *host, int32_t level, const char *text, uint64_t size);
};

#ifdef __cplusplus
}
#endif

/* The tables that deputy_host.extension gives, one header each. */
#include "ext/act.h"
#include "ext/caller.h"
#include "ext/counters.h"
#include "ext/defer.h"
#include "ext/describe.h"
#include "ext/descriptor.h"
#include "ext/effect.h"
#include "ext/path.h"
#include "ext/process.h"
#include "ext/settings.h"

#endif

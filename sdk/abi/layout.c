/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of every struct of the plugin interface: it does not compile where one differs. Sizes and
 * offsets in bytes, first for 64-bit machines, then for i386, where a 64-bit integer is aligned to four
 * bytes. A struct with struct_size may grow at its end, and gets lines here; no number that is here changes.
 * tests/sdk/layout-complete looks for structs that are missing here.
 */
#include <stddef.h>

#include <deputy/plugin.h>

#if defined(__LP64__)
#define CHOOSE(lp64, i386) lp64
#elif defined(__i386__)
#define CHOOSE(lp64, i386) i386
#else
#error "no layout for this machine"
#endif

#define SIZE(type, lp64, i386)                                                                               \
    _Static_assert(sizeof(struct type) == CHOOSE(lp64, i386), "the size of struct " #type " has changed");
#define FIELD(type, field, lp64, i386)                                                                       \
    _Static_assert(offsetof(struct type, field) == CHOOSE(lp64, i386),                                       \
                   #field " of struct " #type " has moved");

/* clang-format off */

/* deputy/plugin.h */
SIZE(deputy_manifest, 16, 16)
FIELD(deputy_manifest, abi_major, 0, 0)
FIELD(deputy_manifest, abi_minor, 4, 4)
FIELD(deputy_manifest, abi_minor_least, 8, 8)
FIELD(deputy_manifest, capabilities, 12, 12)
SIZE(deputy_syscall, 80, 80)
FIELD(deputy_syscall, struct_size, 0, 0)
FIELD(deputy_syscall, arch, 4, 4)
FIELD(deputy_syscall, nr, 8, 8)
FIELD(deputy_syscall, tid, 12, 12)
FIELD(deputy_syscall, container, 16, 16)
FIELD(deputy_syscall, instruction_pointer, 24, 24)
FIELD(deputy_syscall, args, 32, 32)
SIZE(deputy_answer, 32, 32)
FIELD(deputy_answer, struct_size, 0, 0)
FIELD(deputy_answer, error, 4, 4)
FIELD(deputy_answer, value, 8, 8)
FIELD(deputy_answer, fd, 16, 16)
FIELD(deputy_answer, fd_flags, 20, 20)
FIELD(deputy_answer, number, 24, 24)
FIELD(deputy_answer, reserved, 28, 28)
SIZE(deputy_predicate, 32, 32)
FIELD(deputy_predicate, argument, 0, 0)
FIELD(deputy_predicate, width, 4, 4)
FIELD(deputy_predicate, op, 8, 8)
FIELD(deputy_predicate, reserved, 12, 12)
FIELD(deputy_predicate, value, 16, 16)
FIELD(deputy_predicate, mask, 24, 24)
SIZE(deputy_handler, 48, 32)
FIELD(deputy_handler, struct_size, 0, 0)
FIELD(deputy_handler, predicate_count, 4, 4)
FIELD(deputy_handler, syscall, 8, 8)
FIELD(deputy_handler, predicates, 16, 12)
FIELD(deputy_handler, handle, 24, 16)
FIELD(deputy_handler, undo, 32, 20)
FIELD(deputy_handler, off_error, 40, 24)
FIELD(deputy_handler, reserved, 44, 28)
SIZE(deputy_registrar, 24, 16)
FIELD(deputy_registrar, struct_size, 0, 0)
FIELD(deputy_registrar, reserved, 4, 4)
FIELD(deputy_registrar, context, 8, 8)
FIELD(deputy_registrar, add, 16, 12)
SIZE(deputy_container, 48, 40)
FIELD(deputy_container, struct_size, 0, 0)
FIELD(deputy_container, cgroup, 4, 4)
FIELD(deputy_container, id, 8, 8)
FIELD(deputy_container, user_ns, 16, 16)
FIELD(deputy_container, name, 24, 24)
FIELD(deputy_container, settings, 32, 28)
FIELD(deputy_container, wait_killable, 40, 32)
FIELD(deputy_container, reserved, 44, 36)
SIZE(deputy_plugin_v1, 96, 52)
FIELD(deputy_plugin_v1, struct_size, 0, 0)
FIELD(deputy_plugin_v1, threads, 4, 4)
FIELD(deputy_plugin_v1, settings_schema, 8, 8)
FIELD(deputy_plugin_v1, create, 16, 12)
FIELD(deputy_plugin_v1, register_handlers, 24, 16)
FIELD(deputy_plugin_v1, ready, 32, 20)
FIELD(deputy_plugin_v1, container_added, 40, 24)
FIELD(deputy_plugin_v1, container_gone, 48, 28)
FIELD(deputy_plugin_v1, drain, 56, 32)
FIELD(deputy_plugin_v1, destroy, 64, 36)
FIELD(deputy_plugin_v1, container_exec, 72, 40)
FIELD(deputy_plugin_v1, process_gone, 80, 44)
FIELD(deputy_plugin_v1, call_gone, 88, 48)
SIZE(deputy_host, 32, 20)
FIELD(deputy_host, struct_size, 0, 0)
FIELD(deputy_host, abi_minor, 4, 4)
FIELD(deputy_host, extension, 8, 8)
FIELD(deputy_host, log_enabled, 16, 12)
FIELD(deputy_host, log, 24, 16)

/* deputy/ext/act.h */
SIZE(deputy_act_v1, 32, 16)
FIELD(deputy_act_v1, mknod, 0, 0)
FIELD(deputy_act_v1, open, 8, 4)
FIELD(deputy_act_v1, unlink, 16, 8)
FIELD(deputy_act_v1, cover, 24, 12)

/* deputy/ext/caller.h */
SIZE(deputy_identity, 72, 72)
FIELD(deputy_identity, struct_size, 0, 0)
FIELD(deputy_identity, tid, 4, 4)
FIELD(deputy_identity, tgid, 8, 8)
FIELD(deputy_identity, umask, 12, 12)
FIELD(deputy_identity, uid, 16, 16)
FIELD(deputy_identity, gid, 20, 20)
FIELD(deputy_identity, euid, 24, 24)
FIELD(deputy_identity, egid, 28, 28)
FIELD(deputy_identity, suid, 32, 32)
FIELD(deputy_identity, sgid, 36, 36)
FIELD(deputy_identity, fsuid, 40, 40)
FIELD(deputy_identity, fsgid, 44, 44)
FIELD(deputy_identity, capabilities, 48, 48)
FIELD(deputy_identity, user_ns, 56, 56)
FIELD(deputy_identity, in_container_user_ns, 64, 64)
FIELD(deputy_identity, group_count, 68, 68)
SIZE(deputy_privileges, 24, 24)
FIELD(deputy_privileges, struct_size, 0, 0)
FIELD(deputy_privileges, in_container_user_ns, 4, 4)
FIELD(deputy_privileges, capabilities, 8, 8)
FIELD(deputy_privileges, user_ns, 16, 16)
SIZE(deputy_caller_v1, 56, 28)
FIELD(deputy_caller_v1, read, 0, 0)
FIELD(deputy_caller_v1, read_string, 8, 4)
FIELD(deputy_caller_v1, read_struct, 16, 8)
FIELD(deputy_caller_v1, write, 24, 12)
FIELD(deputy_caller_v1, privileges, 32, 16)
FIELD(deputy_caller_v1, identity, 40, 20)
FIELD(deputy_caller_v1, groups, 48, 24)

/* deputy/ext/counters.h */
SIZE(deputy_counters_v1, 16, 8)
FIELD(deputy_counters_v1, declare, 0, 0)
FIELD(deputy_counters_v1, add, 8, 4)

/* deputy/ext/defer.h */
SIZE(deputy_defer_v1, 32, 16)
FIELD(deputy_defer_v1, defer, 0, 0)
FIELD(deputy_defer_v1, complete, 8, 4)
FIELD(deputy_defer_v1, block, 16, 8)
FIELD(deputy_defer_v1, interrupted, 24, 12)

/* deputy/ext/describe.h */
SIZE(deputy_describe_v1, 24, 12)
FIELD(deputy_describe_v1, wanted, 0, 0)
FIELD(deputy_describe_v1, object, 8, 4)
FIELD(deputy_describe_v1, reason, 16, 8)

/* deputy/ext/descriptor.h */
SIZE(deputy_descriptor_v1, 8, 4)
FIELD(deputy_descriptor_v1, get, 0, 0)

/* deputy/ext/effect.h */
SIZE(deputy_effect_v1, 24, 12)
FIELD(deputy_effect_v1, commit, 0, 0)
FIELD(deputy_effect_v1, keep, 8, 4)
FIELD(deputy_effect_v1, kept, 16, 8)

/* deputy/ext/path.h */
SIZE(deputy_last, 272, 272)
FIELD(deputy_last, struct_size, 0, 0)
FIELD(deputy_last, kind, 4, 4)
FIELD(deputy_last, trailing_slash, 8, 8)
FIELD(deputy_last, name, 12, 12)
FIELD(deputy_last, reserved, 268, 268)
SIZE(deputy_path_v1, 24, 12)
FIELD(deputy_path_v1, resolve, 0, 0)
FIELD(deputy_path_v1, parent, 8, 4)
FIELD(deputy_path_v1, name, 16, 8)

/* deputy/ext/process.h */
SIZE(deputy_process_v1, 8, 4)
FIELD(deputy_process_v1, watch, 0, 0)

/* deputy/ext/settings.h */
SIZE(deputy_settings_v1, 32, 16)
FIELD(deputy_settings_v1, boolean, 0, 0)
FIELD(deputy_settings_v1, integer, 8, 4)
FIELD(deputy_settings_v1, string, 16, 8)
FIELD(deputy_settings_v1, count, 24, 12)
/* clang-format on */

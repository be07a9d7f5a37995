// SPDX-License-Identifier: Apache-2.0
/* Who calls: ids, groups, capabilities, and what directories make of them. */
#include "cases.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

static const struct {
    const char *name;
    unsigned mode, uid, gid;
} directories[] = {
    {"own", 0755, 1000, 1000},
    {"own_closed", 0555, 1000, 1000},
    {"own_blind", 0300, 1000, 1000},
    {"own_no_search", 0600, 1000, 1000},
    {"none", 0000, 1000, 1000},
    {"roots", 0755, 0, 0},
    {"open", 0777, 0, 0},
    {"sticky", 01777, 0, 0},
    {"group", 0770, 0, 42},
    {"group_read", 0750, 0, 42},
    {"setgid", 02777, 0, 42},
    {"setgid_own", 02770, 1000, 42},
    {"other", 0700, 2000, 2000},
    {"other_group", 02775, 2000, 2000},
};

enum { none = 0, mknod_alone = 1U << CAP_MKNOD, all = ~0U };

static void set_capabilities(unsigned mask)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    must(syscall(SYS_capget, &header, data), "capget");
    data[0].effective = data[0].permitted & mask;
    data[1].effective = mask == all ? data[1].permitted : 0;
    must(syscall(SYS_capset, &header, data), "capset");
}

/** Keeps root's capabilities through the change of ids, then lowers the effective ones. */
static void become(unsigned uid, unsigned gid, const gid_t *groups, size_t count, unsigned mask)
{
    must(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP), "securebits");
    must(setgroups(count, groups), "setgroups");
    must(setresgid(gid, gid, gid), "setresgid");
    must(setresuid(uid, uid, uid), "setresuid");
    set_capabilities(mask);
}

static const char *who;

static void everywhere(void)
{
    char name[96], path[64];
    for (size_t i = 0; i < COUNT(directories); i++) {
        snprintf(path, sizeof(path), "ids/%s/n", directories[i].name);
        snprintf(name, sizeof(name), "identity.%s.in.%s", who, directories[i].name);
        attempt_null(name, AT_FDCWD, path);
        snprintf(path, sizeof(path), "ids/%s/there", directories[i].name);
        snprintf(name, sizeof(name), "identity.%s.exists.%s", who, directories[i].name);
        attempt_null(name, AT_FDCWD, path);
        snprintf(path, sizeof(path), "ids/%s/sub/n", directories[i].name);
        snprintf(name, sizeof(name), "identity.%s.through.%s", who, directories[i].name);
        attempt_null(name, AT_FDCWD, path);
        snprintf(path, sizeof(path), "ids/%s/.", directories[i].name);
        snprintf(name, sizeof(name), "identity.%s.dot.%s", who, directories[i].name);
        attempt_null(name, AT_FDCWD, path);
    }
}

static void as_root(void)
{
    who = "root";
    everywhere();
}
static void as_root_mknod_alone(void)
{
    who = "root_mknod_alone";
    set_capabilities(mknod_alone);
    everywhere();
}
static void as_root_override(void)
{
    who = "root_override";
    set_capabilities(mknod_alone | 1U << CAP_DAC_OVERRIDE);
    everywhere();
}
static void as_root_read_search(void)
{
    who = "root_read_search";
    set_capabilities(mknod_alone | 1U << CAP_DAC_READ_SEARCH);
    everywhere();
}
static void as_root_without_mknod(void)
{
    who = "root_without_mknod";
    set_capabilities(all & ~(unsigned)mknod_alone);
    everywhere();
}
static void as_user(void)
{
    who = "user";
    become(1000, 1000, NULL, 0, none);
    everywhere();
}
static void as_user_mknod(void)
{
    who = "user_mknod";
    become(1000, 1000, NULL, 0, mknod_alone);
    everywhere();
}
static void as_user_in_group(void)
{
    const gid_t groups[] = {7, 42};
    who = "user_in_group";
    become(1000, 1000, groups, 2, mknod_alone);
    everywhere();
}
static void as_user_of_group(void)
{
    who = "user_of_group";
    become(1000, 42, NULL, 0, mknod_alone);
    everywhere();
}
static void as_user_fsetid(void)
{
    who = "user_fsetid";
    become(1000, 1000, NULL, 0, mknod_alone | 1U << CAP_FSETID);
    everywhere();
    attempt("identity.fsetid.setgid_kept", AT_FDCWD, "ids/setgid/n", S_IFCHR | 02775, null_device);
}

static void setgid_stripped(void)
{
    become(1000, 1000, NULL, 0, mknod_alone);
    attempt("identity.setgid_stripped", AT_FDCWD, "ids/setgid/n", S_IFCHR | 02775, null_device);
    attempt("identity.setgid_not_executable", AT_FDCWD, "ids/setgid/n", S_IFCHR | 02665, null_device);
    attempt("identity.setgid_elsewhere", AT_FDCWD, "ids/open/n", S_IFCHR | 02775, null_device);
}

static void file_system_ids(void)
{
    must(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP), "securebits");
    setfsgid(42);
    setfsuid(1000);
    attempt_null("identity.fsuid", AT_FDCWD, "ids/open/n");
    attempt_null("identity.fsuid_own", AT_FDCWD, "ids/own/n");
    set_capabilities(mknod_alone);
    attempt_null("identity.fsuid_roots", AT_FDCWD, "ids/roots/n");
    attempt_null("identity.fsgid_group", AT_FDCWD, "ids/group/n");
}

static void file_system_ids_drop(void)
{
    setfsuid(1000); // and with it the file-system capabilities, CAP_MKNOD among them
    attempt_null("identity.fsuid_dropped", AT_FDCWD, "ids/own/n");
    setfsuid(0);
    attempt_null("identity.fsuid_regained", AT_FDCWD, "ids/own/n");
}

static void effective_ids(void)
{
    must(setresuid((uid_t)-1, 1000, (uid_t)-1), "seteuid");
    attempt_null("identity.euid_dropped", AT_FDCWD, "ids/own/n");
    attempt_null("identity.euid_dropped.roots", AT_FDCWD, "ids/roots/n");
    must(setresuid((uid_t)-1, 0, (uid_t)-1), "seteuid");
    attempt_null("identity.euid_regained", AT_FDCWD, "ids/own/n");
}

static void deeper_user_namespace(void)
{
    must(unshare(CLONE_NEWUSER), "unshare");
    attempt_null("identity.user_namespace", AT_FDCWD, "ids/open/n");
    attempt_null("identity.user_namespace.exists", AT_FDCWD, "ids/open/there");
    attempt_null("identity.user_namespace.none", AT_FDCWD, "ids/none_such/n");
    attempt("identity.user_namespace.fifo", AT_FDCWD, "ids/open/n", S_IFIFO | 0644, 0);
}

/** A default access control list: for the owner, a named user, the group, the mask and all others. */
static void default_lists(void)
{
    struct {
        uint32_t version;
        struct {
            uint16_t tag, permissions;
            uint32_t id;
        } entry[5];
    } list = {
        2,
        {{1, 7, UINT32_MAX}, {2, 6, 1000}, {4, 5, UINT32_MAX}, {0x10, 7, UINT32_MAX}, {0x20, 4, UINT32_MAX}}};
    make_directory("acl", 0777, 0, 0);
    must(setxattr("acl", "system.posix_acl_default", &list, sizeof(list), 0), "default ACL");
    attempt("acl.0666", AT_FDCWD, "acl/n", S_IFCHR | 0666, null_device);
    attempt("acl.0600", AT_FDCWD, "acl/n", S_IFCHR | 0600, null_device);
    attempt("acl.07777", AT_FDCWD, "acl/n", S_IFCHR | 07777, null_device);
    umask(077);
    attempt("acl.umask_077", AT_FDCWD, "acl/n", S_IFCHR | 0666, null_device);
    umask(022);
}

void identity_cases(void)
{
    make_directory("ids", 0755, 0, 0);
    for (size_t i = 0; i < COUNT(directories); i++) {
        char path[64], below[80];
        snprintf(path, sizeof(path), "ids/%s", directories[i].name);
        make_directory(path, 0755, 0, 0);
        snprintf(below, sizeof(below), "%s/there", path);
        make_file(below);
        snprintf(below, sizeof(below), "%s/sub", path);
        make_directory(below, 0777, 0, 0);
        must(chown(path, directories[i].uid, directories[i].gid), path);
        must(chmod(path, directories[i].mode), path);
    }
    void (*const cases[])(void) = {as_root,
                                   as_root_mknod_alone,
                                   as_root_override,
                                   as_root_read_search,
                                   as_root_without_mknod,
                                   as_user,
                                   as_user_mknod,
                                   as_user_in_group,
                                   as_user_of_group,
                                   as_user_fsetid,
                                   setgid_stripped,
                                   file_system_ids,
                                   file_system_ids_drop,
                                   effective_ids,
                                   deeper_user_namespace};
    for (size_t i = 0; i < COUNT(cases); i++)
        in_child(cases[i]);
    default_lists();
}

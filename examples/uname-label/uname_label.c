/* SPDX-License-Identifier: Apache-2.0 */

/**
 * @file
 * Extension tables, settings and the caller's memory, in C: uname(2) in a container gives the node name
 * that its policy has, for example the name under which an inventory knows it.
 *
 * The label replaces nodename and domainname, which are those of the caller's UTS namespace. A plugin
 * cannot read them there: that takes setns(2), which none may call. So it does not add to them but says
 * what they are. sysname, release, version and machine are the whole host's, and told as they are.
 *
 * Differences to the kernel: what sethostname(2) sets in the container is not seen by uname(2);
 * personality(2) changes neither release nor machine; olduname(2) and oldolduname(2) of i386 are left alone.
 * Callers in a user namespace below the container's own, as in nested containers, get the kernel's
 * answer.
 *
 *     deputy run --enable uname_label --set 'uname_label.nodename="web-1"' -- uname -n
 */

#define _GNU_SOURCE 1 /* utsname.domainname */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <deputy/plugin.h>

/* To leave a call to the kernel is a capability, though nothing is decided by it here. */
DEPUTY_MANIFEST(DEPUTY_CAP_CONTINUE, "uname_label\0"
                                     "1.0\0"
                                     "uname\0");

static const char settings_schema[] =
    "{"
    "  \"$schema\": \"http://json-schema.org/draft-07/schema#\","
    "  \"title\": \"Settings of uname_label\","
    "  \"type\": \"object\","
    "  \"additionalProperties\": false,"
    "  \"properties\": {"
    "    \"nodename\": {"
    "      \"description\": \"The node name that uname() gives.\","
    "      \"type\": \"string\", \"pattern\": \"^[A-Za-z0-9.-]{1,64}$\", \"default\": \"container\""
    "    },"
    "    \"domainname\": {"
    "      \"description\": \"The NIS domain name that uname() gives.\","
    "      \"type\": \"string\", \"maxLength\": 64, \"default\": \"(none)\""
    "    }"
    "  }"
    "}";

struct uname_label {
    const struct deputy_host *host;
    const struct deputy_caller_v1 *caller;
    const struct deputy_settings_v1 *settings;
};

/* The kernel's new_utsname is the same on every architecture: six fields, no numbers. */
#define FIELD 65
_Static_assert(sizeof(struct utsname) == 6 * FIELD, "the C library's struct is the kernel's");

/* Puts a setting of the container into a field, and zeroes after it: the host's memory is not shown. */
static int32_t set_field(const struct uname_label *me, uint64_t container, const char *pointer,
                         char (*field)[FIELD])
{
    const char *value = NULL;
    const int32_t r = me->settings->string(me->host, container, pointer, &value);
    if (r < 0)
        return r;
    memset(*field, 0, FIELD);
    memcpy(*field, value, strnlen(value, FIELD - 1));
    return 0;
}

static deputy_verdict handle_uname(void *plugin, struct deputy_call *call,
                                   const struct deputy_syscall *syscall, struct deputy_answer *answer)
{
    const struct uname_label *me = plugin;
    struct deputy_privileges who = {.struct_size = sizeof who};
    int32_t r = me->caller->privileges(call, &who);
    if (r < 0)
        return r;
    if (!who.in_container_user_ns)
        return DEPUTY_CONTINUE;

    struct utsname names = {0};
    if (uname(&names) != 0)
        return -errno;
    r = set_field(me, syscall->container, "/nodename", &names.nodename);
    if (r == 0)
        r = set_field(me, syscall->container, "/domainname", &names.domainname);
    if (r < 0)
        return r;
    r = me->caller->write(call, syscall->args[0], &names, sizeof names);
    if (r == -EFAULT) { /* the caller's mistake; everything else is a failure here */
        answer->error = EFAULT;
        return DEPUTY_REPLY;
    }
    return r < 0 ? r : DEPUTY_REPLY;
}

static int32_t create(const struct deputy_host *host, void **ret_plugin)
{
    struct uname_label *me = malloc(sizeof *me);
    if (me == NULL)
        return -ENOMEM;
    me->host = host;
    me->caller = host->extension(host, DEPUTY_EXT_CALLER_1);
    me->settings = host->extension(host, DEPUTY_EXT_SETTINGS_1);
    if (me->caller == NULL || me->settings == NULL) {
        static const char text[] = "the host lacks " DEPUTY_EXT_CALLER_1 " or " DEPUTY_EXT_SETTINGS_1;
        host->log(host, DEPUTY_LOG_ERROR, text, sizeof text - 1);
        free(me);
        return -ENOTSUP;
    }
    *ret_plugin = me;
    return 0;
}

static int32_t register_handlers(void *plugin, const struct deputy_registrar *registrar)
{
    (void)plugin;
    const struct deputy_handler handler = {
        .struct_size = sizeof handler, .syscall = "uname", .handle = handle_uname};
    return registrar->add(registrar->context, &handler);
}

static void destroy(void *plugin)
{
    free(plugin);
}

int32_t deputy_plugin_query_v1(uint32_t host_minor, const struct deputy_plugin_v1 **ret_plugin)
{
    static const struct deputy_plugin_v1 description = {
        .struct_size = sizeof description,
        .threads = DEPUTY_THREADS_PARALLEL, /* nothing that it has ever changes */
        .settings_schema = settings_schema,
        .create = create,
        .register_handlers = register_handlers,
        .destroy = destroy,
    };
    (void)host_minor;
    *ret_plugin = &description;
    return 0;
}

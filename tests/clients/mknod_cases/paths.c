// SPDX-License-Identifier: Apache-2.0
/* Paths of every form, by mknod() and by mknodat(). */
#include "cases.h"

#include <sys/socket.h>
#include <sys/un.h>

static void make_links(void)
{
    char target[300], name[16];
    must(symlink("d", "link"), "link");
    must(symlink("file", "link_to_file"), "link_to_file");
    must(symlink("none", "dangling"), "dangling");
    must(symlink("loop", "loop"), "loop");
    must(symlink("two", "one"), "one");
    must(symlink("one", "two"), "two");
    must(symlink("..", "d/up"), "d/up");
    must(symlink("d/sub/", "slashed"), "slashed");
    must(symlink("../../../../../../../../..", "top"), "top");
    snprintf(target, sizeof(target), "%s/d", place);
    must(symlink(target, "absolute"), "absolute");
    must(symlink("d", "l0"), "l0");
    for (int i = 1; i <= 41; i++) {
        snprintf(target, sizeof(target), "l%d", i - 1);
        snprintf(name, sizeof(name), "l%d", i);
        must(symlink(target, name), name);
    }
}

static void make_tree(void)
{
    make_directory("d", 0755, 0, 0);
    make_directory("d/sub", 0755, 0, 0);
    make_file("file");
    must(mkfifo("fifo", 0644), "fifo");
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(fd, (struct sockaddr *)&name, sizeof(name)), "socket");
    close(fd);
    must(raw_mknodat((uint64_t)AT_FDCWD, address("null"), S_IFCHR | 0666, null_device), "null");
    make_links();
}

static const struct {
    const char *name, *path;
} relative[] = {
    {"plain", "n"},
    {"dot", "./n"},
    {"dots", "././/./n"},
    {"below", "d/n"},
    {"deep", "d/sub/n"},
    {"two_slashes", "d//n"},
    {"up_again", "d/../n"},
    {"up_deep", "d/sub/../../d/n"},
    {"top_by_link", "top/proc/../bin/../n"},
    {"slash_after", "n/"},
    {"slashes_after", "n///"},
    {"slash_after_below", "d/n/"},
    {"slash_after_directory", "d/"},
    {"slash_after_file", "file/"},
    {"slash_after_node", "null/"},
    {"slash_after_link", "link/"},
    {"slash_after_dangling", "dangling/"},
    {"slash_after_loop", "loop/"},
    {"only_dot", "."},
    {"only_dot_dot", ".."},
    {"dot_slash", "./"},
    {"last_dot", "d/."},
    {"last_dot_dot", "d/.."},
    {"last_dot_slash", "d/./"},
    {"last_dot_of_file", "file/."},
    {"last_dot_dot_of_file", "file/.."},
    {"last_dot_of_none", "none/."},
    {"root", "/"},
    {"roots", "///"},
    {"root_dot", "/."},
    {"root_dot_dot", "/.."},
    {"empty", ""},
    {"none_in_the_middle", "none/n"},
    {"file_in_the_middle", "file/n"},
    {"fifo_in_the_middle", "fifo/n"},
    {"node_in_the_middle", "null/n"},
    {"link_in_the_middle", "link/n"},
    {"link_and_up", "link/../n"},
    {"link_below", "d/up/n"},
    {"link_slashed", "slashed/n"},
    {"link_absolute", "absolute/n"},
    {"link_to_file_in_the_middle", "link_to_file/n"},
    {"dangling_in_the_middle", "dangling/n"},
    {"loop_in_the_middle", "loop/n"},
    {"loop_of_two", "one/n"},
    {"links_40", "l39/n"},
    {"links_41", "l40/n"},
    {"links_42", "l41/n"},
    {"exists_directory", "d"},
    {"exists_file", "file"},
    {"exists_fifo", "fifo"},
    {"exists_socket", "socket"},
    {"exists_node", "null"},
    {"exists_link", "link"},
    {"exists_dangling", "dangling"},
    {"exists_loop", "loop"},
    {"name_with_space", "d/a b"},
    {"name_with_newline", "d/a\nb"},
    {"name_with_backslash", "d/a\\b"},
    {"name_utf8", "d/\xc3\xa9"},
    {"name_no_utf8", "d/\xff\xfe"},
    {"name_deleted", "d/x (deleted)"},
    {"name_hidden", "d/.n"},
    {"name_three_dots", "d/..."},
    {"name_with_percent", "d/%s%n"},
};

static void long_names(void)
{
    static char path[5000];
    for (size_t length = 254; length <= 257; length++) {
        char name[32];
        memset(path, 'a', length);
        path[length] = '\0';
        snprintf(name, sizeof(name), "path.name_of_%zu", length);
        attempt_null(name, AT_FDCWD, path);
        strcpy(path + length, "/n");
        snprintf(name, sizeof(name), "path.middle_of_%zu", length);
        attempt_null(name, AT_FDCWD, path);
        strcpy(path + length, "/");
        snprintf(name, sizeof(name), "path.slash_after_%zu", length);
        attempt_null(name, AT_FDCWD, path);
    }
    for (size_t length = 4094; length <= 4097; length++) {
        char name[32];
        for (size_t i = 0; i < length; i++)
            path[i] = i % 2 == 0 ? '.' : '/';
        path[length - 1] = 'n';
        path[length - 2] = '/';
        path[length] = '\0';
        snprintf(name, sizeof(name), "path.length_%zu", length);
        attempt_null(name, AT_FDCWD, path);
    }
}

void path_cases(void)
{
    char name[64], path[600];
    make_tree();
    for (size_t i = 0; i < COUNT(relative); i++) {
        snprintf(name, sizeof(name), "path.%s", relative[i].name);
        attempt_null(name, AT_FDCWD, relative[i].path);
        snprintf(name, sizeof(name), "absolute.%s", relative[i].name);
        snprintf(path, sizeof(path), "%s/%s", place, relative[i].path);
        attempt_null(name, AT_FDCWD, path);
#ifdef SYS_mknod
        snprintf(name, sizeof(name), "mknod.%s", relative[i].name);
        report(name, syscall(SYS_mknod, relative[i].path, S_IFCHR | 0666, null_device), AT_FDCWD,
               relative[i].path);
#endif
    }
    snprintf(path, sizeof(path), "/../..%s//d/n", place);
    attempt_null("absolute.above_the_root", AT_FDCWD, path);
    long_names();
}

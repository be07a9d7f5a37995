// SPDX-License-Identifier: Apache-2.0
// Programs as they are, with files that only a rule shows them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/granted_tree.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

TEST(open_programs, read_what_is_granted)
{
    const granted_tree tree;
    for (const char *script :
         {"cat /run/data/file", "busybox cat /run/data/file", "cat </run/data/file",
          "cd /run && cat data/file", "dd if=/run/data/file status=none",
          "busybox dd if=/run/data/file 2>/dev/null",
          "python3 -c 'print(open(\"/run/data/file\").read(), end=\"\")'", "head -n 1 /run/data/file"}) {
        for (const char *access : {"ro", "rw"}) {
            const outcome o = run(tree.shell(script, access));
            EXPECT_EQ(o.out, "granted\n") << script << ", " << access << ": " << o.err;
        }
    }
}

TEST(open_programs, write_what_is_granted_and_not_what_is_read_only)
{
    const granted_tree tree;
    const outcome rw = run(tree.shell("echo new >/run/data/one && echo more >>/run/data/one && "
                                      "dd if=/dev/zero of=/run/data/two bs=1k count=3 status=none && "
                                      "python3 -c 'open(\"/run/data/three\", \"x\").write(\"text\")'"));
    EXPECT_EQ(rw.status, 0) << rw.err;
    EXPECT_EQ(text_of(tree.data() / "one"), "new\nmore\n");
    EXPECT_EQ(std::filesystem::file_size(tree.data() / "two"), 3072U);
    EXPECT_EQ(text_of(tree.data() / "three"), "text");
    const outcome ro = run(tree.shell("echo changed >/run/data/file", "ro"));
    EXPECT_NE(ro.status, 0);
    EXPECT_THAT(ro.err, HasSubstr("Permission denied"));
    EXPECT_EQ(text_of(tree.data() / "file"), "granted\n");
}

TEST(open_programs, take_archives_and_write_them)
{
    const granted_tree tree;
    const outcome o =
        run(tree.shell("set -e; mkdir /tmp/in /tmp/out; echo text >/tmp/in/file; cd /tmp; "
                       "tar cf /run/data/a.tar in; tar xf /run/data/a.tar -C out; cat out/in/file; "
                       "echo in/file | cpio -o --quiet >/run/data/a.cpio; "
                       "cd out; rm in/file; cpio -i --quiet </run/data/a.cpio; cat in/file"));
    EXPECT_EQ(o.out, "text\ntext\n") << o.err;
    EXPECT_EQ(run({"tar", "tf", tree.data() / "a.tar"}).out, "in/\nin/file\n");
}

TEST(open_programs, list_a_directory_that_is_granted)
{
    const granted_tree tree;
    std::filesystem::create_directory(tree.data() / "sub");
    write_text(tree.data() / "sub/deep", "deep\n");
    const outcome o =
        run(tree.shell("python3 -c '\n"
                       "import os\n"
                       "top = os.open(\"/run/data\", os.O_RDONLY)\n"
                       "print(sorted(os.listdir(top)))\n"
                       "print(open(os.open(\"sub/deep\", os.O_RDONLY, dir_fd=top)).read(), end=\"\")\n"
                       "print(os.listdir(os.open(\"..\", os.O_RDONLY, dir_fd=top)) == os.listdir(top))'"));
    EXPECT_EQ(o.out, "['file', 'sub']\ndeep\nTrue\n") << o.err;
}

TEST(open_programs, in_a_deeper_user_namespace_get_what_is_there_without_the_rule)
{
    const granted_tree tree;
    const outcome o = run(tree.shell("unshare --user --map-root-user cat /run/data/file"));
    EXPECT_EQ(o.out, "");
    EXPECT_THAT(o.err, HasSubstr("No such file or directory"));
}

TEST(open_programs, open_a_device_that_the_container_has_not)
{
    const scratch_directory place;
    place.add_device("zeroes", 1, 5);
    const std::string rule = R"(open.rules=[{ path = "/run/zeroes", from = "host", to = ")" +
                             (place.path() / "zeroes").string() + R"(", access = "ro" }])";
    const command with = {"--plugin-dir", DEPUTY_PLUGINS_DIR, "--enable", "open", "--set", rule};
    const outcome o = run(plain_container(with, {"/bin/sh", "-c", "head -c 4 /run/zeroes | wc -c"}));
    EXPECT_EQ(o.out, "4\n") << o.err;
    EXPECT_NE(run(plain_container({}, {"head", "-c", "4", "/run/zeroes"})).status, 0);
}

TEST(open_programs, make_each_file_once_in_a_storm_of_signals)
{
    for (const char *interrupt : {"True", "False"}) {
        const granted_tree tree;
        const outcome o = run(
            tree.shell("python3 -c '\n"
                       "import os, signal\n"
                       "signal.signal(signal.SIGALRM, lambda *ignored: None)\n"
                       "signal.siginterrupt(signal.SIGALRM, " +
                       std::string(interrupt) +
                       ")\n"
                       "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
                       "for i in range(1000):\n"
                       "    os.close(os.open(f\"/run/data/storm-{i}\", os.O_CREAT | os.O_EXCL | os.O_RDWR))\n"
                       "print(\"done\")'"));
        EXPECT_EQ(o.out, "done\n") << o.err;
        EXPECT_EQ(std::distance(std::filesystem::directory_iterator(tree.data()), {}), 1001);
    }
}

TEST(open_programs, stress_opens_that_no_rule_fits)
{
    const granted_tree tree;
    const outcome o = run(tree.shell("cd /tmp && exec stress-ng --open 2 --open-ops 2000 --verify"));
    EXPECT_EQ(o.status, 0) << o.out << o.err;
}

} // namespace
} // namespace deputyd::test

// SPDX-License-Identifier: Apache-2.0
// Programs that make device nodes, unmodified, in an unprivileged container: what they leave equals what they
// leave when root of the host runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/container.hpp"
#include "support/debian_root.hpp"
#include "support/tree_listing.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

outcome native(const std::filesystem::path &work, const std::string &script)
{
    return run({"/bin/bash", "-euc", "umask 022; cd \"$0\"; " + script, work},
               {.timeout = std::chrono::minutes(10)});
}

/// The host's programs, in a container, with the host's directory as its own.
outcome inside(const std::filesystem::path &work, const std::string &script, const command &options = {})
{
    return run(command{DEPUTY_BIN_DIR "/deputy", "run", "--plugin-dir", DEPUTY_PLUGINS_DIR, "--enable",
                       "mknod", "--bind", work.string() + ":/run/work"} +
                   options +
                   command{"--", "/bin/bash", "-euc", "umask 022; export HOME=/tmp; cd /run/work; " + script},
               {.timeout = std::chrono::minutes(10)});
}

/// A directory that belongs to root, as what is mounted into a container should.
class work_directory : public scratch_directory
{
public:
    work_directory() { ::chmod(path().c_str(), 0755); }
};

/// A script, and a line of what it must have left.
struct program {
    const char *name;
    const char *script;
    const char *leaves;
};

constexpr const char *source = "mkdir s; mknod -m 666 s/null c 1 3; mknod -m 640 s/tty c 5 0; mkfifo s/fifo; "
                               "chown 7:8 s/tty; ";

constexpr program programs[] = {
    {"coreutils", "mknod null c 1 3; mknod -m 600 zero c 1 5; ! mknod null c 1 3", "zero 20600 0 0 1:5"},
    {"busybox", "busybox mknod null c 1 3; busybox mknod -m 622 console c 5 1", "console 20622 0 0 5:1"},
    {"cp", "cp -a /dev/null null; chown 0:0 null; cp -a null again", "again 20666 0 0 1:3"},
    {"tar", "tar -cf a s; mkdir t; tar -xpf a -C t", "t/s/tty 20640 7 8 5:0"},
    {"cpio", "(cd s; find . | cpio -o -H newc) >a; mkdir t; (cd t; cpio -idm <../a)", "t/tty 20640 7 8 5:0"},
    {"rsync", "rsync -aD s/ t/", "t/tty 20640 7 8 5:0"},
    {"dpkg",
     "mkdir -p p/DEBIAN p/opt; mknod p/opt/null c 1 3; "
     "printf 'Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: n <n@n>\\nDescription: n\\n' "
     ">p/DEBIAN/control; "
     "dpkg-deb -b p p.deb; mkdir -p r/var/lib/dpkg/info r/var/lib/dpkg/updates r/var/log; touch "
     "r/var/lib/dpkg/status; "
     "dpkg --root=r --log=/dev/null --force-script-chrootless -i p.deb",
     "r/opt/null 20644 0 0 1:3"},
};

class mknod_programs : public testing::TestWithParam<program>
{
};

TEST_P(mknod_programs, leave_what_they_leave_on_the_host)
{
    const work_directory there, here;
    const outcome on_host = native(there.path(), std::string(source) + GetParam().script);
    ASSERT_EQ(on_host.status, 0) << on_host.err;
    const outcome in_container = inside(here.path(), std::string(source) + GetParam().script);
    EXPECT_EQ(in_container.status, 0) << in_container.err;
    const auto listed = list_tree(here.path());
    EXPECT_EQ(listed, list_tree(there.path()));
    EXPECT_THAT(listed, testing::Contains(GetParam().leaves));
}

INSTANTIATE_TEST_SUITE_P(of, mknod_programs, testing::ValuesIn(programs),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(mknod_program, stress_ng_finds_no_fault)
{
    const work_directory work;
    const outcome o =
        inside(work.path(), "stress-ng --mknod 2 --mknod-ops 400 --verify --temp-path /run/work 2>&1");
    EXPECT_EQ(o.status, 0) << o.out << o.err;
    EXPECT_THAT(o.out, HasSubstr("successful run"));
    EXPECT_TRUE(std::filesystem::is_empty(work.path()));
}

TEST(mknod_program, debootstrap_makes_the_tree_that_it_makes_on_the_host)
{
    const minbase_cache cache = minbase();
    const work_directory work;
    std::filesystem::copy_file(cache.packages, work.path() / "packages.tgz");
    const outcome o = inside(
        work.path(), "debootstrap --variant=minbase --unpack-tarball=/run/work/packages.tgz bookworm tree",
        {"--set", R"(mknod.devices=["c 1:3", "c 1:5", "c 1:7-9", "c 5:0-2"])"});
    ASSERT_EQ(o.status, 0) << o.out.substr(o.out.size() < 2000 ? 0 : o.out.size() - 2000) << o.err;
    const auto listed = list_tree(work.path() / "tree");
    const auto expected = read_listing(cache.listing);
    EXPECT_GT(expected.size(), 5000U);
    EXPECT_THAT(listed, testing::Contains("dev/null 20666 0 0 1:3"));
    for (const auto &line : expected) {
        EXPECT_EQ(listed.count(line), 1U) << "only on the host: " << line;
    }
    for (const auto &line : listed) {
        EXPECT_EQ(expected.count(line), 1U) << "only in the container: " << line;
    }
}

} // namespace
} // namespace deputyd::test

// SPDX-License-Identifier: Apache-2.0
// Opens that wait: of FIFOs whose other side is not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/syscall.h>

#include "support/granted_tree.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;
namespace fs = std::filesystem;

class open_waiting : public testing::Test
{
protected:
    open_waiting()
    {
        if (::mkfifo((tree_.data() / "fifo").c_str(), 0666) != 0) {
            throw std::system_error(errno, std::system_category(), "mkfifo");
        }
    }
    /// How many threads of the host wait in openat2().
    static std::size_t waiting(const process &host)
    {
        std::size_t count = 0;
        std::error_code ignored;
        for (const auto &task :
             fs::directory_iterator("/proc/" + std::to_string(host.pid()) + "/task", ignored)) {
            const auto call = text_of(task.path() / "syscall");
            count += call.starts_with(std::to_string(SYS_openat2) + " ") ? 1 : 0;
        }
        return count;
    }
    static bool waits(const process &host, std::size_t count = 1)
    {
        return wait_until([&] { return waiting(host) == count; });
    }

    granted_tree tree_;
};

TEST_F(open_waiting, end_when_the_other_side_comes)
{
    process p(tree_.shell("cat /run/data/fifo; echo end"));
    ASSERT_TRUE(waits(p)) << p.wait().err;
    write_text(tree_.data() / "fifo", "through\n");
    EXPECT_EQ(p.wait().out, "through\nend\n");
}

TEST_F(open_waiting, hold_up_no_other_call)
{
    process p(tree_.shell("cat /run/data/fifo & read x; cat /run/data/file; ls / >/dev/null; echo done; "
                          "echo through >/run/data/fifo; wait"));
    ASSERT_TRUE(waits(p)) << p.wait().err;
    p.write("\n");
    ASSERT_TRUE(p.wait_output("done")) << p.wait().err;
    EXPECT_EQ(p.wait().out, "granted\ndone\nthrough\n");
}

TEST_F(open_waiting, end_with_their_caller)
{
    process p(tree_.shell("cat /run/data/fifo & read x; kill -9 $!; wait; read x; cat /run/data/file"));
    ASSERT_TRUE(waits(p)) << p.wait().err;
    p.write("\n");
    EXPECT_TRUE(waits(p, 0)) << "a thread of the host still waits";
    p.write("\n");
    EXPECT_EQ(p.wait().out, "granted\n");
}

TEST_F(open_waiting, end_with_their_container)
{
    process p(tree_.shell("cat /run/data/fifo & read x; exit 7"));
    ASSERT_TRUE(waits(p)) << p.wait().err;
    p.write("\n");
    EXPECT_EQ(p.wait().status, 7);
}

TEST_F(open_waiting, end_with_eintr_by_a_signal_that_is_handled_and_by_no_other)
{
    for (const char *signal : {"USR1", "USR2"}) {
        process p(tree_.shell("/run/clients/open_wait /run/data/fifo & read x; kill -HUP $!; kill -CONT $!; "
                              "cat /run/data/file; read x; kill -" +
                              std::string(signal) + " $!; wait"));
        ASSERT_TRUE(waits(p)) << p.wait().err;
        p.write("\n");
        ASSERT_TRUE(p.wait_output("granted")) << p.wait().err;
        EXPECT_EQ(waiting(p), 1U);
        p.write("\n");
        EXPECT_THAT(p.wait().out, HasSubstr("open EINTR")) << signal;
    }
}

TEST_F(open_waiting, are_limited_and_then_refused_with_eagain)
{
    process p(tree_.shell(
        "i=0; while [ $i -lt 64 ]; do cat /run/data/fifo & all=\"$all $!\"; i=$((i+1)); done; read x; "
        "cat /run/data/fifo; cat /run/data/file; kill -9 $all; wait; "
        "/run/clients/open_wait /run/data/fifo & read x; kill -USR1 $!; wait"));
    ASSERT_TRUE(waits(p, 64)) << p.wait().err;
    p.write("\n");
    ASSERT_TRUE(p.wait_output("pid")) << p.wait().err;
    ASSERT_TRUE(waits(p, 1));
    p.write("\n");
    const outcome o = p.wait();
    EXPECT_THAT(o.out, HasSubstr("granted\n"));
    EXPECT_THAT(o.out, HasSubstr("open EINTR"));
    EXPECT_THAT(o.err, HasSubstr("Resource temporarily unavailable"));
}

} // namespace
} // namespace deputyd::test

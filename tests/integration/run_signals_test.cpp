// SPDX-License-Identifier: Apache-2.0
// Signals reach the command; the terminal is one of the container's own.
#include <cstring>
#include <pty.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include "integration/deputy.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

TEST(run_signals, reach_a_command_that_handles_them)
{
    for (const char *name : {"TERM", "INT", "HUP", "QUIT", "USR1", "USR2"}) {
        const std::string script =
            std::string("trap 'echo got; exit 9' ") + name + "; echo up; while :; do sleep 0.01; done";
        process p(deputy_command({"sh", "-c", script}));
        ASSERT_TRUE(p.wait_output("up"));
        run({"kill", "-" + std::string(name), std::to_string(p.pid())});
        const outcome o = p.wait();
        EXPECT_EQ(o.status, 9) << name;
        EXPECT_THAT(o.out, HasSubstr("got")) << name;
    }
}

TEST(run_signals, end_a_command_that_does_not_handle_them)
{
    // Not SIGINT: dash catches it and raises it again, which means nothing to pid 1.
    for (const int number : {SIGTERM, SIGHUP, SIGUSR1, SIGRTMIN + 3}) {
        process p(deputy_command({"sh", "-c", "echo up; sleep 1000; :"}));
        ASSERT_TRUE(p.wait_output("up"));
        p.kill(number);
        EXPECT_EQ(p.wait().status, 128 + number);
    }
}

TEST(run_signals, end_a_command_that_blocks_them_for_a_moment)
{
    // dash blocks all of them while it forks.
    process p(deputy_command({"sh", "-c", "echo up; while :; do (:); done"}));
    ASSERT_TRUE(p.wait_output("up"));
    p.kill(SIGTERM);
    EXPECT_EQ(p.wait().status, 128 + SIGTERM);
}

TEST(run_signals, do_not_end_a_command_that_ignores_them)
{
    process p(deputy_command({"sh", "-c", "trap '' TERM; echo up; read line; echo $line; exit 4"}));
    ASSERT_TRUE(p.wait_output("up"));
    p.kill(SIGTERM);
    p.write("on\n");
    const outcome o = p.wait();
    EXPECT_EQ(o.out, "up\non\n");
    EXPECT_EQ(o.status, 4);
}

/// A command whose standard streams are a terminal of the test's.
class on_terminal
{
public:
    explicit on_terminal(std::vector<std::string> argv)
    {
        winsize size{33, 77, 0, 0};
        int master = -1;
        pid_ = forkpty(&master, nullptr, nullptr, &size);
        if (pid_ == 0) {
            std::vector<char *> args;
            for (std::string &a : argv) {
                args.push_back(a.data());
            }
            args.push_back(nullptr);
            execvp(args[0], args.data());
            _exit(127);
        }
        master_.reset(master);
    }
    ~on_terminal()
    {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
    }
    int master() const { return master_.get(); }
    void type(const std::string &text) const
    {
        ASSERT_EQ(write(master_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    /// Reads until the output holds text, or the end. @return all of it.
    const std::string &until(const std::string &text)
    {
        char buffer[512];
        while (seen_.find(text) == std::string::npos) {
            pollfd readable{master_.get(), POLLIN, 0};
            if (poll(&readable, 1, 30'000) != 1) {
                break;
            }
            const ssize_t n = read(master_.get(), buffer, sizeof buffer);
            if (n <= 0) {
                break;
            }
            seen_.append(buffer, static_cast<std::size_t>(n));
        }
        return seen_;
    }
    int status()
    {
        until("never printed");
        int status = 0;
        waitpid(std::exchange(pid_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    pid_t pid_ = -1;
    deputy::unique_fd master_;
    std::string seen_;
};

TEST(run_terminal, is_the_containers_own_with_the_size_of_ours)
{
    on_terminal t(deputy_command({"sh", "-c", "tty; stty size; ls /dev/pts | tr '\\n' ' '; exit 5"}));
    EXPECT_THAT(t.until("ptmx"), HasSubstr("/dev/pts/0\r\n33 77\r\n0 ptmx"));
    EXPECT_EQ(t.status(), 5);
}

TEST(run_terminal, passes_on_what_is_typed_and_its_new_size)
{
    on_terminal t(deputy_command(
        {"sh", "-c",
         "trap 'stty size; exit 6' WINCH; echo up; read line; echo \"<$line>\"; echo more; while :; do "
         "sleep 0.01; done"}));
    EXPECT_THAT(t.until("up"), HasSubstr("up"));
    t.type("words\r");
    EXPECT_THAT(t.until("more"), HasSubstr("<words>"));
    const winsize size{44, 99, 0, 0};
    ASSERT_EQ(ioctl(t.master(), TIOCSWINSZ, &size), 0);
    EXPECT_THAT(t.until("44 99"), HasSubstr("44 99"));
    EXPECT_EQ(t.status(), 6);
}

TEST(run_terminal, turns_the_interrupt_key_into_a_signal_inside)
{
    on_terminal t(deputy_command({"sh", "-c",
                                  "trap 'echo interrupted; exit 7' INT; echo up; while :; do sleep 0.01; "
                                  "done"}));
    t.until("up");
    t.type("\x03");
    EXPECT_THAT(t.until("interrupted"), HasSubstr("interrupted"));
    EXPECT_EQ(t.status(), 7);
}

TEST(run_terminal, gets_its_modes_back)
{
    const std::string deputy = deputy_binary;
    on_terminal t({"sh", "-c",
                   "stty -g > /dev/shm/$$; " + deputy + " run -- true; " + deputy +
                       " run -- /no/such; stty -g | cmp - /dev/shm/$$ && echo same; rm /dev/shm/$$"});
    EXPECT_THAT(t.until("same"), HasSubstr("same"));
    EXPECT_EQ(t.status(), 0);
}

} // namespace
} // namespace deputyd::test

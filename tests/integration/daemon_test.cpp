// SPDX-License-Identifier: Apache-2.0
// deputyd serves containers that others start, and goes on through the end of its host.
#include <cerrno>
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "integration/daemon.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;
using testing::Not;

class daemon_test : public testing::Test, public daemon_fixture
{
protected:
    void SetUp() override { ASSERT_TRUE(start()) << daemon->wait().err; }
};

TEST_F(daemon_test, answers_the_calls_of_a_container_that_a_runtime_hands_over)
{
    container_process c;
    const auto connection = hand_over(c, "web");
    EXPECT_EQ(c.call(), 42);
    EXPECT_EQ(c.call(SYS_uname), -EXDEV);
    c.close_listener();
    EXPECT_EQ(c.call(), 42);
    c.end();
    EXPECT_TRUE(daemon->wait_error("web: gone"));
}

TEST_F(daemon_test, serves_a_second_listener_of_a_container)
{
    container_process init;
    const auto first = hand_over(init, "web");
    EXPECT_EQ(init.call(), 42);
    container_process exec;
    const auto second = hand_over(exec, "web");
    EXPECT_EQ(exec.call(), 42);
    EXPECT_TRUE(daemon->wait_error("another process of a container"));
    init.end();
    EXPECT_EQ(exec.call(), 42);
    exec.close_listener();
    exec.end();
    EXPECT_TRUE(daemon->wait_error("web: gone"));
}

TEST_F(daemon_test, keeps_calls_waiting_while_there_is_no_host)
{
    container_process c;
    const auto connection = hand_over(c, "web");
    c.close_listener(); // the daemon alone has it
    ASSERT_EQ(c.call(), 42);
    for (int i = 0; i < 3; ++i) {
        const pid_t old = host();
        daemon->kill(SIGSTOP);
        kill_host_for_good(old);
        c.begin();
        c.wait_inside();
        daemon->kill(SIGCONT);
        ASSERT_EQ(c.result(), 42) << i << (daemon->wait_error("nix"), daemon->so_far().err);
        EXPECT_EQ(c.call(SYS_uname), -EXDEV) << i;
        EXPECT_NE(next_host(old), old);
    }
    c.end();
    EXPECT_TRUE(daemon->wait_error("web: gone"));
}

TEST_F(daemon_test, keeps_connections_of_runtimes_waiting_while_there_is_no_host)
{
    const pid_t old = host();
    daemon->kill(SIGSTOP);
    kill_host_for_good(old);
    container_process c;
    const auto connection = hand_over(c, "web");
    c.begin();
    daemon->kill(SIGCONT);
    EXPECT_EQ(c.result(), 42);
}

TEST_F(daemon_test, loses_no_call_when_its_host_is_replaced)
{
    container_process c;
    const auto connection = hand_over(c, "web");
    c.close_listener();
    std::atomic<bool> enough{false};
    std::vector<long> wrong;
    long calls = 0;
    std::thread caller([&] {
        while (!enough) {
            if (const long r = c.call(); r != 42) {
                wrong.push_back(r);
            }
            ++calls;
        }
    });
    for (int i = 0; i < 3; ++i) {
        const pid_t old = host();
        daemon->kill(SIGUSR1);
        next_host(old);
        daemon->wait_error("the host is replaced");
        daemon->forget();
        // Replaced once more only when it serves: the calls of a container of its own tell.
        container_process probe;
        const auto probe_connection = hand_over(probe, "probe" + std::to_string(i));
        EXPECT_EQ(probe.call(), 42);
    }
    enough = true;
    caller.join();
    EXPECT_THAT(wrong, testing::IsEmpty());
    EXPECT_GT(calls, 0);
}

TEST_F(daemon_test, drains_on_sigterm)
{
    container_process c;
    const auto connection = hand_over(c, "web");
    c.close_listener();
    EXPECT_EQ(c.call(), 42);
    const pid_t old = host();
    daemon->kill(SIGTERM);
    EXPECT_EQ(daemon->wait().status, 0);
    EXPECT_EQ(::kill(old, 0), -1);
    EXPECT_EQ(c.call(), -ENOSYS) << "nobody is there";
}

TEST_F(daemon_test, reads_its_configuration_again)
{
    container_process before;
    const auto first = hand_over(before, "before");
    EXPECT_EQ(before.call(SYS_uname), -EXDEV);
    configure("[policy.default.enable]\ntwo_calls = [\"getppid\"]\n"
              "[policy.other.enable]\ntwo_calls = true\n"
              "[[socket]]\npath = \"oci.sock\"\nprotocol = \"oci\"\n"
              "[[socket]]\npath = \"more.sock\"\nprotocol = \"oci\"\npolicies = [\"other\"]\n");
    daemon->kill(SIGHUP);
    ASSERT_TRUE(daemon->wait_error("the configuration is read again"));
    EXPECT_EQ(before.call(SYS_uname), -EXDEV) << "a container keeps its policy";
    EXPECT_FALSE(fs::exists(sockets() / "lxc.sock"));

    container_process after;
    const auto second = hand_over(after, "after", "", "more.sock");
    EXPECT_EQ(after.call(SYS_uname), -EXDEV);
    container_process selecting;
    const auto third = hand_over(selecting, "selecting", "policy=other");
    EXPECT_EQ(selecting.call(SYS_uname), -EXDEV);
}

TEST_F(daemon_test, keeps_its_configuration_if_the_new_one_is_wrong)
{
    configure("[policy.default.enable]\ntwo_cals = true\n");
    daemon->kill(SIGHUP);
    ASSERT_TRUE(daemon->wait_error("the configuration stays as it was"));
    EXPECT_THAT(daemon->so_far().err, HasSubstr("deputy.toml:2:1: policy.default.enable.two_cals"));
    container_process c;
    const auto connection = hand_over(c, "web");
    EXPECT_EQ(c.call(), 42);
}

TEST_F(daemon_test, starts_another_host_once_a_wrong_configuration_is_right_again)
{
    container_process c;
    const auto connection = hand_over(c, "web");
    c.close_listener();
    EXPECT_EQ(c.call(), 42);
    configure("[policy.other]\n");
    daemon->kill(SIGUSR1);
    ASSERT_TRUE(daemon->wait_error("there is no policy default"));
    c.begin();
    c.wait_inside();
    configure("[policy.default.enable]\ntwo_calls = true\n");
    daemon->kill(SIGHUP);
    EXPECT_EQ(c.result(), 42);
}

TEST_F(daemon_test, goes_on_after_wrong_input)
{
    const auto expect_refused = [&](const std::string &text, const std::vector<int> &fds,
                                    const char *reason) {
        const auto fd = connect_to(sockets() / "oci.sock", SOCK_STREAM);
        send_with_fds(fd.get(), text, fds);
        ::shutdown(fd.get(), SHUT_WR);
        EXPECT_TRUE(closed(fd.get())) << reason;
        EXPECT_TRUE(daemon->wait_error(reason)) << reason;
    };
    const std::string state = R"({"ociVersion":"1.0.2","fds":["seccompFd"],"pid":1,)"
                              R"("state":{"id":"x","status":"creating","pid":1,"bundle":"/"}})";
    expect_refused(state, {}, "no descriptor named seccompFd");
    expect_refused(state, {STDIN_FILENO}, "is no seccomp listener");
    expect_refused("{\"oci", {}, "its message did not end");
    expect_refused("not json", {}, "closed");
    container_process c;
    const auto refused = hand_over(c, "web", "policy=root");
    EXPECT_TRUE(daemon->wait_error("does not allow"));
    const auto connection = hand_over(c, "web");
    EXPECT_EQ(c.call(), 42);
}

TEST_F(daemon_test, has_sockets_for_root_alone)
{
    struct stat st {
    };
    ASSERT_EQ(stat((sockets() / "oci.sock").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    EXPECT_EQ(st.st_uid, 0u);
    ASSERT_EQ(stat(sockets().c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0755u);
    const outcome o = run({"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "sh", "-c",
                           "test -w " + (sockets() / "oci.sock").string()});
    EXPECT_NE(o.status, 0);
}

class daemon_user_test : public testing::Test, public daemon_fixture
{
protected:
    static constexpr uid_t nobody = 65534;

    void SetUp() override
    {
        configure("[policy.default.enable]\ntwo_calls = true\n"
                  "[[socket]]\npath = \"user.sock\"\nprotocol = \"oci\"\nuser = \"nobody\"\n");
        ASSERT_TRUE(start()) << daemon->wait().err;
    }
    unique_fd user_sends(const container_process &c)
    {
        unique_fd fd = connect_as(nobody, sockets() / "user.sock", SOCK_STREAM);
        EXPECT_TRUE(fd);
        return send_state(std::move(fd), c, "web");
    }
};

TEST_F(daemon_user_test, gets_containers_of_its_own_served)
{
    container_process own(nobody);
    const auto connection = user_sends(own);
    EXPECT_EQ(own.call(), 42);
}

TEST_F(daemon_user_test, gets_no_container_of_another_served)
{
    container_process of_root;
    const auto connection = user_sends(of_root);
    EXPECT_TRUE(daemon->wait_error("its user namespace was not made by the sender, uid 65534"));
    EXPECT_TRUE(closed(connection.get()));
    container_process of_another(1);
    const auto second = user_sends(of_another);
    EXPECT_TRUE(closed(second.get()));
    of_another.close_listener();
    EXPECT_EQ(of_another.call(), -ENOSYS);
}

TEST_F(daemon_user_test, cannot_reach_other_sockets)
{
    EXPECT_FALSE(connect_as(1, sockets() / "user.sock", SOCK_STREAM));
    EXPECT_TRUE(connect_as(0, sockets() / "user.sock", SOCK_STREAM));
}

class daemon_slow_test : public testing::Test, public daemon_fixture
{
protected:
    void SetUp() override
    {
        configure("[policy.default.enable]\nsleeps = true\n");
        ASSERT_TRUE(start()) << daemon->wait().err;
    }
};

TEST_F(daemon_slow_test, refuses_calls_that_were_in_flight_when_the_host_died)
{
    container_process c;
    const auto connection = hand_over(c, "web");
    c.close_listener();
    EXPECT_EQ(c.call(SYS_uname), -EXDEV);
    c.begin();
    c.wait_inside();
    // It is received once nothing waits at the listener any more: another call of the container is answered.
    container_process other;
    const auto second = hand_over(other, "web");
    EXPECT_EQ(other.call(SYS_uname), -EXDEV);
    ASSERT_EQ(::kill(host(), SIGKILL), 0);
    EXPECT_EQ(c.result(), -EPERM);
    EXPECT_EQ(c.call(SYS_uname), -EXDEV);
}

TEST_F(daemon_slow_test, refuses_them_as_their_policy_says)
{
    configure("[policy.default.enable]\nsleeps = true\n[policy.default]\nfail.sleeps.getppid = \"EUSERS\"\n"
              "[policy.watched]\ninherit = \"default\"\nmode = \"observe\"\n");
    daemon->kill(SIGHUP);
    ASSERT_TRUE(daemon->wait_error("the configuration is read again"));
    container_process c, watched;
    const auto connection = hand_over(c, "web"), observed = hand_over(watched, "watched", "policy=watched");
    c.begin();
    c.wait_inside();
    watched.begin();
    watched.wait_inside();
    for (const auto &[name, metadata] : {std::pair("web", ""), std::pair("watched", "policy=watched")}) {
        container_process other; // its answer says that those before it have been received
        const auto second = hand_over(other, name, metadata);
        EXPECT_THAT(other.call(SYS_uname), testing::AnyOf(-EXDEV, 0));
    }
    ASSERT_EQ(::kill(host(), SIGKILL), 0);
    EXPECT_EQ(c.result(), -EUSERS);
    EXPECT_EQ(watched.result(), ::getpid()) << "nothing was done for it: the kernel carries it out";
}

TEST_F(daemon_slow_test, answers_calls_in_flight_before_it_ends)
{
    container_process c;
    const auto connection = hand_over(c, "web");
    c.begin();
    c.wait_inside();
    container_process other;
    const auto second = hand_over(other, "web");
    EXPECT_EQ(other.call(SYS_uname), -EXDEV);
    daemon->kill(SIGTERM);
    EXPECT_EQ(c.result(), -EPERM) << "at the deadline";
    EXPECT_EQ(daemon->wait().status, 0);
}

TEST(daemon_start, fails_with_a_wrong_configuration)
{
    daemon_fixture f;
    f.configure("[policy.default.enable]\ntwo_cals = true\n");
    EXPECT_FALSE(f.start());
    const outcome o = f.daemon->wait();
    EXPECT_EQ(o.status, 1);
    EXPECT_THAT(o.err, HasSubstr("two_cals"));
}

TEST(daemon_start, leaves_the_sockets_of_another_one)
{
    daemon_fixture f;
    ASSERT_TRUE(f.start());
    const outcome o = run(f.command());
    EXPECT_EQ(o.status, 1);
    EXPECT_THAT(o.err, HasSubstr("another process listens"));
    container_process c;
    const auto connection = f.hand_over(c, "web");
    EXPECT_EQ(c.call(), 42);
}

} // namespace
} // namespace deputyd::test

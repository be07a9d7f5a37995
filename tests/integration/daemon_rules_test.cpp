// SPDX-License-Identifier: Apache-2.0
// What operators set: flags at run time, policies by match, limits, observed policies, and reloads of all of
// it. Plugin two_calls: getppid() returns 42, uname() fails with EXDEV; the kernel says the test's own pid
// and 0 to the containers here.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "integration/daemon.hpp"
#include "support/control_schema.hpp"

namespace deputyd::test
{
namespace
{

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class daemon_rules : public testing::Test, public daemon_fixture
{
protected:
    void start_with(const std::string &configuration)
    {
        configure(configuration);
        ASSERT_TRUE(start()) << daemon->wait().err;
    }
    outcome deputy(std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), DEPUTY_BIN_DIR "/deputy");
        arguments.insert(arguments.end(), {"--control", (sockets() / "control.sock").string()});
        return run(arguments);
    }
    /// A command of deputy that must succeed. @return what it prints.
    std::string done(const std::vector<std::string> &arguments) const
    {
        const outcome o = deputy(arguments);
        EXPECT_EQ(o.status, 0) << o.err;
        return o.out;
    }
    json ps() const { return json::parse(done({"ps", "--json"}))["containers"]; }
    std::string policy_of(const std::string &name) const
    {
        for (const json &c : ps()) {
            if (c["name"] == name) {
                return c["policy"];
            }
        }
        return "none";
    }
    /// Makes a container that is served.
    struct served {
        container_process process;
        unique_fd connection;
    };
    std::unique_ptr<served> container(const std::string &name, const std::string &metadata = "",
                                      const std::string &annotations = "{}")
    {
        auto c = std::make_unique<served>();
        c->connection = hand_over(c->process, name, metadata, "oci.sock", annotations);
        EXPECT_TRUE(daemon->wait_error(name + ": served")) << daemon->so_far().err;
        return c;
    }
    /// @return what deputyd says of it.
    std::string reload(const std::string &configuration)
    {
        configure(configuration);
        daemon->forget();
        ::kill(daemon->pid(), SIGHUP);
        EXPECT_TRUE(daemon->wait_error("the configuration"));
        return daemon->so_far().err;
    }
    long kernels_getppid() const { return ::getpid(); }
};

constexpr const char *both_on = "[policy.default.enable]\ntwo_calls = true\n";
constexpr const char *one_on = "[policy.default.enable]\ntwo_calls = [\"getppid\"]\n";

TEST_F(daemon_rules, flags_change_while_containers_run)
{
    start_with(one_on);
    const auto c = container("web");
    EXPECT_EQ(c->process.call(), 42);
    EXPECT_EQ(c->process.call(SYS_uname), 0) << "off: the kernel's own answer";
    EXPECT_THAT(done({"disable", "default", "two_calls.getppid"}),
                AllOf(HasSubstr("two_calls.getppid is off in policy default, until deputyd ends"),
                      Not(HasSubstr("web"))));
    EXPECT_EQ(c->process.call(), kernels_getppid());
    EXPECT_THAT(done({"enable", "default", "two_calls"}),
                AllOf(HasSubstr("web: two_calls.uname was off when the container came"),
                      Not(HasSubstr("two_calls.getppid was off"))));
    EXPECT_EQ(c->process.call(), 42);
    EXPECT_EQ(c->process.call(SYS_uname), -EXDEV);
}

TEST_F(daemon_rules, flags_hold_for_containers_that_come_later_and_for_the_next_host)
{
    start_with(both_on);
    const auto old = container("old");
    done({"disable", "default", "two_calls.uname"});
    const auto fresh = container("fresh");
    EXPECT_EQ(fresh->process.call(SYS_uname), 0);
    const pid_t dead = host();
    ASSERT_EQ(::kill(dead, SIGKILL), 0);
    next_host(dead);
    EXPECT_EQ(old->process.call(SYS_uname), 0);
    EXPECT_EQ(fresh->process.call(SYS_uname), 0);
    EXPECT_EQ(fresh->process.call(), 42);
}

TEST_F(daemon_rules, flags_outlive_a_reload_and_other_policies_keep_theirs)
{
    start_with(std::string(both_on) + "[policy.other]\ninherit = \"default\"\n");
    const auto plain = container("plain"), other = container("other", "policy=other");
    done({"disable", "default", "two_calls"});
    EXPECT_EQ(plain->process.call(), kernels_getppid());
    EXPECT_EQ(other->process.call(), 42);
    reload(both_on);
    const auto late = container("late");
    EXPECT_EQ(late->process.call(), kernels_getppid());
    EXPECT_EQ(plain->process.call(), kernels_getppid());
    EXPECT_EQ(other->process.call(), 42) << "of a policy that is not there any more";
}

TEST_F(daemon_rules, a_plugin_can_be_turned_on_that_was_not_loaded)
{
    start_with(both_on);
    const auto c = container("web");
    EXPECT_THAT(done({"enable", "default", "no_op"}),
                HasSubstr("web: no_op.getppid was off when the container came"));
    EXPECT_EQ(c->process.call(), 0) << "no_op is asked first";
    done({"disable", "default", "no_op"});
    EXPECT_EQ(c->process.call(), 42);
}

TEST_F(daemon_rules, a_container_goes_on_without_a_plugin_that_refuses_it)
{
    start_with(both_on);
    const auto c = container("web");
    EXPECT_THAT(done({"enable", "default", "refuses"}), HasSubstr("web: refuses stays off there: "));
    EXPECT_EQ(c->process.call(), 42);
    EXPECT_THAT(done({"explain", "--container", "web", "getppid"}),
                HasSubstr("its plugin refuses the container"));
    const pid_t dead = host();
    ASSERT_EQ(::kill(dead, SIGKILL), 0);
    next_host(dead);
    EXPECT_EQ(c->process.call(), 42) << "after a restart as well";
}

TEST_F(daemon_rules, what_was_turned_on_and_is_gone_now_keeps_no_host_from_starting)
{
    const fs::path plugins = directory / "plugins";
    fs::create_directory(plugins);
    for (const char *name : {"two_calls.so", "no_op.so"}) {
        fs::copy(fs::path(DEPUTY_TEST_PLUGINS_DIR) / name, plugins / name);
    }
    configure(both_on);
    std::vector<std::string> with = command();
    std::replace(with.begin(), with.end(), std::string(DEPUTY_TEST_PLUGINS_DIR), plugins.string());
    daemon.emplace(with, run_options{});
    ASSERT_TRUE(daemon->wait_error("ready")) << daemon->wait().err;
    const auto c = container("web");
    done({"enable", "default", "no_op"});
    done({"disable", "default", "two_calls.uname"});
    fs::remove(plugins / "no_op.so");
    const pid_t dead = host();
    ASSERT_EQ(::kill(dead, SIGKILL), 0);
    next_host(dead);
    EXPECT_EQ(c->process.call(), 42);
    EXPECT_EQ(c->process.call(SYS_uname), 0) << "what was turned off stays so";
    EXPECT_TRUE(daemon->wait_error("named no_op, and now it cannot be loaded"));
}

TEST_F(daemon_rules, flags_with_wrong_names_change_nothing)
{
    start_with(both_on);
    const auto c = container("web");
    EXPECT_THAT(deputy({"disable", "defaul", "two_calls"}).err,
                HasSubstr("there is no policy defaul; did you mean default?"));
    EXPECT_THAT(deputy({"disable", "default", "two_calls.unam"}).err,
                HasSubstr("plugin two_calls handles no system call unam; did you mean uname?"));
    EXPECT_THAT(deputy({"enable", "default", "two_cals"}).err, HasSubstr("did you mean two_calls?"));
    EXPECT_THAT(deputy({"enable", "default", "two_calls,,"}).err, HasSubstr("is no enable flag"));
    EXPECT_NE(deputy({"enable", "default", "wrong_major"}).status, 0) << "it cannot be loaded";
    EXPECT_EQ(c->process.call(), 42);
    EXPECT_EQ(c->process.call(SYS_uname), -EXDEV);
}

TEST_F(daemon_rules, deputyd_takes_flags_for_every_policy)
{
    configure(std::string(one_on) + "[policy.other.enable]\n");
    std::vector<std::string> with = command();
    with.insert(with.end(), {"--disable", "two_calls", "--enable", "two_calls.uname"});
    daemon.emplace(with, run_options{});
    ASSERT_TRUE(daemon->wait_error("ready")) << daemon->wait().err;
    const auto plain = container("plain"), other = container("other", "policy=other");
    for (const auto *c : {plain.get(), other.get()}) {
        EXPECT_EQ(const_cast<served *>(c)->process.call(), kernels_getppid());
        EXPECT_EQ(const_cast<served *>(c)->process.call(SYS_uname), -EXDEV);
    }
    EXPECT_THAT(done({"explain", "--policy", "other", "uname"}), HasSubstr("deputyd --enable"));
}

TEST_F(daemon_rules, deputyd_names_a_wrong_flag_and_ends)
{
    std::vector<std::string> with = command();
    with.insert(with.end(), {"--enable", "two_cals"});
    const outcome o = run(with);
    EXPECT_NE(o.status, 0);
    EXPECT_THAT(o.err, HasSubstr("did you mean two_calls?"));
}

TEST_F(daemon_rules, explain_says_who_handles_a_call_and_why)
{
    start_with("[policy.default]\nenable.two_calls = [\"getppid\"]\nmode = \"enforce\"\n"
               "fail.two_calls.getppid = \"ENOSYS\"\ndeadline.default = 700\n"
               "limits.calls_in_flight = 9\nplugin.two_calls.limit = 3\n");
    const auto c = container("web");
    const json getppid = json::parse(done({"explain", "--container", "web", "getppid", "--json"}));
    EXPECT_EQ(complaint("explanation", getppid), "");
    EXPECT_EQ(complaint("explanation", json::parse(done({"explain", "--policy", "default", "x", "--json"}))),
              "");
    EXPECT_EQ(getppid["policy"], "default");
    EXPECT_EQ(getppid["limits"], json::parse(R"({"calls_in_flight": 9})"));
    EXPECT_EQ(getppid["settings"], json::parse(R"({"two_calls": {"limit": 3}})"));
    ASSERT_EQ(getppid["handlers"].size(), 1U);
    const json &h = getppid["handlers"][0];
    EXPECT_EQ(h["handler"], "two_calls.getppid");
    EXPECT_EQ(h["on"], true);
    EXPECT_EQ(h["on_source"], (directory / "deputy.toml").string() + ":2:8");
    EXPECT_EQ(h["fail"], "ENOSYS");
    EXPECT_EQ(h["deadline_ms"], 700);
    EXPECT_EQ(h["led"], true);
    const std::string change = done({"enable", "default", "two_calls.uname", "--json"});
    EXPECT_EQ(complaint("flags_answer", json::parse(change)), "");
    EXPECT_THAT(done({"explain", "--container", "web", "uname"}),
                AllOf(HasSubstr("container web, policy default, mode enforce, limits: calls_in_flight = 9\n"),
                      HasSubstr("deputy enable"), HasSubstr("its filter may not lead here")));
    EXPECT_THAT(done({"explain", "--policy", "default", "unam"}), HasSubstr("did you mean uname?"));
    EXPECT_THAT(deputy({"explain", "--container", "wob", "uname"}).err,
                HasSubstr("no container wob is served"));
    EXPECT_THAT(deputy({"explain", "--policy", "defaul", "uname"}).err, HasSubstr("did you mean default?"));
    EXPECT_NE(deputy({"explain", "uname"}).status, 0);
}

TEST_F(daemon_rules, containers_that_select_no_policy_are_matched)
{
    start_with(std::string(both_on) + R"(
[policy.builder]
[policy.lost]
[[match]]
policy = "builder"
annotation.role = "build*"
uid = 0
[[match]]
policy = "lost"
annotation.role = "*"
)");
    const auto builder = container("builder", "", R"({"role":"build-7"})");
    const auto lost = container("lost", "", R"({"role":"web"})");
    const auto selects = container("selects", "policy=lost", R"({"role":"build-7"})");
    const auto plain = container("plain");
    EXPECT_EQ(policy_of("builder"), "builder");
    EXPECT_EQ(policy_of("lost"), "lost");
    EXPECT_EQ(policy_of("selects"), "lost");
    EXPECT_EQ(policy_of("plain"), "default");
    const pid_t dead = host();
    ASSERT_EQ(::kill(dead, SIGKILL), 0);
    next_host(dead);
    EXPECT_EQ(policy_of("builder"), "builder") << "the next host has no annotations any more";
}

TEST_F(daemon_rules, an_observed_policy_decides_and_does_nothing)
{
    start_with(std::string(both_on) + "[policy.default]\nmode = \"observe\"\n");
    const auto c = container("web");
    EXPECT_EQ(c->process.call(), kernels_getppid());
    EXPECT_EQ(c->process.call(SYS_uname), 0);
    json stats;
    do { // a call is counted a moment after its caller goes on
        stats = json::parse(done({"stats", "--json"}))["handlers"];
    } while (stats.size() < 2 && !HasFailure());
    ASSERT_EQ(stats.size(), 2U) << stats;
    for (const json &h : stats) {
        EXPECT_EQ(h["endings"]["observed"], 1) << h;
    }
    EXPECT_EQ(stats[1]["errnos"], json::parse(R"({"EXDEV": 1})")) << stats;
}

TEST_F(daemon_rules, a_container_over_its_limits_gets_the_errno_of_its_policy)
{
    start_with(std::string(both_on) + "[policy.default]\nfail.default = \"EUSERS\"\n"
                                      "limits = {calls_per_second = 1, burst = 2}\n");
    const auto c = container("web"), other = container("other");
    std::size_t served = 0, refused = 0;
    for (int i = 0; i < 12; ++i) {
        const long r = c->process.call();
        served += r == 42 ? 1 : 0;
        refused += r == -EUSERS ? 1 : 0;
    }
    EXPECT_EQ(served + refused, 12U);
    EXPECT_GE(served, 2U);
    EXPECT_GE(refused, 1U);
    EXPECT_EQ(other->process.call(), 42) << "each container has its own";
    EXPECT_THAT(done({"stats", "--json"}), HasSubstr("EUSERS"));
}

TEST_F(daemon_rules, a_reload_changes_everything_or_nothing)
{
    start_with(both_on);
    std::ofstream(directory / "run" / "taken.sock") << "no socket";
    const std::string said = reload("[policy.default.enable]\n"
                                    "[[socket]]\npath = \"oci.sock\"\nprotocol = \"oci\"\n"
                                    "[[socket]]\npath = \"fresh.sock\"\nprotocol = \"oci\"\n"
                                    "[[socket]]\npath = \"taken.sock\"\nprotocol = \"oci\"\n");
    EXPECT_THAT(said, HasSubstr("the configuration stays as it was"));
    EXPECT_FALSE(fs::exists(sockets() / "fresh.sock"));
    EXPECT_TRUE(fs::exists(sockets() / "lxc.sock"));
    const auto c = container("web");
    EXPECT_EQ(c->process.call(), 42) << "the policy is the old one, too";
}

TEST_F(daemon_rules, reloads_under_load_lose_no_call_and_mix_no_configurations)
{
    constexpr int reloads = 40;
    start_with(both_on);
    const auto steady = container("steady");
    std::atomic<bool> over{false};
    std::atomic<int> steady_calls{0}, steady_wrong{0};
    std::thread load([&] {
        while (!over) {
            steady_wrong += steady->process.call() == 42 && steady->process.call(SYS_uname) == -EXDEV ? 0 : 1;
            ++steady_calls;
        }
    });
    int with_both = 0, with_none = 0;
    for (int i = 0; i < reloads; ++i) {
        configure(i % 2 == 0 ? "[policy.default.enable]\n" : both_on);
        ::kill(daemon->pid(), SIGHUP);
        // It comes before, in or after the reload.
        container_process c;
        c.begin();
        const unique_fd connection = hand_over(c, "fresh-" + std::to_string(i));
        const long first = c.result(), second = c.call(SYS_uname);
        with_both += first == 42 && second == -EXDEV ? 1 : 0;
        with_none += first == kernels_getppid() && second == 0 ? 1 : 0;
    }
    over = true;
    load.join();
    EXPECT_EQ(with_both + with_none, reloads);
    EXPECT_GT(with_both, 0);
    EXPECT_GT(with_none, 0);
    EXPECT_GT(steady_calls, 0);
    EXPECT_EQ(steady_wrong, 0);
}

TEST_F(daemon_rules, config_show_says_what_counts_and_where_it_is_written)
{
    configure("[policy.base]\nenable.two_calls = [\"uname\"]\nplugin.two_calls.limit = 3\n"
              "[policy.default]\ninherit = \"base\"\nmode = \"observe\"\nfail.two_calls = \"ENOSYS\"\n"
              "[[match]]\npolicy = \"base\"\nuid = 7\n");
    const std::string file = (directory / "deputy.toml").string();
    const outcome o = run({DEPUTY_BIN_DIR "/deputy", "config", "show", file, "--plugin-dir",
                           DEPUTY_TEST_PLUGINS_DIR, "--json"});
    ASSERT_EQ(o.status, 0) << o.err;
    std::map<std::string, std::pair<json, std::string>> shown;
    for (const json &v : json::parse(o.out)) {
        shown[v["key"]] = {v["value"], v["source"]};
    }
    const auto is = [&](const char *key, const json &value, const std::string &source) {
        EXPECT_EQ(shown[key].first, value) << key;
        EXPECT_EQ(shown[key].second, source) << key;
    };
    is("policy.default.mode", "observe", file + ":6:1");
    is("policy.base.mode", "enforce", "default");
    is("policy.default.enable.two_calls.uname", true, file + ":2:8");
    is("policy.default.enable.two_calls.getppid", false, file + ":2:8");
    is("policy.default.plugin.two_calls.limit", 3, file + ":3:18");
    is("policy.default.fail.two_calls", "ENOSYS", file + ":7:6");
    is("policy.default.fail.default", "EPERM", "default");
    is("policy.default.deadline.default", 5000, "default");
    is("socket.oci.sock.protocol", "oci", "default");
    is("match[0].uid", 7, file + ":10:1");
    const outcome text = run({DEPUTY_BIN_DIR "/deputy", "config", "show", "--config", file, "--policy",
                              "default", "--plugin-dir", DEPUTY_TEST_PLUGINS_DIR});
    EXPECT_THAT(text.out, AllOf(HasSubstr("policy.default.mode = \"observe\""),
                                HasSubstr("  # " + file + ":6:1\n"), Not(HasSubstr("policy.base"))));
    EXPECT_NE(run({DEPUTY_BIN_DIR "/deputy", "config", "show", file, "--policy", "defaul", "--plugin-dir",
                   DEPUTY_TEST_PLUGINS_DIR})
                  .status,
              0);
}

} // namespace
} // namespace deputyd::test

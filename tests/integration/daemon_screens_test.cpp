// SPDX-License-Identifier: Apache-2.0
// What a person sees of a deputyd that serves real containers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/ioctl.h>

#include "support/daemon.hpp"
#include "support/oci_runtime.hpp"
#include "support/private_mounts.hpp"
#include "support/served_container.hpp"
#include "support/terminal.hpp"

namespace deputyd::test
{
namespace
{

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr const char *config = R"(
[policy.default.enable]
bpf_cgroup_device = true
mknod = true

[policy.binding]
inherit = "default"
plugin.mknod.nodev = "bind"

[audit]
format = "text"
)";

constexpr const char *home = "\x1b[H", *end_of_frame = "\x1b[J";
constexpr const char *make_nodes = "cd /dev && while :; do busybox mknod n c 1 3; busybox rm n; done";

/// The last frame that was drawn whole, without what only moves the cursor.
std::string last_frame(const std::string &output)
{
    const auto end = output.rfind(end_of_frame);
    const auto begin = output.rfind(home, end);
    std::string frame = output.substr(begin + 3, end - begin - 3);
    for (const std::string code : {"\x1b[K", "\r"}) {
        for (std::size_t at = 0; (at = frame.find(code)) != frame.npos;) {
            frame.erase(at, code.size());
        }
    }
    return frame;
}

std::vector<std::string> lines_of(const std::string &text)
{
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

class daemon_screens : public testing::Test
{
protected:
    daemon_screens()
        : daemon_(scratch_.path(), config), shop_(scratch_.path(), daemon_.socket("oci.sock"),
                                                  daemon_.socket("lxc.sock"), {"bpf_cgroup_device", "mknod"}),
          runtime_(shop_, "runc", oci_runtime::selects::by_metadata),
          short_(runtime_, shop_, name("web"), "binding"),
          long_(runtime_, shop_, name(std::string(40, 'f')), "default")
    {
    }
    void TearDown() override
    {
        if (HasFailure()) {
            std::cerr << daemon_.log();
        }
    }
    static std::string name(const std::string &word)
    {
        return "deputy-test-" + std::to_string(getpid()) + word;
    }
    std::vector<std::string> deputy(std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), DEPUTY_BIN_DIR "/deputy");
        arguments.insert(arguments.end(), {"--control", daemon_.socket("control.sock")});
        return arguments;
    }

    private_mounts mounts_;
    scratch_directory scratch_;
    daemon daemon_;
    workshop shop_;
    oci_runtime runtime_;
    served_container short_, long_;
};

TEST_F(daemon_screens, top_fits_its_terminal_whatever_that_is)
{
    short_.send(make_nodes);
    long_.send(make_nodes);
    on_terminal top(deputy({"top", "--interval", "0.2"}), 80, 24);
    ASSERT_TRUE(top.wait_output(end_of_frame, 4));
    const std::string wide = last_frame(top.output());
    EXPECT_THAT(wide, HasSubstr("containers: 2, calls/s: "));
    EXPECT_THAT(wide, ContainsRegex("\n" + name("web") + " +mknod.mknodat +[0-9]+ +[0-9]+ "));
    EXPECT_THAT(wide, ContainsRegex("\n" + name("ff")));
    for (const auto &line : lines_of(wide)) {
        EXPECT_LE(line.size(), 80U) << line;
    }
    top.resize(30, 4);
    ASSERT_TRUE(top.wait_output(end_of_frame, 8));
    const auto narrow = lines_of(last_frame(top.output()));
    EXPECT_EQ(narrow.size(), 3U); // and the cursor
    for (const auto &line : narrow) {
        EXPECT_LE(line.size(), 30U) << line;
    }
    top.type("\x03");
    const int status = top.wait();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    // The cursor is visible and below the frame, no mode is left behind.
    EXPECT_THAT(top.output(), Not(HasSubstr("\x1b[?")));
    EXPECT_THAT(top.output(), testing::EndsWith(std::string(end_of_frame) + "^C"));
}

TEST_F(daemon_screens, ps_and_stats_fit_as_well)
{
    ASSERT_THAT(short_.tell("cd /dev && busybox mknod n c 1 3"), HasSubstr("status 0"));
    ASSERT_THAT(long_.tell("device_client load=deny:1:3"), HasSubstr("status 0"));
    for (const char *command : {"ps", "stats"}) {
        on_terminal shows(deputy({command}), 80, 24);
        EXPECT_EQ(shows.wait(), 0);
        std::string text = shows.output();
        std::erase(text, '\r');
        EXPECT_GT(lines_of(text).size(), 2U);
        for (const auto &line : lines_of(text)) {
            EXPECT_LE(line.size(), 80U) << text;
        }
    }
    EXPECT_THAT(run(deputy({"ps"})).out, HasSubstr("\n" + name(std::string(40, 'f')) + "  default"));
}

TEST_F(daemon_screens, what_was_granted_and_what_was_refused_is_in_the_audit_log)
{
    ASSERT_THAT(short_.tell("busybox mknod /dev/n c 1 3"), HasSubstr("status 0"));
    ASSERT_THAT(long_.tell("busybox mknod /dev/n c 1 3"), HasSubstr("status 1"));
    // One that has ended by then has the name "?".
    const auto line = [](const char *verdict, const std::string &word, const char *result) {
        return std::string("audit: ") + verdict + " [0-9T:.-]+Z pid=[0-9]+ uid=100000 " + name(word) +
               ".[0-9]+. (busybox|.) mknod.mknodat.\"/dev/n\", 020666, c 1:3. = " + result;
    };
    const auto is_logged = [&](const std::string &regex) { // a moment after the caller has its answer
        return wait_until([&] { return testing::Matches(ContainsRegex(regex))(daemon_.log()); });
    };
    EXPECT_TRUE(is_logged(line("granted", "web", "0 ")));
    EXPECT_TRUE(is_logged(line("refused", std::string(40, 'f'), "-1 EPERM ")));
}

} // namespace
} // namespace deputyd::test

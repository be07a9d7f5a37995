// SPDX-License-Identifier: Apache-2.0
// It can only narrow: whatever the host has attached at and above a container's cgroup, and however, no
// attach, replace, detach or link that the container can make opens a device that was denied.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "support/container.hpp"

namespace deputyd::test
{
namespace
{

/// How a program is attached on the host.
enum class mode { absent, exclusive, overridable, multi };

std::string name(mode m)
{
    static constexpr const char *names[] = {"absent", "exclusive", "overridable", "multi"};
    return names[static_cast<int>(m)];
}

deputy::unique_fd load_denial(unsigned major, unsigned minor)
{
    const bpf_insn insns[] = {
        {BPF_LDX | BPF_W | BPF_MEM, 2, 1, 4, 0},
        {BPF_JMP | BPF_JNE | BPF_K, 2, 0, 4, static_cast<std::int32_t>(major)},
        {BPF_LDX | BPF_W | BPF_MEM, 2, 1, 8, 0},
        {BPF_JMP | BPF_JNE | BPF_K, 2, 0, 2, static_cast<std::int32_t>(minor)},
        {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
        {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    return deputy::unique_fd(
        bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, "host", "GPL", insns, std::size(insns), nullptr));
}

/// @return 0 or a negative errno.
int attach(mode m, int cgroup, int program)
{
    static constexpr unsigned flags[] = {0, 0, BPF_F_ALLOW_OVERRIDE, BPF_F_ALLOW_MULTI};
    return m == mode::absent
               ? 0
               : bpf_prog_attach(program, cgroup, BPF_CGROUP_DEVICE, flags[static_cast<int>(m)]);
}

/// The directory below parent that has processes of its own in a "deputy run" there: the container's own.
deputy::unique_fd container_cgroup(const std::filesystem::path &parent)
{
    for (const auto &entry : std::filesystem::directory_iterator(parent)) {
        if (entry.is_directory()) {
            return deputy::unique_fd(::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        }
    }
    return {};
}

const command look = {"open=/dev/full", "open=/dev/zero"};

command look_from(const std::string &cgroup)
{
    return command{"cgroup=" + cgroup, "enter"} + look;
}

/// Everything that a container can try, with a look at the devices after each.
command attempts()
{
    const std::string own = "/sys/fs/cgroup", child = own + "/child", deep = child + "/deep";
    command all;
    for (const char *flags :
         {"2", "1", "0", "10", "66"}) { // MULTI, OVERRIDE, none, MULTI with BEFORE, MULTI with PREORDER
        const std::string f = flags;
        for (const std::string &where : {own, child, deep}) {
            all = all + command{"cgroup=" + where, "say=attach:" + f, "attach=0," + f} + look +
                  look_from(child) + look_from(deep);
        }
        all = all + command{"say=replace", "cgroup=" + child, "replace=1,0"} + look_from(deep) +
              look_from(child);
        for (const std::string &where : {deep, child, own}) {
            all = all + command{"cgroup=" + where, "say=link", "link=0",   "say=detach",
                                "detach=1",        "detach=0", "detach=-1"} +
                  look_from(child) + look_from(own);
        }
    }
    return all;
}

/// Above, at the container's own cgroup, and whether the container has loaded its programs before the host
/// attaches: where an attach would be refused, so is a load.
using combination = std::tuple<mode, mode, bool>;

class narrowing : public testing::TestWithParam<combination>
{
};

TEST_P(narrowing, what_was_denied_stays_denied)
{
    const auto [ancestor, own, loads_first] = GetParam();
    const host_cgroup parent("deputy-narrowing");
    const deputy::unique_fd denies_full = load_denial(1, 7), denies_zero = load_denial(1, 5);
    ASSERT_TRUE(denies_full && denies_zero);

    const command load = {"load=allow", "load=allow"}, wait = {"say=ready", "wait"};
    // Which devices are denied at the start is asked before the container attaches anything.
    const command actions =
        command{client("device_client")} + (loads_first ? load + wait : wait + load) + command{"say=start"} +
        look + command{"cgroup=/sys/fs/cgroup/child", "cgroup=/sys/fs/cgroup/child/deep", "say=try"} +
        attempts() + command{"say=end"};
    process p(parent.inside(device_container({}, actions)));
    if (!p.wait_output("say=ready")) {
        FAIL() << p.wait().err;
    }
    const deputy::unique_fd group = container_cgroup(parent.path());
    ASSERT_TRUE(group);
    ASSERT_EQ(attach(ancestor, parent.directory(), denies_full.get()), 0);
    // Below an exclusive program the kernel lets nobody attach.
    ASSERT_EQ(attach(own, group.get(), denies_zero.get()),
              ancestor == mode::exclusive && own != mode::absent ? -EPERM : 0);
    p.write("\n");
    const outcome o = p.wait();
    ASSERT_EQ(o.status, 0) << o.err;
    ASSERT_THAT(o.out, testing::HasSubstr("say=end ok")) << o.err;

    std::set<std::string> denied;
    bool trying = false;
    std::istringstream lines(o.out);
    std::string context;
    for (std::string line; std::getline(lines, line);) {
        const std::string action = line.substr(0, line.find(' ')), result = line.substr(line.find(' ') + 1);
        trying = trying || line == "say=try ok";
        if (action.rfind("open=", 0) != 0) {
            context += line + "\n";
        } else if (!trying && result == "EPERM") {
            denied.insert(action);
        } else if (trying && denied.count(action) != 0) {
            ASSERT_EQ(result, "EPERM") << "was opened again after\n" << context;
        }
    }
    EXPECT_FALSE(denied.empty());
    // Where everything is MULTI, the container's own rules are taken.
    if (ancestor == mode::multi && (own == mode::multi || own == mode::absent)) {
        EXPECT_THAT(o.out,
                    testing::HasSubstr("cgroup=/sys/fs/cgroup/child ok\nsay=attach:2 ok\nattach=0,2 ok\n"));
    }
}

INSTANTIATE_TEST_SUITE_P(each, narrowing,
                         testing::Combine(testing::Values(mode::exclusive, mode::overridable, mode::multi),
                                          testing::Values(mode::absent, mode::exclusive, mode::overridable,
                                                          mode::multi),
                                          testing::Bool()),
                         [](const testing::TestParamInfo<combination> &info) {
                             return name(std::get<0>(info.param)) + "_above_" +
                                    name(std::get<1>(info.param)) +
                                    (std::get<2>(info.param) ? "_after_loads" : "_before_loads");
                         });

} // namespace
} // namespace deputyd::test

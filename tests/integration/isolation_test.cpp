// SPDX-License-Identifier: Apache-2.0
// Programs of the host and of other containers: not seen, fetched, replaced or detached, by id or descriptor.
// And the other way round: what a container is given for its program is worth nothing outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/container.hpp"
#include "support/unix_socket.hpp"

namespace deputyd::test
{
namespace
{

using testing::AnyOf;
using testing::HasSubstr;
using testing::Pair;

deputy::unique_fd load_allowing()
{
    const bpf_insn insns[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    return deputy::unique_fd(
        bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, "host", "GPL", insns, std::size(insns), nullptr));
}

std::uint32_t id_of(int program)
{
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    return bpf_obj_get_info_by_fd(program, &info, &size) == 0 ? info.id : 0;
}

std::uint32_t attached_count(int cgroup)
{
    std::uint32_t count = 0, flags = 0;
    return bpf_prog_query(cgroup, BPF_CGROUP_DEVICE, 0, &flags, nullptr, &count) == 0 ? count : ~0u;
}

std::filesystem::path only_child(const std::filesystem::path &parent)
{
    for (const auto &entry : std::filesystem::directory_iterator(parent)) {
        if (entry.is_directory()) {
            return entry.path();
        }
    }
    return {};
}

TEST(isolation, the_hosts_program_on_the_containers_own_cgroup_is_out_of_reach)
{
    const host_cgroup parent("deputy-isolation");
    const deputy::unique_fd program = load_allowing();
    ASSERT_TRUE(program);
    const std::string id = std::to_string(id_of(program.get()));
    process p(parent.inside(device_container(
        {}, {client("device_client"), "say=ready", "wait", "cgroup=/sys/fs/cgroup", "query", "fetch=0",
             "by_id=" + id, "next_id=0", "next_id=" + std::to_string(std::stoul(id) - 1), "detach=-1",
             "detach=0", "load=allow", "detach=2", "replace=2,0", "attach=2,2", "attach=2,0", "attach=2,1",
             "say=end", "wait"})));
    ASSERT_TRUE(p.wait_output("say=ready")) << p.wait().err;
    const deputy::unique_fd group(
        ::open(only_child(parent.path()).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(bpf_prog_attach(program.get(), group.get(), BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI), 0);
    p.write("\n");
    ASSERT_TRUE(p.wait_output("say=end"));
    EXPECT_EQ(attached_count(group.get()), 1u);
    const outcome o = p.wait();
    auto said = values(o.out);
    EXPECT_THAT(said["query"], AnyOf("0", "EPERM"));
    EXPECT_THAT(said["fetch=0"], AnyOf("ENOENT", "EPERM"));
    EXPECT_THAT(said["by_id=" + id], AnyOf("ENOENT", "EPERM"));
    EXPECT_EQ(said["next_id=0"], "EPERM");
    EXPECT_EQ(said["load=allow"], "ok");
    for (const char *action :
         {"detach=-1", "detach=0", "detach=2", "replace=2,0", "attach=2,2", "attach=2,0"}) {
        EXPECT_NE(said[action], "ok") << action;
    }
}

TEST(isolation, the_hosts_program_on_a_cgroup_below_the_containers_is_out_of_reach)
{
    const host_cgroup parent("deputy-isolation");
    const deputy::unique_fd program = load_allowing();
    const std::string id = std::to_string(id_of(program.get()));
    process p(parent.inside(device_container(
        {}, {client("device_client"), "cgroup=/sys/fs/cgroup/child", "say=ready", "wait", "query", "fetch=0",
             "by_id=" + id, "detach=-1", "load=allow", "detach=2", "replace=2,0", "say=end", "wait"})));
    ASSERT_TRUE(p.wait_output("say=ready")) << p.wait().err;
    const auto child = only_child(parent.path()) / "child";
    const deputy::unique_fd group(::open(child.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(bpf_prog_attach(program.get(), group.get(), BPF_CGROUP_DEVICE, 0),
              0); // one that anyone may detach
    p.write("\n");
    ASSERT_TRUE(p.wait_output("say=end"));
    EXPECT_EQ(attached_count(group.get()), 1u);
    auto said = values(p.wait().out);
    EXPECT_EQ(said["query"], "0");
    EXPECT_NE(said["fetch=0"], "ok");
    EXPECT_NE(said["by_id=" + id], "ok");
    for (const char *action : {"detach=-1", "detach=2", "replace=2,0"}) {
        EXPECT_NE(said[action], "ok") << action;
    }
}

TEST(isolation, another_containers_program_is_not_found_by_its_id)
{
    process first(device_container({}, {client("device_client"), "cgroup=/sys/fs/cgroup/a", "load=deny:1:5",
                                        "attach=0,2", "id=0", "say=ready", "wait", "query", "say=end"}));
    ASSERT_TRUE(first.wait_output("say=ready")) << first.wait().err;
    const auto ids = programs_named("deputy_test");
    ASSERT_FALSE(ids.empty());
    command actions = {client("device_client"), "cgroup=/sys/fs/cgroup/b", "load=allow", "attach=0,2"};
    for (const std::uint32_t id : ids) {
        actions.push_back("by_id=" + std::to_string(id));
    }
    const outcome second = run(device_container({}, actions));
    for (const std::uint32_t id : ids) {
        EXPECT_THAT(values(second.out)["by_id=" + std::to_string(id)], AnyOf("ENOENT", "EPERM"))
            << second.err;
    }
    first.write("\n");
    const outcome o = first.wait();
    EXPECT_EQ(values(o.out)["query"], "1");
}

TEST(isolation, a_deeper_user_namespace_gets_nothing)
{
    const outcome o =
        run(device_container({}, {client("device_client"), "cgroup=/sys/fs/cgroup/a", "load=deny:1:5", "id=0",
                                  "deeper", "say=deeper", "load=deny", "attach=0,2", "attach=0,0", "link=0",
                                  "query", "by_id=1", "enter", "open=/dev/zero"}));
    auto said = values(o.out.substr(std::min(o.out.size(), o.out.find("say=deeper"))));
    EXPECT_EQ(values(o.out)["deeper"], "ok") << o.out << o.err;
    for (const char *action : {"load=deny", "attach=0,2", "attach=0,0", "link=0", "query", "by_id=1"}) {
        EXPECT_EQ(said[action], "EPERM") << action;
    }
    EXPECT_EQ(said["open=/dev/zero"], "ok");
}

TEST(isolation, a_user_of_the_container_without_capabilities_gets_nothing)
{
    const outcome o =
        run(device_container({}, {client("device_client"), "cgroup=/sys/fs/cgroup/a", "load=deny:1:5", "id=0",
                                  "become=1000", "load=deny", "query", "by_id=1", "next_id=0", "fetch=0"}));
    auto said = values(o.out);
    EXPECT_EQ(said["become=1000"], "ok") << o.out << o.err;
    for (const char *action : {"load=deny", "query", "by_id=1", "next_id=0", "fetch=0"}) {
        EXPECT_EQ(said[action], "EPERM") << action;
    }
}

TEST(isolation, no_other_command_does_anything_with_a_containers_program)
{
    command actions = {client("device_client"), "cgroup=/sys/fs/cgroup/a", "load=deny:1:5"};
    std::vector<std::string> others;
    for (int n = 0; n < 64; ++n) {
        if (n != BPF_PROG_ATTACH && n != BPF_PROG_DETACH && n != BPF_PROG_LOAD &&
            n != BPF_OBJ_GET_INFO_BY_FD && n != BPF_PROG_QUERY) {
            others.push_back("command=" + std::to_string(n) + ",0");
        }
    }
    const outcome o = run(device_container({}, actions + others));
    auto said = values(o.out);
    EXPECT_EQ(said["load=deny:1:5"], "ok") << o.err;
    for (const auto &one : others) {
        EXPECT_EQ(said.count(one), 1u);
        EXPECT_NE(said[one], "ok") << one;
    }
}

/// A socket in a directory that containers see as /run/shared.
class passed_descriptor : public testing::Test
{
protected:
    passed_descriptor() : listening_(listen_at(shared_.path() / "socket")) {}
    command passer(const std::string &what)
    {
        return device_container({"--bind", shared_.path().string() + ":/run/shared"},
                                {client("fd_passer"), what, "/run/shared/socket", "/sys/fs/cgroup/" + what});
    }
    scratch_directory shared_;
    deputy::unique_fd listening_;
};

TEST_F(passed_descriptor, attaches_nothing_outside_the_container)
{
    process p(passer("give"));
    const deputy::unique_fd connection = accept_from(listening_);
    const deputy::unique_fd program = receive_descriptor(connection);
    ASSERT_TRUE(program) << p.wait().err;

    // This process is root of the host and in no filter: if it cannot, nobody can.
    const host_cgroup group("deputy-passed");
    for (const unsigned flags :
         {0u, static_cast<unsigned>(BPF_F_ALLOW_OVERRIDE), static_cast<unsigned>(BPF_F_ALLOW_MULTI)}) {
        EXPECT_EQ(bpf_prog_attach(program.get(), group.directory(), BPF_CGROUP_DEVICE, flags), -EINVAL);
    }
    EXPECT_LT(bpf_link_create(program.get(), group.directory(), BPF_CGROUP_DEVICE, nullptr), 0);
    EXPECT_LT(bpf_prog_detach2(program.get(), group.directory(), BPF_CGROUP_DEVICE), 0);
    EXPECT_EQ(id_of(program.get()), 0u);
    EXPECT_EQ(attached_count(group.directory()), 0u);

    ASSERT_EQ(::write(connection.get(), "x", 1), 1);
    const outcome o = p.wait();
    EXPECT_THAT(o.out, HasSubstr("attach ok\nquery 1\n")) << o.err;
}

TEST_F(passed_descriptor, is_worth_nothing_in_another_container)
{
    process first(passer("give"));
    const deputy::unique_fd from = accept_from(listening_);
    const deputy::unique_fd program = receive_descriptor(from);
    ASSERT_TRUE(program) << first.wait().err;
    process second(passer("take"));
    const deputy::unique_fd to = accept_from(listening_);
    ASSERT_TRUE(send_descriptor(to, program)) << second.wait().err;
    const outcome o = second.wait();
    auto said = values(o.out);
    EXPECT_EQ(said["take"], "ok") << o.err;
    EXPECT_EQ(said["own.attach"], "ok") << o.err;
    for (const char *what : {"attach", "info", "link", "replaced", "replace", "detach"}) {
        EXPECT_NE(said[std::string("foreign.") + what], "ok") << what;
    }
    EXPECT_EQ(said["query"], "1");
    ASSERT_EQ(::write(from.get(), "x", 1), 1);
    EXPECT_THAT(first.wait().out, HasSubstr("attach ok\nquery 1\n"));
}

} // namespace
} // namespace deputyd::test

// SPDX-License-Identifier: Apache-2.0
// podman of an ordinary user: a socket of the user's own, containers within the user's subordinate ids.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/daemon.hpp"
#include "support/private_mounts.hpp"
#include "support/served_container.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

constexpr uid_t nobody = 65534;

constexpr const char *config = R"(
[policy.nested.enable]
bpf_cgroup_device = true

[[socket]]
path = "nobody.sock"
protocol = "oci"
policies = ["nested"]
user = "nobody"
)";

/// podman of nobody, in a cgroup of nobody's as a session of systemd would be.
class rootless_podman : public container_runtime
{
public:
    explicit rootless_podman(const workshop &shop) : container_runtime(shop)
    {
        std::filesystem::create_directory(cgroup_);
        for (const char *file : {"", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"}) {
            must(chown((cgroup_ / file).c_str(), nobody, nobody));
        }
        std::filesystem::create_directory(home());
        must(chown(home().c_str(), nobody, nobody));
        workshop::check(podman({"import", "--quiet", shop.rootfs_archive(), image}));
    }
    ~rootless_podman() override
    {
        while (!running_.empty()) {
            rootless_podman::stop(running_.begin()->first);
        }
        write_text(cgroup_ / "cgroup.kill", "1"); // the process that holds podman's user namespace
        wait_until([this] { return remove_cgroups(); });
    }
    void start(const std::string &name, const std::string &, const std::vector<std::string> &command) override
    {
        const auto profile = shop_.profile(name, {"--format", "docker", "--base", "default", "--socket",
                                                  shop_.oci_socket(), "--runtime", "crun=1.8.1"});
        std::vector<std::string> argv = {"run",
                                         "--rm",
                                         "--name",
                                         name,
                                         "--network",
                                         "none",
                                         "--cap-add",
                                         "SYS_ADMIN",
                                         "--ulimit",
                                         "nofile=1024:1024",
                                         "--ulimit",
                                         "nproc=4096:4096",
                                         "--pids-limit",
                                         "0",
                                         "--volume",
                                         shop_.control(name).string() + ":/ctl",
                                         "--env",
                                         "PATH=/bin",
                                         "--security-opt",
                                         "seccomp=" + profile.string(),
                                         "--security-opt",
                                         "unmask=/sys/fs/cgroup",
                                         "--cgroupns",
                                         "private",
                                         image};
        argv.insert(argv.end(), command.begin(), command.end());
        running_[name] = std::make_unique<background>(podman(argv), shop_.output(name));
    }
    std::vector<std::string> exec(const std::string &name,
                                  const std::vector<std::string> &command) const override
    {
        return podman(joined({"exec", name}, command));
    }
    void stop(const std::string &name) override
    {
        run(podman({"rm", "--force", "--time", "0", name}));
        running_.at(name)->end(SIGTERM);
        running_.erase(name);
    }
    std::string logged_name(const std::string &name) const override
    {
        const std::string id = workshop::check(podman({"inspect", "--format", "{{.Id}}", name}));
        return id.substr(0, id.find('\n'));
    }

private:
    static constexpr const char *image = "localhost/deputy-test:latest";

    static void must(int result)
    {
        if (result != 0) {
            throw std::system_error(errno, std::system_category(), "chown");
        }
    }
    std::filesystem::path home() const { return shop_.directory() / "home"; }
    bool remove_cgroups() const
    {
        std::vector<std::filesystem::path> all = {cgroup_};
        for (const auto &entry : std::filesystem::recursive_directory_iterator(cgroup_)) {
            if (entry.is_directory()) {
                all.push_back(entry.path());
            }
        }
        bool good = true;
        for (auto path = all.rbegin(); path != all.rend(); ++path) {
            good = rmdir(path->c_str()) == 0 && good;
        }
        return good;
    }
    std::vector<std::string> podman(const std::vector<std::string> &arguments) const
    {
        const std::string enter = "echo $$ >" + (cgroup_ / "cgroup.procs").string() +
                                  " && cd / && exec setpriv --reuid=65534 --regid=65534 --clear-groups "
                                  "env HOME=\"$0\" XDG_RUNTIME_DIR=\"$0\" TMPDIR=\"$0\" USER=nobody \"$@\"";
        return joined({"sh", "-c", enter, home(), "podman", "--root", home() / "root", "--runroot",
                       home() / "run", "--tmpdir", home() / "tmp", "--storage-driver", "vfs",
                       "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", "crun"},
                      arguments);
    }

    const std::filesystem::path cgroup_ =
        "/sys/fs/cgroup/deputy-test-" + std::to_string(getpid()) + "-nobody";
};

class runtime_rootless : public testing::Test
{
protected:
    void TearDown() override
    {
        if (HasFailure()) {
            std::cerr << daemon_.log();
        }
    }
    private_mounts mounts_;
    scratch_directory scratch_;
    daemon daemon_{scratch_.path(), config};
    workshop shop_{scratch_.path(), daemon_.socket("nobody.sock"), ""};
    rootless_podman runtime_{shop_};
};

TEST_F(runtime_rootless, device_programs_of_an_ordinary_users_container_are_enforced)
{
    served_container c(runtime_, shop_, "deputy-test-" + std::to_string(getpid()) + "-rootless", "nested");
    const std::string line =
        "own=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup); device_client "
        "cgroup=$own/a load=deny:1:3 attach=0,2 open=/dev/null enter open=/dev/null open=/dev/zero";
    const auto denied = testing::AllOf(HasSubstr("load=deny:1:3 ok\nattach=0,2 ok\nopen=/dev/null ok\n"),
                                       HasSubstr("enter ok\nopen=/dev/null EPERM\nopen=/dev/zero ok\n"));
    EXPECT_THAT(c.tell(line), denied);
    const outcome o = c.exec(line);
    EXPECT_THAT(o.out, denied) << o.err;
    const std::string gone = c.logged_name() + ": gone";
    c.stop();
    EXPECT_TRUE(wait_until([&] { return daemon_.logged(gone); }));
}

} // namespace
} // namespace deputyd::test

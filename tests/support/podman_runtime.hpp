// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/container_runtime.hpp"

namespace deputyd::test
{

/// podman of root, over crun or runc.
class podman_runtime : public container_runtime
{
public:
    podman_runtime(const workshop &shop, std::string below)
        : container_runtime(shop), below_(std::move(below))
    {
        workshop::check(joined(podman(), {"import", "--quiet", shop.rootfs_archive(), image}));
    }
    ~podman_runtime() override
    {
        while (!running_.empty()) {
            podman_runtime::stop(running_.begin()->first);
        }
        // podman leaves it. Another one's containers may be there: then it stays.
        rmdir("/sys/fs/cgroup/libpod_parent/conmon");
        rmdir("/sys/fs/cgroup/libpod_parent");
    }
    void start(const std::string &name, const std::string &policy,
               const std::vector<std::string> &command) override
    {
        const auto profile =
            shop_.profile(name, {"--format", "docker", "--base", "default", "--socket", shop_.oci_socket(),
                                 "--runtime", below_ == "runc" ? "runc=1.1.5" : "crun=1.8.1"});
        std::vector<std::string> argv = {"run",
                                         "--rm",
                                         "--name",
                                         name,
                                         "--network",
                                         "none",
                                         "--uidmap",
                                         "0:200000:65536",
                                         "--gidmap",
                                         "0:200000:65536",
                                         "--ulimit",
                                         "nofile=1024:1024",
                                         "--ulimit",
                                         "nproc=4096:4096",
                                         "--cap-add",
                                         "SYS_ADMIN",
                                         "--volume",
                                         shop_.control(name).string() + ":/ctl",
                                         "--env",
                                         "PATH=/bin",
                                         "--pids-limit",
                                         "0",
                                         "--annotation",
                                         "deputy.policy=" + policy,
                                         "--security-opt",
                                         "seccomp=" + profile.string(),
                                         "--security-opt",
                                         "unmask=/sys/fs/cgroup",
                                         "--cgroupns",
                                         "private",
                                         image};
        running_[name] =
            std::make_unique<background>(joined(joined(podman(), argv), command), shop_.output(name));
    }
    std::vector<std::string> exec(const std::string &name,
                                  const std::vector<std::string> &command) const override
    {
        return joined(joined(podman(), {"exec", name}), command);
    }
    void stop(const std::string &name) override
    {
        run(joined(podman(), {"rm", "--force", "--time", "0", name}));
        running_.at(name)->end(SIGTERM);
        running_.erase(name);
    }
    /// podman's name is not the container's id.
    std::string logged_name(const std::string &name) const override
    {
        std::string id = workshop::check(joined(podman(), {"inspect", "--format", "{{.Id}}", name}));
        return id.substr(0, id.find('\n'));
    }
    /// Writes the image in a form that others import.
    static void save_image(const workshop &shop, const std::filesystem::path &file)
    {
        const podman_runtime p(shop, "crun");
        workshop::check(
            joined(p.podman(), {"save", "--quiet", "--format", "docker-archive", "--output", file, image}));
    }

    static constexpr const char *image = "localhost/deputy-test:latest";

private:
    std::vector<std::string> podman() const
    {
        const auto own = shop_.directory() / "podman";
        return {"podman",    "--root",           own / "root", "--runroot",
                own / "run", "--tmpdir",         own / "tmp",  "--storage-driver",
                "vfs",       "--cgroup-manager", "cgroupfs",   "--events-backend",
                "file",      "--runtime",        below_};
    }

    std::string below_;
};

} // namespace deputyd::test

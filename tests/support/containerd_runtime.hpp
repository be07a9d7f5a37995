// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "support/podman_runtime.hpp"

namespace deputyd::test
{

/// A containerd of this test's own, and ctr.
class containerd_runtime : public container_runtime
{
public:
    explicit containerd_runtime(const workshop &shop) : container_runtime(shop)
    {
        const auto own = shop.directory() / "containerd";
        std::filesystem::create_directories(own);
        write_text(own / "config.toml", "version = 2\n"
                                        "disabled_plugins = [\"io.containerd.grpc.v1.cri\", "
                                        "\"io.containerd.internal.v1.opt\"]\n"
                                        "root = \"" +
                                            (own / "root").string() + "\"\nstate = \"" +
                                            (own / "state").string() + "\"\n[grpc]\naddress = \"" +
                                            address().string() + "\"\n");
        const auto image = shop.directory() / "image.tar";
        podman_runtime::save_image(shop, image);
        daemon_.emplace(std::vector<std::string>{"containerd", "--config", own / "config.toml"},
                        own / "output");
        if (!wait_until([&] { return run(joined(ctr(), {"version"})).status == 0 || daemon_->ended(); })) {
            throw std::runtime_error("containerd does not start: " + daemon_->output());
        }
        workshop::check(joined(ctr(), {"images", "import", "--snapshotter", "native", image}));
    }
    ~containerd_runtime() override
    {
        while (!running_.empty()) {
            containerd_runtime::stop(running_.begin()->first);
        }
        daemon_->end(SIGTERM);
    }
    void start(const std::string &name, const std::string &policy,
               const std::vector<std::string> &command) override
    {
        const auto profile = shop_.profile(name, {"--socket", shop_.oci_socket(), "--runtime", "runc=1.1.5",
                                                  "--metadata", "policy=" + policy});
        const std::vector<std::string> argv = {"run",
                                               "--rm",
                                               "--snapshotter",
                                               "native",
                                               "--seccomp",
                                               "--seccomp-profile",
                                               profile,
                                               "--cpu-shares",
                                               "0",
                                               "--uidmap",
                                               "0:300000:65536",
                                               "--gidmap",
                                               "0:300000:65536",
                                               "--cap-add",
                                               "CAP_SYS_ADMIN",
                                               "--cgroup",
                                               "/" + name,
                                               "--mount",
                                               "type=bind,src=" + shop_.control(name).string() +
                                                   ",dst=/ctl,options=rbind:rw",
                                               "--mount",
                                               "type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=rw",
                                               "--env",
                                               "PATH=/bin",
                                               podman_runtime::image,
                                               name};
        running_[name] =
            std::make_unique<background>(joined(joined(ctr(), argv), command), shop_.output(name));
    }
    std::vector<std::string> exec(const std::string &name,
                                  const std::vector<std::string> &command) const override
    {
        return joined(joined(ctr(), {"tasks", "exec", "--exec-id", "other", name}), command);
    }
    void stop(const std::string &name) override
    {
        run(joined(ctr(), {"tasks", "kill", "--signal", "SIGKILL", name}));
        if (!wait_until([&] { return running_.at(name)->ended(); })) { // it removes the container
            run(joined(ctr(), {"tasks", "delete", "--force", name}));
        }
        running_.erase(name);
    }

private:
    std::filesystem::path address() const { return shop_.directory() / "containerd/sock"; }
    std::vector<std::string> ctr() const { return {"ctr", "--address", address()}; }

    std::optional<background> daemon_;
};

} // namespace deputyd::test

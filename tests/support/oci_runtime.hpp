// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "support/container_runtime.hpp"

namespace deputyd::test
{

/// runc or crun, without a manager.
class oci_runtime : public container_runtime
{
public:
    enum class selects { by_metadata, by_annotation };

    oci_runtime(const workshop &shop, std::string program, selects how)
        : container_runtime(shop), program_(std::move(program)), how_(how)
    {
    }
    ~oci_runtime() override
    {
        while (!running_.empty()) {
            oci_runtime::stop(running_.begin()->first);
        }
    }
    void start(const std::string &name, const std::string &policy,
               const std::vector<std::string> &command) override
    {
        const auto bundle = shop_.directory() / (name + ".bundle");
        std::filesystem::create_directories(bundle);
        write_text(bundle / "config.json", config(name, policy, command).dump());
        running_[name] = std::make_unique<background>(joined(program(), {"run", "--bundle", bundle, name}),
                                                      shop_.output(name));
    }
    std::vector<std::string> exec(const std::string &name,
                                  const std::vector<std::string> &command) const override
    {
        return joined(joined(program(), {"exec", name}), command);
    }
    void stop(const std::string &name) override
    {
        run(joined(program(), {"delete", "--force", name}));
        running_.erase(name);
    }

    /// config.json of a container. Its pipes must be there when it starts.
    nlohmann::json config(const std::string &name, const std::string &policy,
                          const std::vector<std::string> &command) const
    {
        auto json = nlohmann::json::parse(R"({
            "ociVersion": "1.0.2",
            "process": {
                "cwd": "/", "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"], "noNewPrivileges": false
            },
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
                {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
                {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]}
            ],
            "linux": {
                "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
                "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
                "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
                    {"type": "network"}, {"type": "user"}, {"type": "cgroup"}],
                "resources": {}
            }
        })");
        json["hostname"] = name;
        json["root"]["path"] = shop_.rootfs();
        json["process"]["args"] = command;
        const std::vector<std::string> capabilities = {"CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SETUID",
                                                       "CAP_SETGID", "CAP_MKNOD"};
        for (const char *set : {"bounding", "effective", "permitted"}) {
            json["process"]["capabilities"][set] = capabilities;
        }
        json["mounts"].push_back({{"destination", "/ctl"},
                                  {"type", "bind"},
                                  {"source", shop_.control(name)},
                                  {"options", {"bind", "rw"}}});
        json["linux"]["cgroupsPath"] = "/" + name;
        json["linux"]["seccomp"] = seccomp(name, policy);
        if (how_ == selects::by_annotation) {
            json["annotations"]["deputy.policy"] = policy;
        }
        return json;
    }

private:
    std::vector<std::string> program() const
    {
        return {program_, "--root", shop_.directory() / (program_ + ".state")};
    }
    nlohmann::json seccomp(const std::string &name, const std::string &policy) const
    {
        std::vector<std::string> options = {"--socket", shop_.oci_socket(), "--runtime",
                                            program_ == "runc" ? "runc=1.1.5" : "crun=1.8.1"};
        if (how_ == selects::by_metadata) {
            options.insert(options.end(), {"--metadata", "policy=" + policy});
        }
        return nlohmann::json::parse(text_of(shop_.profile(name, options)));
    }

    std::string program_;
    selects how_;
};

} // namespace deputyd::test

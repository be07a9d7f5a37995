// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// A container for real runtimes: a bundle with one program in a user namespace.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/process.hpp"

namespace deputy_test
{

/// A directory with config.json and rootfs; removed in the end.
class oci_bundle
{
public:
    /// @param program a static program; it is the container's /program and its command.
    explicit oci_bundle(const std::string &program)
    {
        char pattern[] = "/tmp/deputy-bundle-XXXXXX";
        if (::mkdtemp(pattern) == nullptr) {
            throw std::runtime_error("mkdtemp");
        }
        path_ = pattern;
        for (const char *directory : {"rootfs", "rootfs/proc", "rootfs/dev", "rootfs/sys", "state"}) {
            std::filesystem::create_directory(path_ / directory);
        }
        std::filesystem::copy_file(program, path_ / "rootfs/program");
        for (const auto &p : {path_, path_ / "rootfs", path_ / "rootfs/program"}) {
            std::filesystem::permissions(p, static_cast<std::filesystem::perms>(0755));
        }
    }
    ~oci_bundle()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    oci_bundle(const oci_bundle &) = delete;
    oci_bundle &operator=(const oci_bundle &) = delete;

    [[nodiscard]] std::string file(const std::string &name) const { return path_ / name; }
    [[nodiscard]] std::string path() const { return path_; }

    /// A configuration without a seccomp profile.
    [[nodiscard]] nlohmann::ordered_json config() const
    {
        using json = nlohmann::ordered_json;
        const json ids = json::array({{{"containerID", 0}, {"hostID", 100000}, {"size", 65536}}});
        json namespaces = json::array();
        for (const char *type : {"pid", "mount", "ipc", "uts", "user", "network"}) {
            namespaces.push_back({{"type", type}});
        }
        return {{"ociVersion", "1.0.2"},
                {"process",
                 {{"user", {{"uid", 0}, {"gid", 0}}},
                  {"args", json::array({"/program"})},
                  {"env", json::array({"PATH=/"})},
                  {"cwd", "/"}}},
                {"root", {{"path", "rootfs"}}},
                {"mounts", json::array({{{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}},
                                        {{"destination", "/dev"},
                                         {"type", "tmpfs"},
                                         {"source", "tmpfs"},
                                         {"options", json::array({"nosuid", "mode=755"})}}})},
                {"linux",
                 {{"namespaces", namespaces},
                  {"uidMappings", ids},
                  {"gidMappings", ids},
                  {"resources", json::object()},
                  {"cgroupsPath", "/deputy-test-" + std::to_string(::getpid())}}}};
    }
    void write_config(const nlohmann::ordered_json &config) const
    {
        std::ofstream(path_ / "config.json") << config.dump();
    }
    [[nodiscard]] nlohmann::ordered_json read_config() const
    {
        std::ifstream in(path_ / "config.json");
        return nlohmann::ordered_json::parse(in);
    }

    /// Runs the container to its end. @param runtime a command and its options.
    [[nodiscard]] deputyd::test::outcome run(const std::vector<std::string> &runtime) const
    {
        // Runtimes want cgroup2 alone at its usual place.
        std::vector<std::string> argv = {
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && mount --make-rshared / && "
            "exec \"$@\"",
            "sh"};
        argv.insert(argv.end(), runtime.begin(), runtime.end());
        for (const std::string &a :
             {std::string("--root"), file("state"), std::string("run"), std::string("--bundle"), path(),
              "deputy-test-" + std::to_string(::getpid())}) {
            argv.push_back(a);
        }
        return deputyd::test::run(argv);
    }

private:
    std::filesystem::path path_;
};

} // namespace deputy_test

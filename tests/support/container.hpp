// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <utility>
#include <vector>

#include <bpf/bpf.h>

#include "support/process.hpp"

namespace deputyd::test
{

using command = std::vector<std::string>;

inline command operator+(command left, const command &right)
{
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

/// Where the programs of tests/clients are in a container that in_container() makes.
inline std::string client(const std::string &name)
{
    return "/run/clients/" + name;
}

/// `deputy run` with the clients inside and these options.
inline command plain_container(const command &options, const command &inside)
{
    return command{DEPUTY_BIN_DIR "/deputy", "run", "--bind", DEPUTY_BIN_DIR "/clients:/run/clients:ro"} +
           options + command{"--"} + inside;
}

/// The same with the plugin for device programs.
inline command device_container(const command &options, const command &inside)
{
    return plain_container(
        command{"--plugin-dir", DEPUTY_PLUGINS_DIR, "--enable", "bpf_cgroup_device"} + options, inside);
}

/// With the plugin or without, to show the difference.
inline command container(bool with_plugin, const command &options, const command &inside)
{
    return with_plugin ? device_container(options, inside) : plain_container(options, inside);
}

/// What is printed as "NAME VALUE" lines, by name; the last one counts.
inline std::map<std::string, std::string> values(const std::string &text)
{
    std::map<std::string, std::string> all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto space = line.find(' ');
        if (space != std::string::npos) {
            all[line.substr(0, space)] = line.substr(space + 1);
        }
    }
    return all;
}

/// A directory of the test's own that anyone may use, gone at its end.
class scratch_directory
{
public:
    explicit scratch_directory(const std::filesystem::path &below = std::filesystem::temp_directory_path())
    {
        std::string name = (below / "deputy-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::system_error(errno, std::system_category(), name);
        }
        path_ = name;
        ::chmod(path_.c_str(), 0777);
    }
    scratch_directory(const scratch_directory &) = delete;
    scratch_directory &operator=(const scratch_directory &) = delete;
    ~scratch_directory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    /// Makes a character device that anyone may open, as far as permissions go.
    void add_device(const std::string &name, unsigned major, unsigned minor) const
    {
        const std::string node = path_ / name;
        if (::mknod(node.c_str(), S_IFCHR | 0666, ::makedev(major, minor)) != 0 ||
            ::chmod(node.c_str(), 0666) != 0) {
            throw std::system_error(errno, std::system_category(), node);
        }
    }
    [[nodiscard]] const std::filesystem::path &path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Where the host has cgroup2.
inline std::filesystem::path cgroup2_mount()
{
    std::ifstream mounts("/proc/self/mounts");
    std::string source, target, type, rest;
    while (mounts >> source >> target >> type && std::getline(mounts, rest)) {
        if (type == "cgroup2") {
            return target;
        }
    }
    throw std::runtime_error("cgroup2 is not mounted on this host: mount -t cgroup2 none /sys/fs/cgroup");
}

/// A cgroup on the host, below the root; removed with what is below it when the test ends.
class host_cgroup
{
public:
    explicit host_cgroup(const std::string &name)
        : path_(cgroup2_mount() / (name + "-" + std::to_string(::getpid())))
    {
        std::filesystem::create_directory(path_);
        directory_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    host_cgroup(const host_cgroup &) = delete;
    host_cgroup &operator=(const host_cgroup &) = delete;
    ~host_cgroup() { remove(path_); }

    [[nodiscard]] const std::filesystem::path &path() const { return path_; }
    [[nodiscard]] int directory() const { return directory_.get(); }
    /// The command, started inside.
    [[nodiscard]] command inside(const command &what) const
    {
        return command{"/bin/sh", "-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"", path_.string()} +
               what;
    }

private:
    static void remove(const std::filesystem::path &directory)
    {
        std::error_code ignored;
        std::vector<std::filesystem::path> below;
        for (const auto &entry : std::filesystem::directory_iterator(directory, ignored)) {
            if (entry.is_directory(ignored)) {
                below.push_back(entry.path());
            }
        }
        for (const auto &one : below) {
            remove(one);
        }
        ::rmdir(directory.c_str());
    }
    std::filesystem::path path_;
    deputy::unique_fd directory_;
};

/// The ids of the programs with this name that the host's kernel has.
inline std::vector<std::uint32_t> programs_named(const std::string &name)
{
    std::vector<std::uint32_t> found;
    std::uint32_t id = 0;
    while (bpf_prog_get_next_id(id, &id) == 0) {
        const deputy::unique_fd program(bpf_prog_get_fd_by_id(id));
        bpf_prog_info info{};
        std::uint32_t size = sizeof info;
        if (program && bpf_obj_get_info_by_fd(program.get(), &info, &size) == 0 && name == info.name) {
            found.push_back(id);
        }
    }
    return found;
}

} // namespace deputyd::test

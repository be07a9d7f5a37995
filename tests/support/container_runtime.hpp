// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/background.hpp"
#include "support/process.hpp"

namespace deputyd::test
{

/// What a container of these tests runs: the lines that come through a pipe, one after the other.
inline constexpr const char *server_script = R"(
exec 3<>/ctl/in
echo up >/ctl/out
while read -r line <&3; do
    /bin/busybox sh -c "$line" </dev/null >/ctl/out 2>&1
    echo "status $?" >/ctl/out
done
)";

/// Where containers of a test are made: a root file system, and a place for each one's files.
class workshop
{
public:
    /// @param plugins whose calls the containers' profiles hand over.
    /// @param profile_options more options for these.
    workshop(std::filesystem::path directory, std::filesystem::path oci_socket,
             std::filesystem::path lxc_socket, std::vector<std::string> plugins = {"bpf_cgroup_device"},
             std::vector<std::string> profile_options = {})
        : directory_(std::move(directory)), oci_socket_(std::move(oci_socket)),
          lxc_socket_(std::move(lxc_socket)), plugins_(std::move(plugins)),
          profile_options_(std::move(profile_options))
    {
        make_rootfs();
    }
    [[nodiscard]] const std::filesystem::path &directory() const { return directory_; }
    [[nodiscard]] std::filesystem::path rootfs() const { return directory_ / "rootfs"; }
    [[nodiscard]] const std::filesystem::path &oci_socket() const { return oci_socket_; }
    [[nodiscard]] const std::filesystem::path &lxc_socket() const { return lxc_socket_; }
    /// Where the pipes of a container are; it has them at /ctl.
    [[nodiscard]] std::filesystem::path control(const std::string &name) const
    {
        return directory_ / (name + ".ctl");
    }
    [[nodiscard]] std::filesystem::path output(const std::string &name) const
    {
        return directory_ / (name + ".output");
    }

    /// A profile that "deputy profile" writes. @return its file.
    [[nodiscard]] std::filesystem::path profile(const std::string &name,
                                                const std::vector<std::string> &options) const
    {
        std::vector<std::string> argv = {DEPUTY_BIN_DIR "/deputy", "profile", "--plugin-dir",
                                         DEPUTY_PLUGINS_DIR};
        for (const auto &plugin : plugins_) {
            argv.insert(argv.end(), {"--enable", plugin});
        }
        argv.insert(argv.end(), options.begin(), options.end());
        argv.insert(argv.end(), profile_options_.begin(), profile_options_.end());
        const outcome o = run(argv);
        if (o.status != 0) {
            throw std::runtime_error("deputy profile: " + o.err);
        }
        const auto file = directory_ / (name + ".seccomp");
        write_text(file, o.out);
        write_text(notes(name), o.err);
        return file;
    }
    /// What "deputy profile" said of that.
    [[nodiscard]] std::filesystem::path notes(const std::string &name) const
    {
        return directory_ / (name + ".notes");
    }

    /// The root file system as an archive.
    [[nodiscard]] std::filesystem::path rootfs_archive() const
    {
        const auto file = directory_ / "rootfs.tar";
        check({"tar", "-C", rootfs(), "-cf", file, "."});
        return file;
    }

    /// Runs a command that must succeed. @return its output.
    static std::string check(const std::vector<std::string> &argv)
    {
        const outcome o = run(argv);
        if (o.status != 0) {
            std::string all;
            for (const auto &a : argv) {
                all += a + " ";
            }
            throw std::runtime_error(all + "has status " + std::to_string(o.status) + ": " + o.err + o.out);
        }
        return o.out;
    }

private:
    void make_rootfs() const
    {
        for (const char *name : {"bin", "dev", "proc", "sys", "ctl", "tmp", "run", "etc", "var"}) {
            std::filesystem::create_directories(rootfs() / name);
        }
        std::filesystem::copy_file("/bin/busybox", rootfs() / "bin/busybox");
        std::filesystem::create_symlink("busybox", rootfs() / "bin/sh");
        std::filesystem::copy_file(DEPUTY_BIN_DIR "/clients/device_client", rootfs() / "bin/device_client");
        write_text(rootfs() / "server", server_script);
    }

    std::filesystem::path directory_;
    std::filesystem::path oci_socket_;
    std::filesystem::path lxc_socket_;
    std::vector<std::string> plugins_;
    std::vector<std::string> profile_options_;
};

/// One of the runtimes. What is started is stopped by the destructor.
class container_runtime
{
public:
    explicit container_runtime(const workshop &shop) : shop_(shop) {}
    virtual ~container_runtime() = default;
    container_runtime(const container_runtime &) = delete;
    container_runtime &operator=(const container_runtime &) = delete;

    /// Starts a user-namespaced container whose calls lead to the daemon, under a policy; it runs command.
    virtual void start(const std::string &name, const std::string &policy,
                       const std::vector<std::string> &command) = 0;
    /// A command of the host's that runs another one in the container.
    [[nodiscard]] virtual std::vector<std::string> exec(const std::string &name,
                                                        const std::vector<std::string> &command) const = 0;
    /// Whether the runtime, not the command, failed in a way that it is known for: it is worth another try.
    [[nodiscard]] virtual bool is_known_failure(const outcome &) const { return false; }
    /// Ends the container and removes what the runtime has of it.
    virtual void stop(const std::string &name) = 0;
    /// The name by which the daemon's log calls it.
    [[nodiscard]] virtual std::string logged_name(const std::string &name) const { return name; }

protected:
    static std::vector<std::string> joined(std::vector<std::string> first,
                                           const std::vector<std::string> &second)
    {
        first.insert(first.end(), second.begin(), second.end());
        return first;
    }

    const workshop &shop_;
    std::map<std::string, std::unique_ptr<background>> running_;
};

} // namespace deputyd::test

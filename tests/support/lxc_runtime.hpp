// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sstream>

#include "support/container_runtime.hpp"

namespace deputyd::test
{

/// LXC of root, through its notify proxy.
class lxc_runtime : public container_runtime
{
public:
    using container_runtime::container_runtime;
    ~lxc_runtime() override
    {
        while (!running_.empty()) {
            lxc_runtime::stop(running_.begin()->first);
        }
        rmdir("/sys/fs/cgroup/lxc.pivot"); // LXC leaves it
    }
    void start(const std::string &name, const std::string &policy,
               const std::vector<std::string> &command) override
    {
        const auto own = lxc_path() / name;
        std::filesystem::create_directories(own);
        write_text(own / "config", config(name, policy, command));
        running_[name] =
            std::make_unique<background>(std::vector<std::string>{"lxc-start", "-P", lxc_path(), "-n", name,
                                                                  "-F", "-l", "WARN", "-o", own / "log"},
                                         shop_.output(name));
    }
    std::vector<std::string> exec(const std::string &name,
                                  const std::vector<std::string> &command) const override
    {
        return joined(
            {"lxc-attach", "-P", lxc_path(), "-n", name, "--clear-env", "--set-var", "PATH=/bin", "--"},
            command);
    }
    /// lxc-attach of 5.0.2, on a busy machine, now and then ends with 1 and without a word instead of giving
    /// the new process's listener to the monitor, which then never hears of it. The process runs all the
    /// same, and its calls get ENOSYS.
    bool is_known_failure(const outcome &o) const override
    {
        return o.status == 1 && o.err.empty() && o.out.find(" ENOSYS\n") != std::string::npos;
    }
    void stop(const std::string &name) override
    {
        run({"lxc-stop", "-P", lxc_path(), "-n", name, "-k"});
        running_.at(name)->end(SIGTERM);
        running_.erase(name);
    }

private:
    /// What "deputy profile" wants to be in the cookie, and a blank.
    std::string cookie_of_profile(const std::string &name) const
    {
        const std::string key = "lxc.seccomp.notify.cookie = ", notes = text_of(shop_.notes(name));
        const auto at = notes.find(key);
        return at == notes.npos ? ""
                                : notes.substr(at + key.size(), notes.find('\n', at) - at - key.size()) + " ";
    }
    std::filesystem::path lxc_path() const { return shop_.directory() / "lxc"; }
    std::string config(const std::string &name, const std::string &policy,
                       const std::vector<std::string> &command) const
    {
        std::ostringstream text;
        text << "lxc.uts.name = " << name << "\nlxc.rootfs.path = dir:" << shop_.rootfs().string()
             << "\nlxc.idmap = u 0 400000 65536\nlxc.idmap = g 0 400000 65536\n"
             << "lxc.net.0.type = empty\nlxc.mount.auto = proc:rw sys:ro cgroup:rw:force\n"
             << "lxc.autodev = 1\nlxc.environment = PATH=/bin\n"
             << "lxc.mount.entry = " << shop_.control(name).string() << " ctl none bind 0 0\n"
             << "lxc.apparmor.profile = unconfined\n"
             << "lxc.seccomp.profile = " << shop_.profile(name, {"--format", "lxc"}).string()
             << "\nlxc.seccomp.notify.proxy = unix:" << shop_.lxc_socket().string()
             << "\nlxc.seccomp.notify.cookie = " << cookie_of_profile(name) << "policy=" << policy
             << " name=" << name << "\nlxc.init.cmd =";
        for (const auto &word : command) {
            text << ' ' << word;
        }
        text << '\n';
        return text.str();
    }
};

} // namespace deputyd::test

// SPDX-License-Identifier: Apache-2.0
#include "plugin.hpp"

#include <csignal>

#include <bpf/libbpf.h>
#include <linux/capability.h>

namespace bpf_cgroup_device
{
namespace
{

/// How often the cgroups of attached programs are looked at: that one has been removed is not reported.
constexpr int attached_interval = 2000; // ms

} // namespace

bool has(std::uint64_t capabilities, unsigned capability)
{
    return ((capabilities >> capability) & 1) != 0 || ((capabilities >> CAP_SYS_ADMIN) & 1) != 0;
}

plugin::plugin(deputy::host host) : plugin(host, std::make_unique<running_kernel>())
{
    ::libbpf_set_print(nullptr); // it would write to the host's standard error
}

plugin::plugin(deputy::host host, std::unique_ptr<kernel> k, const token_bucket &all_loads)
    : host_(host), kernel_(std::move(k)), pacer_(all_loads)
{
}

plugin::~plugin()
{
    drain();
}

void plugin::ready()
{
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    collector_ = std::thread([this] {
        ::pthread_setname_np(::pthread_self(), "bpf-collect");
        while (!ending_) {
            const bool look = programs_.any_attached();
            programs_.collect(look ? attached_interval : -1);
            if (look) {
                look_after_attached();
            }
        }
    });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void plugin::look_after_attached()
{
    programs_.collect_attached(*kernel_);
    look_above();
}

/// Programs that the host attaches above later, without ALLOW_MULTI, change what is in effect below: by the
/// kernel's rules they give way to the container's. It is the host's doing, so it is only told.
void plugin::look_above()
{
    std::vector<container_ptr> all;
    {
        const std::shared_lock hold(containers_mutex_);
        for (const auto &[id, c] : containers_) {
            all.push_back(c);
        }
    }
    for (const auto &c : all) {
        if (!c->cgroup || !programs_.any_attached(c->id)) {
            continue;
        }
        const auto why = shut_off_by_attach(*kernel_, *c->cgroup);
        const bool now = why && why->has_value();
        if (now && !c->shut_off) {
            report(*c, "its device programs have shut off what the host has attached since: " + **why);
        }
        c->shut_off = now;
    }
}

void plugin::drain()
{
    ending_ = true;
    programs_.interrupt();
    if (collector_.joinable()) {
        collector_.join();
    }
}

void plugin::container_added(const deputy_container &container)
{
    auto c = std::make_shared<container_state>();
    c->id = container.id;
    c->name = container.name == nullptr ? "" : container.name;
    c->set = read_settings(host_, container.id);
    if (container.cgroup < 0) {
        report(*c, "it has no cgroup2 directory of its own, so it can load no device programs");
    } else if (auto own = own_cgroup::open(*kernel_, container.cgroup); own) {
        c->cgroup = *std::move(own);
        const auto shut_off = shut_off_by_attach(*kernel_, *c->cgroup);
        if (!shut_off) {
            report(*c, "this kernel cannot tell which device programs are attached: " +
                           std::generic_category().message(shut_off.error_number()));
        } else if (*shut_off) {
            report(*c, "it can load no device programs: " + **shut_off);
        }
    } else {
        report(*c, "its cgroup cannot be opened, so it can load no device programs: " +
                       std::generic_category().message(own.error_number()));
    }
    programs_.add_container(c->id, c->set.programs);
    const std::unique_lock hold(containers_mutex_);
    containers_[c->id] = std::move(c);
}

void plugin::container_gone(std::uint64_t id)
{
    {
        const std::unique_lock hold(containers_mutex_);
        containers_.erase(id);
    }
    programs_.remove_container(id);
}

plugin::container_ptr plugin::find(std::uint64_t id) const
{
    const std::shared_lock hold(containers_mutex_);
    const auto it = containers_.find(id);
    if (it == containers_.end()) {
        throw std::system_error(ENOENT, std::system_category(), "a call of an unknown container");
    }
    return it->second;
}

void plugin::report(container_state &c, const std::string &text)
{
    {
        const std::lock_guard hold(c.lines_mutex);
        if (c.lines.delay(token_bucket::clock::now()).count() > 0) {
            return;
        }
        c.lines.take();
    }
    host_.log(DEPUTY_LOG_WARNING, "container " + c.name + ": " + text);
}

deputy::answer plugin::link(deputy::call &call)
{
    const auto a = read_attr(call, kernel_->attr_size());
    // A link would need an object of its own that stands for it. No runtime makes one where it has ATTACH.
    return deputy::answer::failure(a ? EPERM : a.error_number());
}

} // namespace bpf_cgroup_device

// SPDX-License-Identifier: Apache-2.0
#include "check/trial.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <seccomp.h>

#include "notify/dispatch.hpp"
#include "plugin/setting_defaults.hpp"

namespace deputyd::check
{
namespace
{

using namespace deputy::testing;
using nlohmann::json;

/// JSON as the fake host's values by pointer.
void set_values(fake_settings &settings, const std::string &pointer, const json &value)
{
    if (value.is_structured()) {
        settings.set_count(0, pointer, static_cast<std::uint32_t>(value.size()));
        for (const auto &[key, member] : value.items()) {
            set_values(settings, (json::json_pointer(pointer) / key).to_string(), member);
        }
    } else if (value.is_boolean()) {
        settings.set(0, pointer, value.get<bool>());
    } else if (value.is_number_integer()) {
        settings.set(0, pointer, value.get<std::int64_t>());
    } else if (value.is_number()) {
        settings.set(0, pointer, value.get<double>());
    } else if (value.is_string()) {
        settings.set(0, pointer, value.get<std::string>());
    }
}

/// @return what is wrong with a call's outcome, or nullptr.
const char *fault_of(const outcome &got, bool may_continue)
{
    if (got.verdict == DEPUTY_DEFER || got.ticket != 0) {
        return got.verdict == DEPUTY_DEFER && got.ticket != 0
                   ? nullptr
                   : "deferred a call without a ticket, or the other way round";
    }
    deputy_answer a{};
    a.error = got.error;
    a.value = got.value;
    a.fd = got.fd.get();
    a.fd_flags = got.fd_flags;
    a.number = got.number;
    return fault_in_answer(got.verdict, a, may_continue);
}

} // namespace

void drop_privileges()
{
    constexpr unsigned nobody = 65534;
    if (::geteuid() != 0) {
        return;
    }
    if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 ||
        ::setresuid(nobody, nobody, nobody) != 0) {
        throw std::system_error(errno, std::system_category(), "cannot become uid 65534 to try the plugin");
    }
}

trial::trial(const opened_plugin &plugin_file, std::uint64_t seed) : opened(plugin_file), random(seed)
{
    drop_privileges();
    use_default_settings();
    fill_caller();
    try {
        plugin = std::make_unique<fake_plugin>(host, *opened.description);
        plugin->ready();
        for (const std::uint64_t container : {1, 2}) {
            plugin->add_container(container);
        }
    } catch (const std::system_error &e) {
        throw broken(
            fmt::format("its {}; with the defaults of its settings and nothing of a host it must start, "
                        "and what it lacks is the answer to calls",
                        e.what()));
    }
}

void trial::use_default_settings()
{
    const char *schema = opened.description->settings_schema;
    json settings = json::object();
    if (schema != nullptr) {
        fill_in_defaults(json::parse(schema), settings);
    }
    set_values(host.settings, "", settings);
}

void trial::fill_caller()
{
    std::filesystem::create_directories(host.files.root() / "dev");
    const deputy::unique_fd file(
        ::open((host.files.root() / "file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644));
    host.open(deputy::unique_fd(::open(host.files.root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    host.open(deputy::unique_fd(::open((host.files.root() / "file").c_str(), O_RDWR | O_CLOEXEC)));
    host.open(deputy::unique_fd(::open((host.files.root() / "dev").c_str(), O_PATH | O_CLOEXEC)));
    host.open(deputy::unique_fd(::memfd_create("deputy-check", MFD_CLOEXEC)));
    for (const char *path : {"/dev/null", "file", "dev/new", "../..", "", "/", "file/x"}) {
        values_.push_back(host.map_string(path));
    }
    values_.push_back(host.map(std::vector<std::byte>(8192, std::byte{'x'}))); // ends without a NUL
    values_.push_back(host.map_zeroes(4096));
    std::vector<std::byte> noise(4096);
    for (std::byte &b : noise) {
        b = static_cast<std::byte>(random());
    }
    values_.push_back(host.map(noise));
    values_.push_back(values_.back() + noise.size() - 3); // three bytes, then none
    values_.insert(values_.end(), {3, 4, 5, 6, 7, 0x7ffffffff000, 0xffff888000000000});
    values_.push_back(static_cast<std::uint32_t>(AT_FDCWD));
}

std::uint64_t trial::hostile_value()
{
    switch (random() % 8) {
    case 0:
        return random();
    case 1:
        return random() % 256;
    case 2:
        return ~(random() % 256);
    case 3:
        return std::uint64_t{1} << (random() % 64);
    default:
        return values_[random() % values_.size()];
    }
}

request trial::hostile_request(const registered_handler &h)
{
    request r;
    r.name = h.syscall;
    r.nr = seccomp_syscall_resolve_name(h.syscall.c_str());
    r.container = 1 + random() % 2;
    for (std::uint64_t &argument : r.args) {
        argument = hostile_value();
    }
    for (const deputy_predicate &p : h.predicates) {
        const std::uint64_t looked_at = p.op == DEPUTY_OP_MASKED_EQ ? p.mask : ~std::uint64_t{0};
        const std::uint64_t counts = p.width == 32 ? looked_at & 0xffffffff : looked_at;
        r.args.at(p.argument) = (r.args.at(p.argument) & ~counts) | p.value;
    }
    return r;
}

outcome trial::call(const request &what)
{
    outcome got = plugin->call(what);
    if (got.ticket != 0) {
        plugin->tell_gone(got.ticket);
        host.deferred.wait(got.ticket, std::chrono::milliseconds(0)); // nobody else takes it
    }
    host.clear_lines();
    const bool may_continue = (opened.about.capabilities & DEPUTY_CAP_CONTINUE) != 0;
    if (const char *fault = fault_of(got, may_continue); fault != nullptr) {
        throw broken(
            fmt::format("it {}, in {}; see deputy_verdict in deputy/plugin.h", fault, text_of(what)));
    }
    return got;
}

std::string trial::text_of(const request &what)
{
    return fmt::format("{}({:#x})", what.name, fmt::join(what.args, ", "));
}

} // namespace deputyd::check

// SPDX-License-Identifier: Apache-2.0
#include "profile/resolve.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <stdexcept>
#include <sys/utsname.h>
#include <utility>

#include "profile/architectures.hpp"

namespace deputyd::profile
{
namespace
{

constexpr const char *kept_by_podman =
    "CHOWN,DAC_OVERRIDE,FOWNER,FSETID,KILL,NET_BIND_SERVICE,SETFCAP,SETGID,SETPCAP,SETUID,SYS_CHROOT";
constexpr const char *all_capabilities =
    "CHOWN,DAC_OVERRIDE,DAC_READ_SEARCH,FOWNER,FSETID,KILL,SETGID,SETUID,SETPCAP,LINUX_IMMUTABLE,"
    "NET_BIND_SERVICE,NET_BROADCAST,NET_ADMIN,NET_RAW,IPC_LOCK,IPC_OWNER,SYS_MODULE,SYS_RAWIO,SYS_CHROOT,"
    "SYS_PTRACE,SYS_PACCT,SYS_ADMIN,SYS_BOOT,SYS_NICE,SYS_RESOURCE,SYS_TIME,SYS_TTY_CONFIG,MKNOD,LEASE,"
    "AUDIT_WRITE,AUDIT_CONTROL,SETFCAP,MAC_OVERRIDE,MAC_ADMIN,SYSLOG,WAKE_ALARM,BLOCK_SUSPEND,AUDIT_READ,"
    "PERFMON,BPF,CHECKPOINT_RESTORE";

std::vector<std::string> split_capabilities(std::string_view list)
{
    std::vector<std::string> all;
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        std::string name;
        for (const char c : list.substr(0, comma)) {
            name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        }
        all.push_back(name.starts_with("CAP_") ? name : "CAP_" + name);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return all;
}

std::pair<unsigned, unsigned> kernel_version(const std::string &text)
{
    unsigned major = 0, minor = 0;
    if (std::sscanf(text.c_str(), "%u.%u", &major, &minor) != 2) {
        throw std::runtime_error("minKernel: no kernel version: " + text);
    }
    return {major, minor};
}

std::vector<std::string> texts(const json &condition, const char *key, const std::string &where)
{
    if (!condition.contains(key) || condition[key].is_null()) {
        return {};
    }
    std::vector<std::string> all;
    for (const json &t : condition[key]) {
        if (!t.is_string()) {
            throw std::runtime_error(where + "." + key + " must be a list of texts");
        }
        all.push_back(t.get<std::string>());
    }
    return all;
}

/// The parts of a condition that hold; each is nothing where the condition does not have it.
struct parts {
    std::vector<bool> capabilities;
    std::vector<bool> architectures;
    std::vector<bool> kernel;
};

parts judge(const json &rule, const char *key, const circumstances &c, const std::string &where)
{
    parts p;
    if (!rule.contains(key) || rule[key].is_null()) {
        return p;
    }
    const json &condition = rule[key];
    const std::string here = where + "." + key;
    if (!condition.is_object()) {
        throw std::runtime_error(here + " must be an object");
    }
    for (const std::string &name : texts(condition, "caps", here)) {
        p.capabilities.push_back(std::find(c.capabilities.begin(), c.capabilities.end(), name) !=
                                 c.capabilities.end());
    }
    for (const std::string &name : texts(condition, "arches", here)) {
        p.architectures.push_back(name == native_architectures().go_name);
    }
    if (condition.contains("minKernel") && condition["minKernel"].is_string() &&
        condition["minKernel"] != "") {
        p.kernel.push_back(kernel_version(c.kernel) >=
                           kernel_version(condition["minKernel"].get<std::string>()));
    }
    return p;
}

bool any(const std::vector<bool> &v)
{
    return std::find(v.begin(), v.end(), true) != v.end();
}
bool all_of(const std::vector<bool> &v)
{
    return std::find(v.begin(), v.end(), false) == v.end();
}

bool applies(const json &rule, const circumstances &c, const std::string &where)
{
    const parts in = judge(rule, "includes", c, where);
    const parts out = judge(rule, "excludes", c, where);
    return all_of(in.capabilities) && (in.architectures.empty() || any(in.architectures)) &&
           all_of(in.kernel) && !any(out.capabilities) && !any(out.architectures) && !any(out.kernel);
}

bool has_list(const json &profile, const char *key)
{
    return profile.contains(key) && profile[key].is_array() && !profile[key].empty();
}

json architectures_of(const json &profile)
{
    if (has_list(profile, "architectures")) {
        return profile["architectures"];
    }
    const architecture_family &native = native_architectures();
    if (!has_list(profile, "archMap")) {
        return native.all();
    }
    json all = json::array({native.name});
    for (const json &entry : profile["archMap"]) {
        if (entry.is_object() && entry.contains("architecture") && entry["architecture"] == native.name &&
            has_list(entry, "subArchitectures")) {
            all.insert(all.end(), entry["subArchitectures"].begin(), entry["subArchitectures"].end());
        }
    }
    return all;
}

} // namespace

circumstances circumstances_here(std::string_view capabilities)
{
    if (capabilities == "default") {
        capabilities = kept_by_podman;
    } else if (capabilities == "all") {
        capabilities = all_capabilities;
    } else if (capabilities == "none") {
        capabilities = "";
    }
    const std::vector<std::string> known = split_capabilities(all_capabilities);
    circumstances c;
    c.capabilities = split_capabilities(capabilities);
    for (const std::string &name : c.capabilities) {
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            throw std::runtime_error("there is no capability " + name);
        }
    }
    utsname system{};
    ::uname(&system);
    c.kernel = system.release;
    return c;
}

json resolve(const json &profile, const circumstances &c)
{
    const answer fallback = default_answer(profile);
    json out = {{"defaultAction", fallback.action}};
    if (fallback.error != 0) {
        out["defaultErrnoRet"] = fallback.error;
    }
    out["architectures"] = architectures_of(profile);
    for (const char *key : {"flags", "listenerPath", "listenerMetadata"}) {
        if (profile.contains(key) && !profile[key].is_null()) {
            out[key] = profile[key];
        }
    }
    json rules = json::array();
    const json &texts = rules_of(profile);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string where = "syscalls[" + std::to_string(i) + "]";
        const rule r = parse_rule(texts[i], where);
        if (!applies(texts[i], c, where)) {
            continue;
        }
        json kept = {{"names", r.names}, {"action", r.does.action}};
        if (r.does.error != 0) {
            kept["errnoRet"] = r.does.error;
        }
        if (r.has_arguments) {
            kept["args"] = texts[i]["args"];
        }
        rules.push_back(kept);
    }
    out["syscalls"] = rules;
    return out;
}

} // namespace deputyd::profile

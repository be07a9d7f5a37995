// SPDX-License-Identifier: Apache-2.0
#include "profile/write.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/metadata_word.hpp"
#include "base/nearest.hpp"
#include "profile/architectures.hpp"
#include "profile/hand_over.hpp"
#include "profile/lxc_text.hpp"
#include "profile/merge.hpp"

namespace deputyd::profile
{
namespace
{

constexpr std::size_t largest_profile = 4 * 1024 * 1024;
constexpr std::size_t longest_socket = 107;  // of sun_path, without its NUL
constexpr std::size_t longest_cookie = 3072; // the host reads 4 KiB, and there are other words
constexpr const char *lxc_default = "/usr/share/lxc/config/common.seccomp";
constexpr const char *json_defaults[] = {"/etc/containers/seccomp.json",
                                         "/usr/share/containers/seccomp.json"};

json empty_profile(format kind)
{
    const architecture_family &native = native_architectures();
    json p = {{"defaultAction", "SCMP_ACT_ALLOW"}};
    if (kind == format::docker) {
        p["archMap"] = json::array({{{"architecture", native.name}, {"subArchitectures", native.others}}});
    } else {
        p["architectures"] = native.all();
    }
    p["syscalls"] = json::array();
    return p;
}

std::string read_default()
{
    for (const char *file : json_defaults) {
        if (std::filesystem::exists(file)) {
            return read_profile(file);
        }
    }
    throw std::runtime_error(
        "no default profile is installed (/usr/share/containers/seccomp.json of podman): "
        "install it or name one with --base FILE");
}

json read_base(const recipe &r)
{
    if (r.base == "none") {
        return empty_profile(r.kind);
    }
    try {
        return parse_profile(r.base == "default" ? read_default() : read_profile(r.base));
    } catch (const std::exception &e) {
        throw std::runtime_error(r.base == "default" ? e.what() : r.base + ": " + e.what());
    }
}

/// Adds to what is wanted what the base denies. @return the word that tells the host.
template <typename Profile>
std::string add_denied(Profile &profile, std::vector<claim> &wanted, std::vector<std::string> *ret_notes)
{
    const denying_base base = parse_base(profile);
    const denials found = find_denials(base);
    std::set<std::string> others = notified_by(base.rules);
    for (const claim &c : wanted) {
        if (c.notifies()) {
            others.insert(c.syscall);
        }
    }
    const std::string word = "denied=" + to_table(found, others).word();
    claim_whole(wanted, found);
    hand_over(profile, found);
    if (ret_notes != nullptr) {
        *ret_notes = notes_of(found);
    }
    return word;
}

void check_can_audit(const recipe &r)
{
    if (r.base == "none") {
        throw std::runtime_error(
            "--audit-denied is about what a base denies: name one with --base default or "
            "--base FILE");
    }
    if (!metadata_word(r.metadata, "denied").empty()) {
        throw std::runtime_error(
            "the word denied of the metadata is written by --audit-denied: leave it out");
    }
}

/// Merges into the base. What the container's configuration must say is among the notes.
std::string merge_into(lxc_text base, const recipe &r, std::span<const claim> wanted,
                       std::vector<std::string> *ret_notes)
{
    if (!r.audit_denied) {
        return merge_lxc(base, wanted);
    }
    std::vector<claim> all(wanted.begin(), wanted.end());
    const std::string word = add_denied(base, all, ret_notes);
    if (word.size() > longest_cookie) {
        throw std::runtime_error(
            "what it denies takes " + std::to_string(word.size()) +
            " bytes to say, and a cookie has room for 3,072: take a base with fewer errnos");
    }
    if (ret_notes != nullptr) {
        ret_notes->push_back("the container's configuration needs, before other words of its cookie:");
        ret_notes->push_back("lxc.seccomp.notify.cookie = " + word);
    }
    return merge_lxc(base, all);
}

std::string write_lxc(const recipe &r, std::span<const claim> wanted, std::vector<std::string> *ret_notes)
{
    if (!r.metadata.empty()) {
        throw std::runtime_error("profiles of LXC have no metadata: set lxc.seccomp.notify.cookie = " +
                                 r.metadata + " in the container's configuration");
    }
    const auto opens = std::find_if(wanted.begin(), wanted.end(), [](const claim &c) {
        return c.notifies() && (c.syscall == "open" || c.syscall == "openat" || c.syscall == "openat2");
    });
    if (opens != wanted.end()) {
        throw std::runtime_error(
            opens->syscall +
            " cannot be handed over under LXC: it opens files between loading the filter and "
            "giving its listener away, and the container would never start; use an OCI "
            "runtime, or leave it disabled");
    }
    if (r.base == "none") {
        return merge_lxc(empty_lxc(), wanted);
    }
    const std::string file = r.base == "default" ? lxc_default : r.base;
    const std::string text = read_profile(file);
    try {
        return merge_into(parse_lxc(text), r, wanted, ret_notes);
    } catch (const std::exception &e) {
        throw std::runtime_error(file + ": " + e.what());
    }
}

/// Adds the flags that the runtime takes, and leaves out those that it refuses.
void add_flags(json &profile, const runtime &r)
{
    const auto accepted = r.flags();
    if (!accepted) {
        return;
    }
    const auto takes = [&](const json &flag) {
        return std::any_of(accepted->begin(), accepted->end(),
                           [&](const std::string &a) { return flag == a; });
    };
    json flags = json::array();
    const json old = profile.value("flags", json::array());
    for (const json &flag : old) {
        if (takes(flag) && flag != wait_killable) {
            flags.push_back(flag);
        }
    }
    if (takes(wait_killable)) {
        if (old.empty()) {
            flags.push_back(spec_allow); // what runtimes set where a profile names no flags
        }
        flags.push_back(wait_killable);
    }
    profile.erase("flags");
    if (!flags.empty()) {
        profile["flags"] = flags;
    }
}

} // namespace

format format_by_name(const std::string &name)
{
    const std::vector<std::string> known = {"oci", "docker", "lxc"};
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
        throw std::runtime_error("no format " + name + did_you_mean(name, known) +
                                 "; there are oci, docker and lxc");
    }
    return static_cast<format>(found - known.begin());
}

json with_listener(json profile, const recipe &r, std::span<const claim> wanted)
{
    if (profile.is_null()) {
        profile = empty_profile(r.kind);
    }
    merge(profile, wanted);
    if (!any_notifies(wanted) && !r.audit_denied) {
        if (!r.metadata.empty()) {
            throw std::runtime_error(
                "metadata goes with a listener, and nothing is enabled: --enable says what");
        }
        return profile;
    }
    if (!r.socket.starts_with('/') || r.socket.size() > longest_socket) {
        throw std::runtime_error("the socket must be an absolute path of at most 107 bytes: " + r.socket);
    }
    if (r.for_runtime && !r.for_runtime->keeps_listener()) {
        throw std::runtime_error(
            r.for_runtime->text() +
            " drops listenerPath from profiles: use deputy-runtime with it, or a newer one");
    }
    if (r.for_runtime) {
        add_flags(profile, *r.for_runtime);
    }
    profile["listenerPath"] = r.socket;
    profile.erase("listenerMetadata");
    if (!r.metadata.empty()) {
        profile["listenerMetadata"] = r.metadata;
    }
    return profile;
}

std::string write_profile(const recipe &r, std::span<const claim> wanted, std::vector<std::string> *ret_notes)
{
    if (r.audit_denied) {
        check_can_audit(r);
    }
    if (r.kind == format::lxc) {
        return write_lxc(r, wanted, ret_notes);
    }
    recipe whole = r;
    std::vector<claim> all(wanted.begin(), wanted.end());
    json base = read_base(r);
    if (r.kind == format::oci || r.audit_denied) { // which errno a call has must not depend on the container
        base = resolve(base, r.where);
    }
    if (r.audit_denied) {
        whole.metadata += (r.metadata.empty() ? "" : " ") + add_denied(base, all, ret_notes);
    }
    return with_listener(std::move(base), whole, all).dump(1, '\t') + "\n";
}

std::string read_profile(const std::filesystem::path &file)
{
    std::ifstream in(file, std::ios::binary);
    std::string text(largest_profile + 1, '\0');
    if (!in.read(text.data(), static_cast<std::streamsize>(text.size())) && in.gcount() == 0) {
        throw std::runtime_error("cannot read " + file.string() + ": " +
                                 (errno != 0 ? std::strerror(errno) : "it is empty"));
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > largest_profile) {
        throw std::runtime_error(file.string() + " is no profile: it has more than 4 MiB");
    }
    return text;
}

json parse_profile(const std::string &text)
{
    json p;
    try {
        p = json::parse(text);
    } catch (const json::exception &e) {
        throw std::runtime_error(std::string("not JSON: ") + e.what());
    }
    if (p.is_object() && p.contains("linux") && p["linux"].is_object() && p["linux"].contains("seccomp")) {
        return p["linux"]["seccomp"];
    }
    return p;
}

} // namespace deputyd::profile

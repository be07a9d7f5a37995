// SPDX-License-Identifier: Apache-2.0
#include "intake/oci_state.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/metadata_word.hpp"

namespace deputyd
{
namespace
{

using nlohmann::json;

constexpr std::string_view listener_name = "seccompFd";

std::string text_of(const json &object, const char *key)
{
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// state.pid is the init's also for an exec'd process, where the message's own pid is not. crun sends 0.
pid_t pid_of(const json &state)
{
    const auto found = state.find("pid");
    if (found == state.end() || !found->is_number_unsigned() ||
        found->get<std::uint64_t>() > 1u << 22) { // PID_MAX_LIMIT
        return 0;
    }
    return found->get<pid_t>();
}

oci_parsed wrong(std::string reason)
{
    return {oci_progress::wrong, {}, std::move(reason)};
}

oci_parsed read_members(const json &message)
{
    if (!message.is_object()) {
        return wrong("the message is not a JSON object");
    }
    const auto state = message.find("state");
    if (state == message.end() || !state->is_object()) {
        return wrong("the message has no state object");
    }
    oci_parsed parsed{oci_progress::complete, {}, ""};
    oci_state &s = parsed.state;
    s.id = text_of(*state, "id");
    s.bundle = text_of(*state, "bundle");
    s.status = text_of(*state, "status");
    s.metadata = text_of(message, "metadata");
    s.pid = pid_of(*state);
    if (s.id.empty()) {
        return wrong("the state has no id");
    }
    if (const auto notes = state->find("annotations"); notes != state->end() && notes->is_object()) {
        for (const auto &[key, value] : notes->items()) {
            if (value.is_string()) {
                s.annotations.emplace(key, value.get<std::string>());
            }
        }
    }
    const auto fds = message.find("fds");
    if (fds == message.end() || !fds->is_array()) {
        return wrong("the message does not name its descriptors in fds");
    }
    for (const auto &name : *fds) {
        s.fds.push_back(name.is_string() ? name.get<std::string>() : "");
    }
    return parsed;
}

} // namespace

std::string policy_word(std::string_view text)
{
    return metadata_word(text, "policy");
}

std::string name_word(std::string_view text)
{
    return metadata_word(text, "name");
}

std::string denied_word(std::string_view text)
{
    return metadata_word(text, "denied");
}

bool oci_state::listener_index(std::size_t descriptors, std::size_t &ret_index) const
{
    const auto found = std::find(fds.begin(), fds.end(), listener_name);
    const auto index = static_cast<std::size_t>(found - fds.begin());
    if (found == fds.end() || index >= descriptors) {
        return false;
    }
    ret_index = index;
    return true;
}

std::string oci_state::policy() const
{
    if (auto named = policy_word(metadata); !named.empty()) {
        return named;
    }
    const auto note = annotations.find("deputy.policy");
    return note == annotations.end() ? "" : note->second;
}

oci_parsed parse_oci_state(std::string_view text)
{
    try {
        return read_members(json::parse(text));
    } catch (const json::parse_error &e) {
        // The parser says at which byte it stopped: only at the end of the text can more bytes help.
        if (e.byte > text.size()) {
            return {oci_progress::incomplete, {}, ""};
        }
        return wrong(fmt::format("not JSON at byte {}: {}", e.byte, escaped(e.what())));
    } catch (const json::exception &e) { // a number that is too large
        return wrong(escaped(e.what()));
    }
}

} // namespace deputyd

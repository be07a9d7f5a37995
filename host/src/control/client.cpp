// SPDX-License-Identifier: Apache-2.0
#include "control/client.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"

namespace deputyd
{
namespace
{

std::string why_not(const std::filesystem::path &socket)
{
    if (::access(socket.c_str(), R_OK | W_OK) == 0) {
        return "nobody answers there: is deputyd running?";
    }
    return errno == ENOENT ? "there is no such socket: is deputyd running, with another --socket-dir?"
                           : std::strerror(errno) + std::string(": run it as root");
}

/// Asks until somebody answers, for a second if there is a socket: a host may just follow another, or many
/// may ask.
httplib::Result ask(httplib::Client &client, const std::filesystem::path &socket,
                    const std::function<httplib::Result()> &once)
{
    constexpr int tries = 20;
    constexpr auto pause = std::chrono::milliseconds(50);
    client.set_address_family(AF_UNIX);
    httplib::Result answer = once();
    for (int i = 0; i < tries && answer.error() == httplib::Error::Connection &&
                    ::access(socket.c_str(), R_OK | W_OK) == 0;
         ++i) {
        std::this_thread::sleep_for(pause);
        answer = once();
    }
    return answer;
}

/// @throw std::runtime_error unless it is an answer.
void check(const httplib::Result &answer, const std::filesystem::path &socket)
{
    if (!answer) {
        throw std::runtime_error(
            fmt::format("deputyd cannot be asked at {}: {}", socket.string(), why_not(socket)));
    }
    if (answer->status == 400) { // the reason is for whoever asked
        throw std::runtime_error(answer->body.substr(0, answer->body.find('\n')));
    }
    if (answer->status != 200) {
        throw std::runtime_error(fmt::format("deputyd answers with status {}: {}", answer->status,
                                             escaped(answer->body.substr(0, 200))));
    }
}

/// @throw std::runtime_error unless it is an answer in JSON.
nlohmann::json body_of(const httplib::Result &answer, const std::filesystem::path &socket)
{
    check(answer, socket);
    nlohmann::json body = nlohmann::json::parse(answer->body, nullptr, false);
    if (body.is_discarded()) {
        throw std::runtime_error(fmt::format("what answers at {} is no deputyd", socket.string()));
    }
    return body;
}

} // namespace

std::string in_url(const std::string &value)
{
    std::string text;
    for (const char c : value) {
        text += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
    return text;
}

nlohmann::json ask_daemon(const std::filesystem::path &socket, const std::string &path)
{
    httplib::Client client(socket.string());
    return body_of(ask(client, socket, [&] { return client.Get(path); }), socket);
}

nlohmann::json tell_daemon(const std::filesystem::path &socket, const std::string &path,
                           const std::string &body)
{
    httplib::Client client(socket.string());
    return body_of(ask(client, socket, [&] { return client.Post(path, body, "application/json"); }), socket);
}

void read_daemon(const std::filesystem::path &socket, const std::string &path,
                 const std::function<bool(const std::string &line)> &take)
{
    constexpr time_t patience_seconds = 10; // an empty line comes each second
    httplib::Client client(socket.string());
    client.set_read_timeout(patience_seconds);
    bool ended = false;
    int status = 0;
    std::string rest;
    const auto take_head = [&](const httplib::Response &head) {
        status = head.status;
        return true;
    };
    const auto take_part = [&](const char *bytes, std::size_t size) {
        rest.append(bytes, size);
        for (std::size_t end = 0; status == 200 && !ended && (end = rest.find('\n')) != rest.npos;) {
            const std::string line = rest.substr(0, end);
            rest.erase(0, end + 1);
            ended = !line.empty() && !take(line);
        }
        return !ended;
    };
    const auto answer = ask(client, socket, [&] { return client.Get(path, take_head, take_part); });
    if (ended) {
        return;
    }
    if (status != 0 && status != 200) {
        throw std::runtime_error(fmt::format("deputyd answers with status {}: {}", status, escaped(rest)));
    }
    if (status == 0) {
        check(answer, socket);
    }
    throw std::runtime_error("deputyd has ended, or another host has taken over");
}

} // namespace deputyd

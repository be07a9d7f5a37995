// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/loopback_address.hpp"

namespace deputyd
{

/// What a client has asked for cannot be: the reason and the remedy.
class bad_request : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

/// Answers HTTP: over the control socket, a Unix socket that root alone can connect to, or over TCP for this
/// machine alone. A few threads of its own serve one request a connection; a client that is slow costs one of
/// them for two seconds, and for ten if it is slow to read.
class control_server
{
public:
    control_server();
    ~control_server();
    control_server(const control_server &) = delete;
    control_server &operator=(const control_server &) = delete;

    using parameters = std::multimap<std::string, std::string>; ///< of a request
    struct request {
        parameters params;
        std::string body;
    };
    /// Make the body of an answer, on one of the server's threads. A bad_request becomes status 400, what
    /// else they throw becomes status 500.
    using answer = std::function<std::string()>;
    using answer_to = std::function<std::string(const request &r)>;
    /// Makes the next part of an answer, empty if there is none yet, in a second or less. It goes on until
    /// the client has gone.
    using source = std::function<std::string()>;
    using open_source = std::function<source(const parameters &p)>;

    /// Before start().
    void get(const std::string &path, const std::string &content_type, answer a);
    void get(const std::string &path, const std::string &content_type, answer_to a);
    void post(const std::string &path, const std::string &content_type, answer_to a);
    /// The same for an answer that goes on; at most two at once, and more get status 503.
    void stream(const std::string &path, const std::string &content_type, open_source open);
    /// Replaces a socket that is there.
    /// @throw std::runtime_error.
    void start(const std::filesystem::path &socket);
    /// The same over TCP. @throw std::runtime_error naming the address and the reason.
    void start(const loopback_address &where);
    /// Listens no more, and waits for nobody: the destructor does. Again: does nothing.
    void stop() noexcept;

private:
    /// @param port ignored for a Unix socket. @return errno, or 0.
    int listen(const std::string &host, int port);

    struct state;
    std::unique_ptr<state> state_;
};

} // namespace deputyd

// SPDX-License-Identifier: Apache-2.0
#include "control/server.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <semaphore>
#include <set>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <httplib.h>

#include "control/client_stream.hpp"

namespace deputyd
{
namespace
{

constexpr std::size_t most_requests_at_once = 6;
constexpr int most_streams = 2;

/// A few threads. Who accepts waits until one is free: further connections wait in the kernel then, and cost
/// neither descriptors nor memory of the host.
class few_threads final : public httplib::TaskQueue
{
public:
    void enqueue(std::function<void()> request) override
    {
        free_.acquire();
        pool_.enqueue([this, request = std::move(request)] {
            request();
            free_.release();
        });
    }
    void shutdown() override { pool_.shutdown(); }

private:
    std::counting_semaphore<> free_{most_requests_at_once};
    httplib::ThreadPool pool_{most_requests_at_once};
};

/// One request a connection, within the limits of client_stream.
class limited_server final : public httplib::Server
{
public:
    std::set<std::string> endless; ///< paths of answers that go on
    std::set<std::string> changes; ///< paths that take a body, by POST

private:
    bool process_and_close_socket(int fd) override
    {
        bool answered = false;
        try {
            client_stream client(fd);
            constexpr bool is_last = true;
            bool ignored = false;
            answered = process_request(client, is_last, ignored, [&](httplib::Request &r) {
                r.ranges.clear(); // many of them would multiply an answer
                if (endless.contains(r.path)) {
                    client.goes_on();
                }
            });
        } catch (const std::exception &) { // out of memory
        }
        ::shutdown(fd, SHUT_RDWR);
        ::close(fd);
        return answered;
    }
};

/// Nobody reads what a request may carry but where something is changed, and no compressed body, which a few
/// bytes could make endless.
httplib::Server::HandlerResponse refuse_others(const std::set<std::string> &changes,
                                               const httplib::Request &request, httplib::Response &r)
{
    const bool is_change = changes.contains(request.path);
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (is_change ? request.method == "POST" : reads) {
        if (!is_change || !request.has_header("Content-Encoding")) {
            return httplib::Server::HandlerResponse::Unhandled;
        }
        r.status = 415;
        return httplib::Server::HandlerResponse::Handled;
    }
    r.status = 405;
    r.set_header("Allow", is_change ? "POST" : "GET, HEAD");
    return httplib::Server::HandlerResponse::Handled;
}

httplib::Server::Handler handler_of(const std::string &content_type, control_server::answer_to make)
{
    return [content_type, make = std::move(make)](const httplib::Request &request, httplib::Response &r) {
        const auto refuse = [&](int status, const std::exception &why) {
            r.status = status;
            r.set_content(std::string(why.what()) + "\n", "text/plain");
        };
        try {
            r.set_content(make({request.params, request.body}), content_type);
        } catch (const bad_request &e) {
            refuse(400, e);
        } catch (const std::exception &e) {
            refuse(500, e);
        }
    };
}

} // namespace

struct control_server::state {
    std::atomic<int> streams{0};
    std::atomic<bool> over{false};
    limited_server server;
    std::thread thread;
};

control_server::control_server() : state_(std::make_unique<state>())
{
    state_->server.set_pre_routing_handler(
        [&server = state_->server](const httplib::Request &request, httplib::Response &r) {
            return refuse_others(server.changes, request, r);
        });
    state_->server.new_task_queue = [] { return new few_threads; };
}

control_server::~control_server()
{
    stop();
    if (state_->thread.joinable()) {
        state_->thread.join();
    }
}

void control_server::get(const std::string &path, const std::string &content_type, answer a)
{
    get(path, content_type, [a = std::move(a)](const request &) { return a(); });
}

void control_server::get(const std::string &path, const std::string &content_type, answer_to a)
{
    state_->server.Get(path, handler_of(content_type, std::move(a)));
}

void control_server::post(const std::string &path, const std::string &content_type, answer_to a)
{
    state_->server.changes.insert(path);
    state_->server.Post(path, handler_of(content_type, std::move(a)));
}

void control_server::stream(const std::string &path, const std::string &content_type, open_source open)
{
    state_->server.endless.insert(path);
    state_->server.Get(path, [this, content_type, open = std::move(open)](const httplib::Request &request,
                                                                          httplib::Response &r) {
        // A place among the streams, until the answer is over.
        const std::shared_ptr<void> place(nullptr, [s = state_.get()](void *) { s->streams.fetch_sub(1); });
        if (state_->streams.fetch_add(1) >= most_streams) {
            r.status = 503;
            r.set_content(fmt::format("{} clients are served already; end one\n", most_streams),
                          "text/plain");
            return;
        }
        r.set_chunked_content_provider(
            content_type, [this, place, next = open(request.params)](std::size_t, httplib::DataSink &sink) {
                const std::string part = next();
                // An empty line finds out whether the client is still there.
                const std::string &sent = part.empty() ? "\n" : part;
                return state_->server.is_running() && sink.write(sent.data(), sent.size());
            });
    });
}

void control_server::start(const std::filesystem::path &socket)
{
    ::unlink(socket.c_str());
    state_->server.set_address_family(AF_UNIX);
    // The mode of the socket before it has a name.
    state_->server.set_socket_options([](socket_t fd) { ::fchmod(fd, S_IRUSR | S_IWUSR); });
    constexpr int ignored_port = 80;
    if (const int error = listen(socket, ignored_port); error != 0) {
        throw std::runtime_error(
            fmt::format("the control socket {} cannot be made: {}", socket.string(), std::strerror(error)));
    }
}

void control_server::start(const loopback_address &where)
{
    state_->server.set_address_family(where.is_v6() ? AF_INET6 : AF_INET);
    // Not SO_REUSEPORT, which is the default: two would share what comes.
    state_->server.set_socket_options([](socket_t fd) {
        const int on = 1;
        ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    if (const int error = listen(where.host, where.port); error != 0) {
        throw std::runtime_error(fmt::format("the metrics cannot be served at {}: {}{}", where.text(),
                                             std::strerror(error),
                                             error == EADDRINUSE ? "; choose another port" : ""));
    }
}

void control_server::stop() noexcept
{
    state_->server.stop();
}

int control_server::listen(const std::string &host, int port)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // for the threads that begin now
    errno = 0;
    const bool bound = state_->server.bind_to_port(host, port);
    const int error = errno != 0 ? errno : EINVAL; // the library may say nothing
    if (bound) {
        state_->thread = std::thread([s = state_.get()] {
            s->server.listen_after_bind();
            s->over = true;
        });
        while (!state_->server.is_running() && !state_->over) { // before that, stop() would have no effect
            std::this_thread::yield();
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return bound ? 0 : error;
}

} // namespace deputyd

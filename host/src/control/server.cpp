// SPDX-License-Identifier: Apache-2.0
#include "control/server.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <httplib.h>

namespace deputyd
{
namespace
{

constexpr std::size_t most_requests_at_once = 6;
constexpr int most_streams = 2;
constexpr time_t patience_seconds = 2;
constexpr std::size_t most_of_a_request = 65536;

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
    httplib::Server server;
    std::thread thread;
};

control_server::control_server() : state_(std::make_unique<state>())
{
    httplib::Server &s = state_->server;
    s.set_address_family(AF_UNIX);
    // The mode of the socket before it has a name.
    s.set_socket_options([](socket_t fd) { ::fchmod(fd, S_IRUSR | S_IWUSR); });
    s.set_read_timeout(patience_seconds);
    s.set_write_timeout(patience_seconds);
    s.set_keep_alive_max_count(1);
    s.set_payload_max_length(most_of_a_request);
    s.new_task_queue = [] { return new httplib::ThreadPool(most_requests_at_once); };
}

control_server::~control_server()
{
    state_->server.stop();
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
    state_->server.Post(path, handler_of(content_type, std::move(a)));
}

void control_server::stream(const std::string &path, const std::string &content_type, open_source open)
{
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
    constexpr int ignored_port = 80;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // for the threads that begin now
    const bool bound = state_->server.bind_to_port(socket, ignored_port);
    const int error = errno;
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
    if (!bound) {
        throw std::runtime_error(
            fmt::format("the control socket {} cannot be made: {}", socket.string(), std::strerror(error)));
    }
}

} // namespace deputyd

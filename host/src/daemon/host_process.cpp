// SPDX-License-Identifier: Apache-2.0
#include "daemon/host_process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <future>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/descriptor_limit.hpp"
#include "base/event_loop.hpp"
#include "base/json_text.hpp"
#include "base/log.hpp"
#include "control/prometheus.hpp"
#include "control/server.hpp"
#include "control/views.hpp"
#include "daemon/dead_journal.hpp"
#include "daemon/intake_sockets.hpp"
#include "daemon/keeper_link.hpp"
#include "daemon/metrics_endpoint.hpp"
#include "intake/containers.hpp"
#include "notify/host.hpp"
#include "notify/listener.hpp"
#include "notify/lxc_channel.hpp"
#include "notify/received_fds.hpp"

namespace deputyd
{
namespace
{

/// The generation of a container id is its upper half.
constexpr int generation_shift = 32;

bool is_kind(const kept_entry &e, const char *kind)
{
    return e.record.is_object() && e.record.value("kind", "") == kind;
}

deputy::unique_fd duplicate(int fd)
{
    deputy::unique_fd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) {
        throw std::runtime_error(fmt::format("a descriptor cannot be duplicated: {}", std::strerror(errno)));
    }
    return copy;
}

bool hung_up(int fd)
{
    pollfd p{fd, 0, 0};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLNVAL)) != 0;
}

bool has_request(int connection)
{
    char c = 0;
    return recv(connection, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

std::unique_ptr<channel> make_channel(bool is_lxc, deputy::unique_fd fd, const std::string &name)
{
    if (is_lxc) {
        return std::make_unique<lxc_channel>(std::move(fd), name);
    }
    return std::make_unique<listener>(std::move(fd));
}

trace_filter filter_of(const control_server::parameters &p)
{
    const auto value = [&](const char *name) {
        const auto found = p.find(name);
        return found == p.end() ? std::string() : found->second;
    };
    return {value("container"), value("syscall"), !value("failed").empty()};
}

/// The host of the daemon: everything of one process that serves. Main thread. Never destroyed.
class host_process
{
public:
    host_process(const host_options &options, int keeper_socket)
        : options_(options), keeper_(deputy::unique_fd(keeper_socket)), plugins_(plugin_extensions()),
          sink_([this](const arrival &a, deputy::unique_fd fd) { adopt(a, std::move(fd)); }),
          sockets_(loop_, keeper_, sink_, [this](const char *what) { return new_name(what); }),
          metrics_(loop_, metrics_text())
    {
    }

    void start()
    {
        std::vector<kept_entry> entries = keeper_.take_entries();
        set_generation(entries);
        const configuration config = read_configuration(options_.config, options_.socket_directory);
        load_enabled(plugins_, *config.rules, options_.plugin_directory);
        check_policies(*config.rules, plugins_);
        plugins_.ready();
        for (auto &entry : entries) {
            take_socket(entry);
        }
        start_metrics(config.observing); // first: what is stored makes the keeper try again
        sockets_.use(config.sockets);
        // Nothing is wrong, so from here on there is something that must not be lost.
        host::settings s;
        s.generation = generation_;
        s.audit = config.observing.audit;
        host_.emplace(s);
        keeper_.store(new_name("journal"), {{"kind", "journal"}, {"generation", generation_}},
                      {host_->journal_fd()});
        containers_.emplace(*host_, plugins_, loop_, (generation_ << generation_shift) + 1);
        containers_->use(config.rules);
        answer_for_the_dead(entries);
        for (auto &entry : entries) {
            take_over(std::move(entry));
        }
        loop_.add(keeper_.fd(), EPOLLIN, [this](std::uint32_t) { read_keeper(); });
        start_control();
        keeper_.say(message_kind::ready);
    }

    void serve() { loop_.run(); }

private:
    std::string new_name(const char *what) { return fmt::format("{}-{}-{}", what, generation_, ++names_); }

    /// What the control socket is asked, on the main thread, which has the answer.
    control_server::answer on_main_thread(std::function<std::string()> answer)
    {
        return [this, answer = std::move(answer)] {
            constexpr auto patience = std::chrono::seconds(5);
            const auto promised = std::make_shared<std::promise<std::string>>();
            auto made = promised->get_future();
            loop_.post([promised, answer] {
                try {
                    promised->set_value(answer());
                } catch (...) { // for who asked, not for the host
                    promised->set_exception(std::current_exception());
                }
            });
            if (made.wait_for(patience) != std::future_status::ready) {
                throw std::runtime_error("the host has no time to answer; try again");
            }
            return made.get();
        };
    }

    control_server::answer metrics_text()
    {
        return on_main_thread([this] { return prometheus_text(host_->numbers(), plugins_); });
    }

    /// A wrong address is noticed by who starts the daemon; a later host does not keep containers waiting for
    /// it.
    void start_metrics(const observing_config &config)
    {
        if (generation_ == 1) {
            metrics_.commit(metrics_.prepare(config.metrics));
        } else {
            metrics_.insist(config.metrics);
        }
    }

    /// Without it the host serves all the same.
    void start_control()
    {
        control_.get("/v1/containers", "application/json", on_main_thread([this] {
                         return json_text(view_of_containers(containers_->entries(), host_->numbers()));
                     }));
        control_.get("/v1/statistics", "application/json", on_main_thread([this] {
                         return json_text(view_of_statistics(host_->numbers(), plugins_));
                     }));
        control_.get("/metrics", prometheus_content_type, metrics_text());
        control_.stream("/v1/trace", "application/x-ndjson", [this](const control_server::parameters &p) {
            return trace_source(host_->trace(filter_of(p)));
        });
        try {
            std::filesystem::create_directories(options_.socket_directory);
            control_.start(options_.socket_directory / control_socket_name);
        } catch (const std::exception &e) {
            log().error("{}", e.what());
        }
    }

    /// One more than the highest that is recorded: ids and names that were given stay the only ones.
    void set_generation(const std::vector<kept_entry> &entries)
    {
        for (const auto &e : entries) {
            if (is_kind(e, "journal")) {
                generation_ = std::max(generation_, e.record.value("generation", std::uint64_t{0}) + 1);
            }
        }
    }

    void answer_for_the_dead(const std::vector<kept_entry> &entries)
    {
        std::vector<int> listeners;
        for (const auto &e : entries) {
            if (is_kind(e, "listener") && !e.fds.empty() && e.record.value("protocol", "") == "oci") {
                listeners.push_back(e.fds.front().get());
            }
        }
        for (const auto &e : entries) {
            if (!is_kind(e, "journal")) {
                continue;
            }
            const dead_calls dead =
                e.fds.empty() ? dead_calls{} : answer_calls_of_dead(e.fds.front().get(), listeners);
            if (dead.answered != 0) {
                log().warn("{} calls that were in flight when the host ended are refused", dead.answered);
            }
            lost_elsewhere_ = lost_elsewhere_ || dead.elsewhere != 0;
            keeper_.remove(e.name);
        }
    }

    void take_socket(kept_entry &entry)
    {
        const bool is_activation = entry.name.starts_with("activation-");
        if (!entry.fds.empty() && (is_activation || is_kind(entry, "socket"))) {
            sockets_.take(kept_entry{entry.name, std::move(entry.record), std::move(entry.fds)});
            entry.name.clear();
        }
    }

    void take_over(kept_entry entry)
    {
        if (entry.name.empty() || is_kind(entry, "journal")) {
            return;
        }
        if (!is_kind(entry, "listener")) {
            log().error("{} is kept and nobody knows what it is: it is dropped", entry.name);
        } else if (!entry.fds.empty() && !hung_up(entry.fds.front().get())) {
            restore(std::move(entry));
            return;
        }
        keeper_.remove(entry.name);
    }

    /// A listener that cannot be served now stays with us: its calls wait for a reload that helps.
    void restore(kept_entry entry)
    {
        try {
            const bool is_lxc = entry.record.value("protocol", "") == "lxc";
            if (is_lxc && lost_elsewhere_ && !has_request(entry.fds.front().get())) {
                give_up(entry);
                return;
            }
            const nlohmann::json &record = entry.record.at("container");
            containers_->restore(record,
                                 make_channel(is_lxc, duplicate(entry.fds.front().get()), record.at("name")),
                                 [this, name = entry.name] { keeper_.remove(name); });
        } catch (const std::exception &e) {
            log().error("a listener of an earlier host cannot be served, its calls wait until a reload: {}",
                        escaped(e.what()));
            waiting_.push_back(std::move(entry));
        }
    }

    /// The monitor of LXC may wait here for an answer that nobody can give. It says ENOSYS for that at once
    /// when the connection ends, and if it does not wait it connects anew for its next request.
    void give_up(const kept_entry &entry)
    {
        shutdown(entry.fds.front().get(), SHUT_RDWR);
        keeper_.remove(entry.name);
    }

    void retry_waiting()
    {
        std::vector<kept_entry> again;
        again.swap(waiting_);
        for (auto &entry : again) {
            take_over(std::move(entry));
        }
    }

    /// Serves what an acceptor took. The keeper has it first: no crash loses it.
    void adopt(const arrival &a, deputy::unique_fd fd)
    {
        const deputy::unique_fd kept = duplicate(fd.get());
        const std::string name = new_name("listener");
        const bool is_lxc = !is_seccomp_listener(fd.get());
        bool stored = false;
        try {
            containers_->adopt(
                a, make_channel(is_lxc, std::move(fd), a.name), [this, name] { keeper_.remove(name); },
                [&](const nlohmann::json &record) {
                    keeper_.store(
                        name,
                        {{"kind", "listener"}, {"protocol", is_lxc ? "lxc" : "oci"}, {"container", record}},
                        {kept.get()});
                    stored = true;
                });
        } catch (const std::exception &e) {
            if (stored) {
                keeper_.remove(name);
            }
            throw std::runtime_error(e.what());
        }
    }

    void read_keeper()
    {
        for (;;) {
            const auto m = keeper_.receive();
            if (!m) {
                if (m.error_number() == EAGAIN) {
                    return;
                }
                continue;
            }
            if (m->kind == message_kind::ping) {
                keeper_.say(message_kind::pong);
            } else if (m->kind == message_kind::reload) {
                reload();
            } else if (m->kind == message_kind::drain) {
                drain();
            }
        }
    }

    void reload()
    {
        try {
            const configuration config = read_configuration(options_.config, options_.socket_directory);
            for (loaded_plugin *unready : load_enabled(plugins_, *config.rules, options_.plugin_directory)) {
                unready->ready();
            }
            check_policies(*config.rules, plugins_);
            auto metrics = metrics_.prepare(config.observing.metrics);
            sockets_.use(config.sockets);
            metrics_.commit(std::move(metrics));
            containers_->use(config.rules);
            host_->set_audit(config.observing.audit);
            log().info("the configuration is read again");
            retry_waiting();
            keeper_.say(message_kind::reloaded, 0);
        } catch (const std::exception &e) {
            log().error("the configuration stays as it was: {}", e.what());
            keeper_.say(message_kind::reloaded, 1);
        }
    }

    /// Answers the calls in flight; those that come wait for a successor, or for ENOSYS if there is none.
    [[noreturn]] void drain()
    {
        // What runtimes have sent is in our hands, and lost if nobody takes it.
        loop_.remove(keeper_.fd());
        loop_.run_pending();
        metrics_.commit({}); // its address is the successor's
        host_->stop();
        keeper_.say(message_kind::ended);
        _exit(0);
    }

    const host_options options_;
    keeper_link keeper_;
    event_loop loop_;
    plugin_set plugins_;
    std::optional<host> host_;
    std::optional<containers> containers_;
    const arrival_sink sink_;
    intake_sockets sockets_;
    metrics_endpoint metrics_;
    std::vector<kept_entry> waiting_;
    control_server control_;
    bool lost_elsewhere_ = false; ///< a call was in flight, through LXC perhaps
    std::uint64_t generation_ = 1;
    std::uint64_t names_ = 0;
};

/// What a terminal or a service manager sends to all processes is the keeper's business.
void ignore_signals()
{
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE}) {
        signal(number, SIG_IGN);
    }
}

} // namespace

void run_host(const host_options &options, int keeper_socket)
{
    ignore_signals();
    raise_descriptor_limit();
    fcntl(keeper_socket, F_SETFD, FD_CLOEXEC);
    auto *process = new host_process(options, keeper_socket);
    process->start();
    process->serve();
    _exit(0);
}

} // namespace deputyd

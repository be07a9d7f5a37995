// SPDX-License-Identifier: Apache-2.0
#include "daemon/host_process.hpp"

#include <algorithm>
#include <atomic>
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
#include "base/nearest.hpp"
#include "control/flag_request.hpp"
#include "control/handling.hpp"
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
#include "plugin/plugin_directory.hpp"

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

std::string value_of(const control_server::parameters &p, const char *name)
{
    const auto found = p.find(name);
    return found == p.end() ? std::string() : found->second;
}

trace_filter filter_of(const control_server::parameters &p)
{
    return {value_of(p, "container"), value_of(p, "syscall"), !value_of(p, "failed").empty()};
}

std::string no_policy(const std::string &name, const policies &all)
{
    return fmt::format("there is no policy {}{}", escaped(name), did_you_mean(name, all.names()));
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
        load_enabled(plugins_, *config.rules, options_.enabled, options_.plugin_directory);
        check_policies(*config.rules, plugins_);
        rule_book book = first_book(config, flags_of(entries));
        for (auto &entry : entries) {
            take_socket(entry);
        }
        sockets_.use(sockets_.prepare(config.sockets));
        // Nothing is wrong, so from here on there is something that must not be lost.
        host::settings s;
        s.generation = generation_;
        s.audit = config.observing.audit;
        host_.emplace(s);
        keeper_.store(new_name("journal"), {{"kind", "journal"}, {"generation", generation_}},
                      {host_->journal_fd()});
        containers_.emplace(*host_, plugins_, loop_, (generation_ << generation_shift) + 1);
        containers_->use(std::move(book));
        answer_for_the_dead(entries);
        for (auto &entry : entries) {
            take_over(std::move(entry));
        }
        loop_.add(keeper_.fd(), EPOLLIN, [this](std::uint32_t) { read_keeper(); });
        metrics_.insist(config.observing.metrics); // nobody who has the address keeps containers waiting
        start_control();
        keeper_.say(message_kind::ready);
    }

    void serve() { loop_.run(); }

private:
    std::string new_name(const char *what) { return fmt::format("{}-{}-{}", what, generation_, ++names_); }

    /// What the control socket is asked, on the main thread, which has the answer.
    control_server::answer_to on_main_thread(control_server::answer_to answer)
    {
        return [this, answer = std::move(answer)](const control_server::request &asked) {
            constexpr auto patience = std::chrono::seconds(5);
            const auto promised = std::make_shared<std::promise<std::string>>();
            const auto given_up = std::make_shared<std::atomic<bool>>(false);
            auto made = promised->get_future();
            loop_.post([promised, given_up, answer, asked] {
                if (given_up->exchange(true)) {
                    return; // who asked was told that it has not happened
                }
                try {
                    promised->set_value(answer(asked));
                } catch (...) { // for who asked, not for the host
                    promised->set_exception(std::current_exception());
                }
            });
            if (made.wait_for(patience) != std::future_status::ready && !given_up->exchange(true)) {
                throw std::runtime_error("the host has no time to answer; try again");
            }
            return made.get();
        };
    }

    /// Flags that a predecessor was given by "deputy enable": an operator's word holds as long as the keeper.
    std::map<std::string, flags> flags_of(const std::vector<kept_entry> &entries)
    {
        std::map<std::string, flags> by_policy;
        for (const auto &e : entries) {
            if (!is_kind(e, "flags")) {
                continue;
            }
            try {
                for (const auto &[policy, arguments] : e.record.at("policies").items()) {
                    by_policy[policy] = flags::of_arguments(arguments);
                    load_again(by_policy[policy]);
                }
            } catch (const std::exception &error) {
                log().error("what deputy enable and disable said is lost: {}", error.what());
            }
        }
        return by_policy;
    }

    /// The plugins that flags name, those too that they turn off: their calls get what those declare. One
    /// that is gone since leaves its calls without a handler, and the host serves the others.
    void load_again(const flags &kept)
    {
        for (const std::string &name : kept.named()) {
            try {
                const std::vector<std::string> one = {name};
                load_plugins(plugins_, {}, one, options_.plugin_directory);
            } catch (const std::exception &e) {
                log().error("deputy enable or disable named {}, and now it cannot be loaded: {}", name,
                            e.what());
            }
        }
    }

    rule_book ready_book(const configuration &config, std::map<std::string, flags> by_policy)
    {
        rule_book book =
            make_rule_book(config.rules, config.matches, {options_.enabled, std::move(by_policy)}, plugins_);
        make_ready(book);
        return book;
    }

    /// What was turned on at run time and does not work any more keeps no host from starting.
    rule_book first_book(const configuration &config, std::map<std::string, flags> by_policy)
    {
        try {
            return ready_book(config, by_policy);
        } catch (const std::exception &e) {
            if (by_policy.empty()) {
                throw;
            }
            log().error("what deputy enable turned on is off: {}", e.what());
        }
        for (auto &[policy, own] : by_policy) {
            own = own.disabling();
        }
        return ready_book(config, std::move(by_policy));
    }

    void keep_flags(const flags_over &over)
    {
        nlohmann::json policies = nlohmann::json::object();
        for (const auto &[name, own] : over.by_policy) {
            policies[name] = own.arguments();
        }
        keeper_.store("flags", {{"kind", "flags"}, {"policies", std::move(policies)}}, {});
    }

    /// "deputy enable" and "deputy disable".
    std::string change_flags(const std::string &request)
    {
        const flag_request wanted = flag_request_of(request);
        if (containers_->book().rules->find(wanted.policy) == nullptr) {
            throw bad_request(no_policy(wanted.policy, *containers_->book().rules));
        }
        flags_over over = containers_->book().over;
        std::vector<unserved_container> unserved;
        try {
            wanted.change.check(installed_plugins(plugins_, options_.plugin_directory));
            load_plugins(plugins_, {}, wanted.change.plugins(), options_.plugin_directory);
            over.by_policy[wanted.policy].add(wanted.change);
            const rule_book &now = containers_->book();
            rule_book book = make_rule_book(now.rules, now.matches, over, plugins_);
            if (wanted.on) { // in an emergency nothing keeps a handler from being turned off
                make_ready(book);
            }
            unserved = containers_->use_flags(std::move(book), wanted.policy, wanted.change);
        } catch (const std::runtime_error &e) {
            throw bad_request(e.what());
        }
        keep_flags(over);
        retry_waiting();
        log().info("policy {}: {}, for this run", wanted.policy, fmt::join(wanted.change.arguments(), " "));
        return json_text(view_of_change(wanted, unserved));
    }

    std::string explain(const control_server::parameters &p)
    {
        const std::string container = value_of(p, "container"), syscall = value_of(p, "syscall");
        const rule_book &book = containers_->book();
        if (!container.empty()) {
            try {
                return json_text(view_of_handling(containers_->handling(container), book.over, syscall));
            } catch (const std::runtime_error &e) {
                throw bad_request(e.what());
            }
        }
        const auto found = book.by_name.find(value_of(p, "policy"));
        if (found == book.by_name.end()) {
            throw bad_request(no_policy(value_of(p, "policy"), *book.rules));
        }
        return json_text(view_of_handling({"", found->second, {}, {}}, book.over, syscall));
    }

    control_server::answer metrics_text()
    {
        return [text = on_main_thread([this](const auto &) {
                    return prometheus_text(host_->numbers(), plugins_);
                })] { return text({}); };
    }

    /// Without it the host serves all the same.
    void start_control()
    {
        control_.get("/v1/containers", "application/json", on_main_thread([this](const auto &) {
                         return json_text(view_of_containers(containers_->entries(), host_->numbers()));
                     }));
        control_.get("/v1/statistics", "application/json", on_main_thread([this](const auto &) {
                         return json_text(view_of_statistics(host_->numbers(), plugins_));
                     }));
        control_.get("/metrics", prometheus_content_type, metrics_text());
        control_.stream("/v1/trace", "application/x-ndjson", [this](const control_server::parameters &p) {
            return trace_source(host_->trace(filter_of(p)));
        });
        control_.get("/v1/explain", "application/json",
                     on_main_thread([this](const auto &asked) { return explain(asked.params); }));
        control_.post("/v1/flags", "application/json",
                      on_main_thread([this](const auto &asked) { return change_flags(asked.body); }));
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
        if (entry.name.empty() || is_kind(entry, "journal") || is_kind(entry, "flags")) {
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

    metrics_endpoint::change prepare_metrics(const configuration &config, intake_sockets::change &sockets)
    {
        try {
            return metrics_.prepare(config.observing.metrics);
        } catch (const std::exception &) {
            sockets_.cancel(std::move(sockets));
            throw;
        }
    }

    /// Everything is made before anything is changed. Plugins that it loaded stay loaded all the same.
    void reload()
    {
        try {
            const configuration config = read_configuration(options_.config, options_.socket_directory);
            load_enabled(plugins_, *config.rules, options_.enabled, options_.plugin_directory);
            check_policies(*config.rules, plugins_);
            rule_book book = ready_book(config, containers_->book().over.by_policy);
            intake_sockets::change sockets = sockets_.prepare(config.sockets);
            auto metrics = prepare_metrics(config, sockets);
            sockets_.use(std::move(sockets));
            metrics_.commit(std::move(metrics));
            containers_->use(std::move(book));
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

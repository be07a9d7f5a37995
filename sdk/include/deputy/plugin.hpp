// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_PLUGIN_HPP
#define DEPUTY_PLUGIN_HPP

/// @file
/// The C++20 layer over deputy/plugin.h. Header-only; needs the standard library alone.
///
/// A plugin is a class:
///
///     class example {
///     public:
///         static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
///         static constexpr const char *settings_schema = nullptr;
///
///         explicit example(deputy::host host);
///         void register_handlers(deputy::registrar<example> &registrar)
///         {
///             registrar.on<&example::uname>("uname");
///         }
///         deputy::answer uname(deputy::call &call);
///     };
///     DEPUTY_PLUGIN(example, 0, "example\0" "1.0\0" "uname\0")
///
/// It may also have ready(), container_added(const deputy_container &), container_exec(std::uint64_t),
/// container_gone(std::uint64_t), process_gone(std::uint64_t container, std::uint64_t process),
/// call_gone(std::uint64_t ticket) and drain(), each void. What they throw becomes an errno and a line in the
/// host's log.

#include <array>
#include <cerrno>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <linux/openat2.h>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

#include "plugin.h"

namespace deputy
{

/// Owns a descriptor.
class unique_fd
{
public:
    unique_fd() noexcept = default;
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd &&other) noexcept : fd_(other.release()) {}
    unique_fd &operator=(unique_fd &&other) noexcept
    {
        reset(other.release());
        return *this;
    }
    unique_fd(const unique_fd &) = delete;
    unique_fd &operator=(const unique_fd &) = delete;
    ~unique_fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    void reset(int fd = -1) noexcept
    {
        const int old = std::exchange(fd_, fd);
        if (old >= 0) {
            const int saved = errno;
            ::close(old);
            errno = saved;
        }
    }

private:
    int fd_ = -1;
};

/// A positive errno as the unhappy half of a result.
struct error {
    int number;
};

/// A value or an errno.
template <class T> class [[nodiscard]] result
{
public:
    result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
    result(error e) : held_(std::in_place_index<1>, e) {}

    explicit operator bool() const noexcept { return held_.index() == 0; }
    T &operator*() & { return *std::get_if<0>(&held_); }
    const T &operator*() const & { return *std::get_if<0>(&held_); }
    T &&operator*() && { return std::move(*std::get_if<0>(&held_)); }
    T *operator->() { return std::get_if<0>(&held_); }
    const T *operator->() const { return std::get_if<0>(&held_); }
    /// The errno; 0 if there is a value.
    [[nodiscard]] int error_number() const noexcept
    {
        const auto *e = std::get_if<1>(&held_);
        return e == nullptr ? 0 : e->number;
    }

private:
    std::variant<T, error> held_;
};

/// Success or an errno.
template <> class [[nodiscard]] result<void>
{
public:
    result() noexcept = default;
    result(error e) noexcept : number_(e.number) {}
    explicit operator bool() const noexcept { return number_ == 0; }
    [[nodiscard]] int error_number() const noexcept { return number_; }

private:
    int number_ = 0;
};

class answer;

/// The host, as one plugin sees it. Copies are cheap; any thread.
class host
{
public:
    explicit host(const deputy_host *raw) : raw_(raw) {}

    [[nodiscard]] bool log_enabled(int level) const noexcept { return raw_->log_enabled(raw_, level) != 0; }
    void log(int level, std::string_view text) const noexcept
    {
        raw_->log(raw_, level, text.data(), text.size());
    }
    /// Answers a deferred call; the answer's descriptor passes to the host. See deputy_defer_v1.
    inline result<void> complete(std::uint64_t ticket, answer a) const;
    /// The extension table with this id, or nullptr.
    template <class Table> [[nodiscard]] const Table *extension(const char *id) const noexcept
    {
        return static_cast<const Table *>(raw_->extension(raw_, id));
    }

private:
    friend class counter;
    friend class settings;

    const deputy_host *raw_;
};

/// A number that the host shows, from 0 on. Made in the plugin's constructor, register_handlers() or ready().
class counter
{
public:
    /// @param name, help as in deputy_counters_v1. @throw std::system_error, which names the counter.
    counter(const host &h, const char *name, const char *help)
        : host_(h.raw_), table_(h.extension<deputy_counters_v1>(DEPUTY_EXT_COUNTERS_1))
    {
        const std::int32_t r = table_ == nullptr ? -ENOTSUP : table_->declare(host_, name, help, &number_);
        if (r < 0) {
            throw std::system_error(-r, std::system_category(), std::string("counter ") + name);
        }
    }
    /// Any thread.
    void add(std::uint64_t n = 1) const noexcept { table_->add(host_, number_, n); }

private:
    const deputy_host *host_;
    const deputy_counters_v1 *table_;
    std::uint32_t number_ = 0;
};

/// A container's settings for the plugin by JSON Pointer ("/devices/0"), with the defaults of
/// settings_schema: any thread, from container_added() until container_gone() returns.
/// Except has() all throw std::system_error, which names the setting: see deputy_settings_v1 for the errors.
class settings
{
public:
    settings(const host &h, std::uint64_t container)
        : host_(h.raw_), container_(container), table_(h.extension<deputy_settings_v1>(DEPUTY_EXT_SETTINGS_1))
    {
        if (table_ == nullptr) {
            throw std::system_error(ENOTSUP, std::system_category(),
                                    "the host lacks the service " DEPUTY_EXT_SETTINGS_1);
        }
    }

    /// Whether it is there, set or by default.
    [[nodiscard]] bool has(const std::string &pointer) const noexcept
    {
        std::uint32_t ignored = 0;
        return table_->count(host_, container_, pointer.c_str(), &ignored) != -ENOENT;
    }
    [[nodiscard]] bool boolean(const std::string &pointer) const
    {
        return get<std::int32_t>(table_->boolean, pointer) != 0;
    }
    [[nodiscard]] std::int64_t integer(const std::string &pointer) const
    {
        return get<std::int64_t>(table_->integer, pointer);
    }
    [[nodiscard]] std::string string(const std::string &pointer) const
    {
        return get<const char *>(table_->string, pointer);
    }
    /// Entries of a list or table.
    [[nodiscard]] std::uint32_t count(const std::string &pointer) const
    {
        return get<std::uint32_t>(table_->count, pointer);
    }
    /// A list of strings.
    [[nodiscard]] std::vector<std::string> list(const std::string &pointer) const
    {
        std::vector<std::string> all;
        const std::uint32_t n = count(pointer);
        for (std::uint32_t i = 0; i < n; ++i) {
            all.push_back(string(pointer + "/" + std::to_string(i)));
        }
        return all;
    }

private:
    template <class Value, class Read> Value get(Read read, const std::string &pointer) const
    {
        Value value{};
        const std::int32_t r = read(host_, container_, pointer.c_str(), &value);
        if (r < 0) {
            throw std::system_error(-r, std::system_category(), "setting " + pointer);
        }
        return value;
    }

    const deputy_host *host_;
    std::uint64_t container_;
    const deputy_settings_v1 *table_;
};

/// What a handler decided; see deputy_verdict.
class answer
{
public:
    static answer pass() noexcept { return answer{DEPUTY_PASS}; }
    static answer proceed() noexcept { return answer{DEPUTY_CONTINUE}; }
    static answer value(std::int64_t value) noexcept
    {
        answer a{DEPUTY_REPLY};
        a.value_ = value;
        return a;
    }
    /// @param number a positive errno.
    static answer failure(int number) noexcept
    {
        answer a{DEPUTY_REPLY};
        a.error_ = number;
        return a;
    }
    /// @param number replaces that descriptor of the caller; -1: the lowest free.
    static answer descriptor(unique_fd fd, std::uint32_t flags = O_CLOEXEC, std::int32_t number = -1) noexcept
    {
        answer a{DEPUTY_REPLY_FD};
        a.fd_ = std::move(fd);
        a.fd_flags_ = flags;
        a.number_ = number;
        return a;
    }
    /// See call::defer().
    static answer deferred() noexcept { return answer{DEPUTY_DEFER}; }

    [[nodiscard]] deputy_verdict verdict() const noexcept { return verdict_; }
    /// Fills in the C form, to which the descriptor passes.
    void move_to(deputy_answer &out) noexcept
    {
        out.error = error_;
        out.value = value_;
        out.fd = fd_.release();
        out.fd_flags = fd_flags_;
        out.number = number_;
    }

private:
    explicit answer(deputy_verdict verdict) noexcept : verdict_(verdict) {}

    deputy_verdict verdict_;
    std::int32_t error_ = 0;
    std::int64_t value_ = 0;
    unique_fd fd_;
    std::uint32_t fd_flags_ = 0;
    std::int32_t number_ = -1;
};

inline result<void> host::complete(std::uint64_t ticket, answer a) const
{
    const auto *table = extension<deputy_defer_v1>(DEPUTY_EXT_DEFER_1);
    if (table == nullptr) {
        return error{ENOTSUP};
    }
    deputy_answer raw{};
    raw.struct_size = sizeof raw;
    a.move_to(raw);
    const std::int32_t r = table->complete(raw_, ticket, a.verdict(), &raw);
    return r < 0 ? result<void>(error{-r}) : result<void>();
}

/// The tables that calls need, looked up once a plugin.
struct services {
    const deputy_act_v1 *act;
    const deputy_caller_v1 *caller;
    const deputy_counters_v1 *counters;
    const deputy_defer_v1 *defer;
    const deputy_describe_v1 *describe;
    const deputy_descriptor_v1 *descriptor;
    const deputy_effect_v1 *effect;
    const deputy_path_v1 *path;
    const deputy_process_v1 *process;
    const deputy_settings_v1 *settings;

    explicit services(const host &h)
        : act(table<deputy_act_v1>(h, DEPUTY_EXT_ACT_1)),
          caller(table<deputy_caller_v1>(h, DEPUTY_EXT_CALLER_1)),
          counters(table<deputy_counters_v1>(h, DEPUTY_EXT_COUNTERS_1)),
          defer(table<deputy_defer_v1>(h, DEPUTY_EXT_DEFER_1)),
          describe(table<deputy_describe_v1>(h, DEPUTY_EXT_DESCRIBE_1)),
          descriptor(table<deputy_descriptor_v1>(h, DEPUTY_EXT_DESCRIPTOR_1)),
          effect(table<deputy_effect_v1>(h, DEPUTY_EXT_EFFECT_1)),
          path(table<deputy_path_v1>(h, DEPUTY_EXT_PATH_1)),
          process(table<deputy_process_v1>(h, DEPUTY_EXT_PROCESS_1)),
          settings(table<deputy_settings_v1>(h, DEPUTY_EXT_SETTINGS_1))
    {
    }

private:
    template <class Table> static const Table *table(const host &h, const char *id)
    {
        const auto *t = h.extension<Table>(id);
        if (t == nullptr) {
            throw std::system_error(ENOTSUP, std::system_category(),
                                    std::string("the host lacks the service ") + id);
        }
        return t;
    }
};

/// One call, while its handler runs; see deputy_caller_v1 for what the services do.
class call
{
public:
    call(const services &s, deputy_call *raw, const deputy_syscall &sys) : services_(s), raw_(raw), sys_(sys)
    {
    }
    call(const call &) = delete;
    call &operator=(const call &) = delete;

    [[nodiscard]] const deputy_syscall &syscall() const noexcept { return sys_; }
    [[nodiscard]] std::uint64_t container() const noexcept { return sys_.container; }
    /// Argument n as the kernel reads a 32-bit parameter.
    [[nodiscard]] std::uint32_t arg32(std::size_t n) const noexcept
    {
        return static_cast<std::uint32_t>(sys_.args[n]);
    }
    [[nodiscard]] std::uint64_t arg(std::size_t n) const noexcept { return sys_.args[n]; }

    result<void> read(std::uint64_t address, void *buffer, std::size_t size)
    {
        return check(services_.caller->read(raw_, address, buffer, size));
    }
    result<std::string> read_string(std::uint64_t address, std::size_t limit)
    {
        std::string text(limit, '\0');
        const std::int32_t n = services_.caller->read_string(raw_, address, text.data(), limit);
        if (n < 0) {
            return error{-n};
        }
        text.resize(static_cast<std::size_t>(n));
        return text;
    }
    result<void> read_struct(std::uint64_t address, std::uint64_t user_size, void *buffer,
                             std::size_t known_size)
    {
        return check(services_.caller->read_struct(raw_, address, user_size, buffer, known_size));
    }
    result<void> write(std::uint64_t address, const void *buffer, std::size_t size)
    {
        return check(services_.caller->write(raw_, address, buffer, size));
    }
    result<deputy_identity> identity()
    {
        deputy_identity id{};
        id.struct_size = sizeof id;
        const std::int32_t r = services_.caller->identity(raw_, &id);
        if (r < 0) {
            return error{-r};
        }
        return id;
    }
    result<deputy_privileges> privileges()
    {
        deputy_privileges p{};
        p.struct_size = sizeof p;
        const std::int32_t r = services_.caller->privileges(raw_, &p);
        if (r < 0) {
            return error{-r};
        }
        return p;
    }
    result<unique_fd> descriptor(std::int32_t fd)
    {
        std::int32_t got = -1;
        const std::int32_t r = services_.descriptor->get(raw_, fd, &got);
        if (r < 0) {
            return error{-r};
        }
        return unique_fd{got};
    }
    result<unique_fd> resolve(std::int32_t dirfd, const std::string &path, std::uint64_t flags)
    {
        std::int32_t got = -1;
        const std::int32_t r = services_.path->resolve(raw_, dirfd, path.c_str(), flags, &got);
        if (r < 0) {
            return error{-r};
        }
        return unique_fd{got};
    }
    struct parent_directory {
        unique_fd directory;
        deputy_last last;
    };
    result<parent_directory> parent(std::int32_t dirfd, const std::string &path)
    {
        deputy_last last{};
        last.struct_size = sizeof last;
        std::int32_t got = -1;
        const std::int32_t r = services_.path->parent(raw_, dirfd, path.c_str(), &last, &got);
        if (r < 0) {
            return error{-r};
        }
        return parent_directory{unique_fd{got}, last};
    }
    /// The absolute path of a descriptor of the host, as seen from the caller's root.
    result<std::string> name_of(const unique_fd &fd)
    {
        char buffer[4096]; // PATH_MAX
        const std::int32_t n = services_.path->name(raw_, fd.get(), buffer, sizeof buffer);
        if (n < 0) {
            return error{-n};
        }
        return std::string(buffer, static_cast<std::size_t>(n));
    }
    result<void> mknod(const unique_fd &directory, const char *name, std::uint32_t mode, std::uint64_t device,
                       std::uint64_t grant)
    {
        return check(services_.act->mknod(raw_, directory.get(), name, mode, device, grant));
    }
    result<unique_fd> open(int directory, const char *path, const open_how &how, std::uint64_t grant)
    {
        std::int32_t got = -1;
        const std::int32_t r = services_.act->open(raw_, directory, path, &how, sizeof how, grant, &got);
        if (r < 0) {
            return error{-r};
        }
        return unique_fd{got};
    }
    result<void> unlink(const unique_fd &directory, const char *name, std::uint32_t flags,
                        std::uint64_t grant)
    {
        return check(services_.act->unlink(raw_, directory.get(), name, flags, grant));
    }
    result<void> cover(const unique_fd &source, const unique_fd &target)
    {
        return check(services_.act->cover(raw_, source.get(), target.get()));
    }
    /// After this the handler returns answer::deferred(). @return the ticket for host::complete().
    result<std::uint64_t> defer()
    {
        std::uint64_t ticket = 0;
        const std::int32_t r = services_.defer->defer(raw_, &ticket);
        if (r < 0) {
            return error{-r};
        }
        return ticket;
    }
    result<void> block() { return check(services_.defer->block(raw_)); }
    result<void> interrupted() { return check(services_.defer->interrupted(raw_)); }
    /// Whether somebody looks at calls; see deputy_describe_v1.
    [[nodiscard]] bool is_looked_at() const noexcept { return services_.describe->wanted(raw_) != 0; }
    /// Says what the call asks for.
    void describe(std::string_view object) const noexcept
    {
        services_.describe->object(raw_, object.data(), object.size());
    }
    /// Says why it is answered as it is.
    void explain(std::string_view reason) const noexcept
    {
        services_.describe->reason(raw_, reason.data(), reason.size());
    }
    /// Tells the plugin once the caller's process has ended. @return the id for process_gone().
    result<std::uint64_t> watch()
    {
        std::uint64_t process = 0;
        const std::int32_t r = services_.process->watch(raw_, &process);
        if (r < 0) {
            return error{-r};
        }
        return process;
    }
    /// Records token before an effect; on failure the handler must not act.
    template <class Token> result<void> commit(const Token &token)
    {
        static_assert(std::is_trivially_copyable_v<Token> && sizeof(Token) <= DEPUTY_TOKEN_SIZE);
        return check(services_.effect->commit(raw_, &token, sizeof token));
    }
    /// Keeps a descriptor for undo, until the call is over.
    void keep(unique_fd fd) { services_.effect->keep(raw_, fd.release()); }

private:
    static result<void> check(std::int32_t r)
    {
        if (r < 0) {
            return error{-r};
        }
        return {};
    }

    const services &services_;
    deputy_call *raw_;
    const deputy_syscall &sys_;
};

/// A lost answer to take back.
class undo_request
{
public:
    undo_request(const services &s, deputy_call *raw, const deputy_syscall &sys,
                 std::span<const std::byte> bytes)
        : syscall(sys), token(bytes), services_(s), raw_(raw)
    {
    }

    const deputy_syscall &syscall;
    const std::span<const std::byte> token;

    /// The descriptor that the handler kept, or -1.
    [[nodiscard]] int kept() const { return raw_ == nullptr ? -1 : services_.effect->kept(raw_); }
    result<void> unlink(int directory, const char *name, std::uint32_t flags, std::uint64_t grant) const
    {
        const std::int32_t r =
            raw_ == nullptr ? -ESRCH : services_.act->unlink(raw_, directory, name, flags, grant);
        return r < 0 ? result<void>(error{-r}) : result<void>();
    }

    /// The token as it was committed; zeroed if the sizes differ.
    template <class Token> [[nodiscard]] Token as() const
    {
        static_assert(std::is_trivially_copyable_v<Token>);
        Token t{};
        if (token.size() == sizeof t) {
            std::memcpy(&t, token.data(), sizeof t);
        }
        return t;
    }

private:
    const services &services_;
    deputy_call *raw_;
};

/// Predicates for handlers.
inline deputy_predicate equals32(std::uint32_t argument, std::uint32_t value) noexcept
{
    return {argument, 32, DEPUTY_OP_EQ, 0, value, 0};
}
inline deputy_predicate equals64(std::uint32_t argument, std::uint64_t value) noexcept
{
    return {argument, 64, DEPUTY_OP_EQ, 0, value, 0};
}
inline deputy_predicate masked32(std::uint32_t argument, std::uint32_t mask, std::uint32_t value) noexcept
{
    return {argument, 32, DEPUTY_OP_MASKED_EQ, 0, value, mask};
}

namespace detail
{

template <class Plugin> struct instance {
    deputy::host host;
    deputy::services services;
    Plugin plugin;

    explicit instance(const deputy_host *raw) : host(raw), services(host), plugin(host) {}
};

/// Runs body; turns what it throws into a log line and a negative errno. Every callback goes through it.
template <class Body> std::int32_t guard(const host &h, Body &&body) noexcept
{
    try {
        return body();
    } catch (const std::bad_alloc &) {
        h.log(DEPUTY_LOG_ERROR, "out of memory");
        return -ENOMEM;
    } catch (const std::system_error &e) {
        h.log(DEPUTY_LOG_ERROR, e.what());
        const bool is_errno =
            e.code().category() == std::system_category() || e.code().category() == std::generic_category();
        return is_errno && e.code().value() > 0 ? -e.code().value() : -EIO;
    } catch (const std::exception &e) {
        h.log(DEPUTY_LOG_ERROR, e.what());
        return -EIO;
    } catch (...) {
        h.log(DEPUTY_LOG_ERROR, "an exception of unknown type");
        return -EIO;
    }
}

template <auto F, class Plugin>
concept handle_member = std::is_member_function_pointer_v<decltype(F)> &&
    std::is_invocable_r_v<answer, decltype(F), Plugin &, call &>;
template <auto F, class Plugin>
concept undo_member = std::is_member_function_pointer_v<decltype(F)> &&
    std::is_invocable_v<decltype(F), Plugin &, const undo_request &>;

/// A callback with another signature would not be called, and nobody told.
template <class P> constexpr bool check_callbacks()
{
    static_assert(
        !requires { &P::ready; } || requires(P & p) { p.ready(); }, "expected void ready()");
    static_assert(
        !requires { &P::drain; } || requires(P & p) { p.drain(); }, "expected void drain()");
    static_assert(
        !requires { &P::container_added; } ||
            requires(P & p, const deputy_container &c) { p.container_added(c); },
        "expected void container_added(const deputy_container &)");
    static_assert(
        !requires { &P::container_exec; } || requires(P & p, std::uint64_t id) { p.container_exec(id); },
        "expected void container_exec(std::uint64_t container)");
    static_assert(
        !requires { &P::container_gone; } || requires(P & p, std::uint64_t id) { p.container_gone(id); },
        "expected void container_gone(std::uint64_t container)");
    static_assert(
        !requires { &P::process_gone; } || requires(P & p, std::uint64_t id) { p.process_gone(id, id); },
        "expected void process_gone(std::uint64_t container, std::uint64_t process)");
    static_assert(
        !requires { &P::call_gone; } || requires(P & p, std::uint64_t ticket) { p.call_gone(ticket); },
        "expected void call_gone(std::uint64_t ticket)");
    return true;
}

} // namespace detail

/// Takes a plugin's handlers.
template <class Plugin> class registrar
{
public:
    explicit registrar(const deputy_registrar &raw) : raw_(raw) {}

    /// Registers Handle, answer (Plugin::*)(call &), and Undo, void (Plugin::*)(const undo_request &).
    /// @throw std::system_error what deputy_registrar.add says.
    /// @param off_error as in deputy_handler.
    template <auto Handle, auto Undo = nullptr> void
    on(const char *syscall, std::span<const deputy_predicate> predicates = {}, std::uint32_t off_error = 0)
    {
        constexpr bool handles = detail::handle_member<Handle, Plugin>;
        constexpr bool undoes = detail::undo_member<Undo, Plugin>;
        static_assert(handles,
                      "expected a handler: deputy::answer NAME(deputy::call &), a member function of "
                      "the plugin's class");
        static_assert(undoes || std::is_null_pointer_v<decltype(Undo)>,
                      "expected an undo: void NAME(const deputy::undo_request &), a member function of the "
                      "plugin's class");
        deputy_handler h{};
        h.struct_size = sizeof h;
        h.predicate_count = static_cast<std::uint32_t>(predicates.size());
        h.syscall = syscall;
        h.predicates = predicates.data();
        h.off_error = off_error;
        if constexpr (handles) {
            h.handle = &handle<Handle>;
        }
        if constexpr (undoes) {
            h.undo = &undo<Undo>;
        }
        const std::int32_t r = raw_.add(raw_.context, &h);
        if (r < 0) {
            throw std::system_error(-r, std::system_category(), std::string("cannot register ") + syscall);
        }
    }

private:
    using instance = detail::instance<Plugin>;

    template <auto Handle> static deputy_verdict
    handle(void *self, deputy_call *raw, const deputy_syscall *sys, deputy_answer *out) noexcept
    {
        auto &me = *static_cast<instance *>(self);
        return detail::guard(me.host, [&] {
            call c(me.services, raw, *sys);
            answer a = (me.plugin.*Handle)(c);
            a.move_to(*out);
            return a.verdict();
        });
    }
    template <auto Undo> static void undo(void *self, deputy_call *raw, const deputy_syscall *sys,
                                          const void *token, std::uint64_t size) noexcept
    {
        auto &me = *static_cast<instance *>(self);
        detail::guard(me.host, [&] {
            (me.plugin.*
             Undo)(undo_request(me.services, raw, *sys, {static_cast<const std::byte *>(token), size}));
            return 0;
        });
    }

    const deputy_registrar &raw_;
};

/// What DEPUTY_PLUGIN takes.
template <class P>
concept plugin_class = std::constructible_from<P, host> && requires(P &p, registrar<P> &r)
{
    {
        P::threads
        } -> std::convertible_to<std::uint32_t>;
    {
        P::settings_schema
        } -> std::convertible_to<const char *>;
    p.register_handlers(r);
};

namespace detail
{

/// The C description of a plugin class.
template <plugin_class P> struct description {
    using self = instance<P>;
    static_assert(check_callbacks<P>());

    template <class Body> static std::int32_t with(void *plugin, Body &&body) noexcept
    {
        auto &me = *static_cast<self *>(plugin);
        return guard(me.host, [&] {
            body(me.plugin);
            return 0;
        });
    }
    static std::int32_t create(const deputy_host *host, void **ret) noexcept
    {
        return guard(deputy::host(host), [&] {
            *ret = new self(host);
            return 0;
        });
    }
    static std::int32_t register_handlers(void *plugin, const deputy_registrar *raw) noexcept
    {
        return with(plugin, [&](P &p) {
            registrar<P> r(*raw);
            p.register_handlers(r);
        });
    }
    static std::int32_t ready(void *plugin) noexcept
    {
        return with(plugin, [](P &p) {
            if constexpr (requires { p.ready(); }) {
                p.ready();
            }
        });
    }
    static std::int32_t container_added(void *plugin, const deputy_container *container) noexcept
    {
        return with(plugin, [&](P &p) {
            if constexpr (requires { p.container_added(*container); }) {
                p.container_added(*container);
            }
        });
    }
    static void container_gone(void *plugin, std::uint64_t id) noexcept
    {
        with(plugin, [&](P &p) {
            if constexpr (requires { p.container_gone(id); }) {
                p.container_gone(id);
            }
        });
    }
    static void drain(void *plugin) noexcept
    {
        with(plugin, [](P &p) {
            if constexpr (requires { p.drain(); }) {
                p.drain();
            }
        });
    }
    static void container_exec(void *plugin, std::uint64_t id) noexcept
    {
        with(plugin, [&](P &p) { p.container_exec(id); });
    }
    static void process_gone(void *plugin, std::uint64_t container, std::uint64_t process) noexcept
    {
        with(plugin, [&](P &p) { p.process_gone(container, process); });
    }
    static void call_gone(void *plugin, std::uint64_t ticket) noexcept
    {
        with(plugin, [&](P &p) { p.call_gone(ticket); });
    }
    static void destroy(void *plugin) noexcept
    {
        guard(static_cast<self *>(plugin)->host, [&] {
            delete static_cast<self *>(plugin);
            return 0;
        });
    }

    static constexpr deputy_plugin_v1 make_table() noexcept
    {
        deputy_plugin_v1 t{};
        t.struct_size = sizeof t;
        t.threads = P::threads;
        t.settings_schema = P::settings_schema;
        t.create = &create;
        t.register_handlers = &register_handlers;
        t.ready = &ready;
        t.container_added = &container_added;
        t.container_gone = &container_gone;
        t.drain = &drain;
        t.destroy = &destroy;
        if constexpr (requires(P & p) { p.container_exec(std::uint64_t{}); }) {
            t.container_exec = &container_exec;
        }
        if constexpr (requires(P & p) { p.process_gone(std::uint64_t{}, std::uint64_t{}); }) {
            t.process_gone = &process_gone;
        }
        if constexpr (requires(P & p) { p.call_gone(std::uint64_t{}); }) {
            t.call_gone = &call_gone;
        }
        return t;
    }
    static constexpr deputy_plugin_v1 table = make_table();
};

} // namespace detail
} // namespace deputy

/// Makes CLASS the plugin of this shared object: manifest and entry point. Once, at namespace scope.
#define DEPUTY_PLUGIN(CLASS, CAPABILITIES, STRINGS)                                                          \
    DEPUTY_MANIFEST(CAPABILITIES, STRINGS);                                                                  \
    static_assert(deputy::plugin_class<CLASS>,                                                               \
                  "expected a plugin class: NAME(deputy::host), static constexpr threads and "               \
                  "settings_schema, void register_handlers(deputy::registrar<NAME> &)");                     \
    extern "C" __attribute__((visibility("default"))) std::int32_t deputy_plugin_query_v1(                   \
        std::uint32_t, const deputy_plugin_v1 **ret_plugin)                                                  \
    {                                                                                                        \
        *ret_plugin = &deputy::detail::description<CLASS>::table;                                            \
        return 0;                                                                                            \
    }

#endif

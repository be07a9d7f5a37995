// SPDX-License-Identifier: Apache-2.0
#ifndef DEPUTY_TESTING_FAKE_HOST_HPP
#define DEPUTY_TESTING_FAKE_HOST_HPP

/// @file
/// A host for unit tests of plugins: no root, no kernel, no container. Header-only.
///
///     deputy::testing::fake_host host;
///     deputy::testing::fake_plugin plugin(host, deputy::testing::table_of<example>());
///     plugin.add_container(1);
///     const auto path = host.map_string("/dev/null");
///     const auto got = plugin.call("mknodat", {AT_FDCWD, path, S_IFCHR | 0666, 0x103});
///     EXPECT_EQ(got.error, 0);
///
/// What the caller is (memory, descriptors, identity) is set on the host, and holds for the calls that
/// follow. Calls may be made from several threads as long as nobody changes the host meanwhile.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <linux/audit.h>

#include <deputy/plugin.hpp>

namespace deputy::testing
{

/// The C description of a plugin class, as DEPUTY_PLUGIN would export it.
template <plugin_class P> const deputy_plugin_v1 &table_of()
{
    return deputy::detail::description<P>::table;
}

/// One call: what the tables get for their opaque deputy_call.
struct fake_call {
    class fake_host *host;
    bool may_commit;
    std::vector<std::byte> token; ///< as last committed
    bool committed = false;
};

class fake_host
{
public:
    struct line {
        int level;
        std::string text;
    };

    fake_host()
    {
        raw_.host.struct_size = sizeof raw_.host;
        raw_.host.abi_minor = DEPUTY_ABI_MINOR;
        raw_.host.extension = &extension;
        raw_.host.log_enabled = [](const deputy_host *, std::int32_t) { return std::int32_t{1}; };
        raw_.host.log = &log;
        raw_.self = this;
        identity.struct_size = sizeof identity;
        identity.tid = identity.tgid = 100;
        identity.capabilities = (std::uint64_t{1} << 41) - 1; // all: root of the container
        identity.in_container_user_ns = 1;
        identity.umask = 022;
    }
    fake_host(const fake_host &) = delete;
    fake_host &operator=(const fake_host &) = delete;

    [[nodiscard]] const deputy_host *raw() const { return &raw_.host; }

    /// Who calls. By default root of the container's own user namespace.
    deputy_identity identity{};
    std::vector<std::uint32_t> groups;
    /// A negative errno for every service: -ESRCH (caller gone) or -ECANCELED (answered for the handler).
    std::int32_t failing = 0;
    /// The same for commit alone.
    std::int32_t commit_failing = 0;
    /// What resolve finds, by path. Each test puts in what it needs.
    std::map<std::string, int> paths;

    /// Maps memory in the caller, surrounded by unmapped bytes. @return its address.
    std::uint64_t map(std::vector<std::byte> bytes)
    {
        const std::uint64_t address = next_;
        next_ += (bytes.size() / page + 2) * page;
        memory_[address] = std::move(bytes);
        return address;
    }
    std::uint64_t map(const void *bytes, std::size_t size)
    {
        const auto *first = static_cast<const std::byte *>(bytes);
        return map(std::vector<std::byte>(first, first + size));
    }
    std::uint64_t map_zeroes(std::size_t size) { return map(std::vector<std::byte>(size)); }
    std::uint64_t map_string(std::string_view text)
    {
        std::vector<std::byte> bytes(text.size() + 1);
        std::memcpy(bytes.data(), text.data(), text.size());
        return map(std::move(bytes));
    }
    template <class T> std::uint64_t map_object(const T &object)
    {
        static_assert(std::is_trivially_copyable_v<T>);
        return map(&object, sizeof object);
    }
    /// Takes all memory from the caller. The next map() returns the address that the first one did.
    void unmap()
    {
        memory_.clear();
        next_ = first_address;
    }
    /// The caller's memory at an address that map() returned.
    std::vector<std::byte> &memory(std::uint64_t address) { return memory_.at(address); }
    template <class T> [[nodiscard]] T object(std::uint64_t address, std::size_t offset = 0) const
    {
        T value;
        const std::byte *from = at(address + offset, sizeof value);
        if (from == nullptr) {
            throw std::out_of_range("no such memory in the fake caller");
        }
        std::memcpy(&value, from, sizeof value);
        return value;
    }

    /// Gives the caller a descriptor. @return its number there.
    std::int32_t open(unique_fd fd)
    {
        const std::int32_t number = next_descriptor_++;
        descriptors_[number] = std::move(fd);
        return number;
    }
    /// Gives the caller a descriptor with this number, instead of one that it may have there.
    void open_at(std::int32_t number, unique_fd fd) { descriptors_[number] = std::move(fd); }
    /// Closes one of the caller's.
    void close(std::int32_t fd) { descriptors_.erase(fd); }
    [[nodiscard]] int descriptor(std::int32_t fd) const { return descriptors_.at(fd).get(); }

    /// What plugins have logged so far.
    [[nodiscard]] std::vector<line> lines() const
    {
        const std::lock_guard hold(lines_mutex_);
        return lines_;
    }
    /// Whether a line contains the text.
    [[nodiscard]] bool logged(std::string_view text) const
    {
        const auto all = lines();
        return std::any_of(all.begin(), all.end(),
                           [&](const line &l) { return l.text.find(text) != std::string::npos; });
    }

private:
    static constexpr std::uint64_t page = 4096;
    static constexpr std::uint64_t first_address = 0x10000;

    struct raw_host {
        deputy_host host{}; // first: plugins pass its address
        fake_host *self = nullptr;
    };

    static fake_host &of(const deputy_host *raw) { return *reinterpret_cast<const raw_host *>(raw)->self; }
    static fake_call &of(deputy_call *raw) { return *reinterpret_cast<fake_call *>(raw); }

    static void log(const deputy_host *raw, std::int32_t level, const char *text, std::uint64_t size)
    {
        auto &h = of(raw);
        const std::lock_guard hold(h.lines_mutex_);
        h.lines_.push_back({level, std::string(text, size)});
    }

    static const void *extension(const deputy_host *, const char *id)
    {
        static constexpr deputy_caller_v1 caller = {&read,           &read_string,  &read_struct, &write,
                                                    &get_privileges, &get_identity, &get_groups};
        static constexpr deputy_descriptor_v1 descriptor = {&get_descriptor};
        static constexpr deputy_path_v1 path = {&resolve, nullptr, nullptr};
        static constexpr deputy_effect_v1 effect = {&commit, nullptr, nullptr};
        static constexpr deputy_act_v1 act{};
        static constexpr deputy_counters_v1 counters{};
        static constexpr deputy_defer_v1 defer{};
        static constexpr deputy_process_v1 process{};
        static constexpr deputy_settings_v1 settings{};
        static constexpr std::pair<std::string_view, const void *> tables[] = {
            {DEPUTY_EXT_ACT_1, &act},
            {DEPUTY_EXT_CALLER_1, &caller},
            {DEPUTY_EXT_COUNTERS_1, &counters},
            {DEPUTY_EXT_DEFER_1, &defer},
            {DEPUTY_EXT_DESCRIPTOR_1, &descriptor},
            {DEPUTY_EXT_EFFECT_1, &effect},
            {DEPUTY_EXT_PATH_1, &path},
            {DEPUTY_EXT_PROCESS_1, &process},
            {DEPUTY_EXT_SETTINGS_1, &settings}};
        for (const auto &[name, table] : tables) {
            if (name == id) {
                return table;
            }
        }
        return nullptr;
    }

    /// The bytes at an address if all of them are mapped.
    [[nodiscard]] const std::byte *at(std::uint64_t address, std::uint64_t size) const
    {
        auto it = memory_.upper_bound(address);
        if (it == memory_.begin()) {
            return nullptr;
        }
        --it;
        const std::uint64_t offset = address - it->first;
        if (offset > it->second.size() || size > it->second.size() - offset) {
            return nullptr;
        }
        return it->second.data() + offset;
    }

    static std::int32_t read(deputy_call *call, std::uint64_t address, void *buffer, std::uint64_t size)
    {
        auto &h = *of(call).host;
        if (h.failing != 0 || size == 0) {
            return h.failing;
        }
        const std::byte *from = h.at(address, size);
        if (from == nullptr) {
            return -EFAULT;
        }
        std::memcpy(buffer, from, size);
        return 0;
    }
    static std::int32_t read_string(deputy_call *call, std::uint64_t address, char *buffer,
                                    std::uint64_t size)
    {
        for (std::uint64_t i = 0; i < size; ++i) {
            if (const std::int32_t r = read(call, address + i, buffer + i, 1); r != 0) {
                return r;
            }
            if (buffer[i] == '\0') {
                return static_cast<std::int32_t>(i);
            }
        }
        return -ENAMETOOLONG;
    }
    static std::int32_t read_struct(deputy_call *call, std::uint64_t address, std::uint64_t user_size,
                                    void *buffer, std::uint64_t known_size)
    {
        if (user_size > page) {
            return -E2BIG;
        }
        std::vector<std::byte> bytes(user_size);
        if (const std::int32_t r = read(call, address, bytes.data(), bytes.size()); r != 0) {
            return r;
        }
        for (std::uint64_t i = known_size; i < user_size; ++i) {
            if (bytes[i] != std::byte{0}) {
                return -E2BIG;
            }
        }
        std::memset(buffer, 0, known_size);
        std::memcpy(buffer, bytes.data(), std::min(user_size, known_size));
        return 0;
    }
    static std::int32_t write(deputy_call *call, std::uint64_t address, const void *buffer,
                              std::uint64_t size)
    {
        auto &h = *of(call).host;
        if (h.failing != 0 || size == 0) {
            return h.failing;
        }
        const std::byte *to = h.at(address, size);
        if (to == nullptr) {
            return -EFAULT;
        }
        std::memcpy(const_cast<std::byte *>(to), buffer, size);
        return 0;
    }
    static std::int32_t get_identity(deputy_call *call, deputy_identity *ret)
    {
        auto &h = *of(call).host;
        if (h.failing == 0) {
            h.identity.group_count = static_cast<std::uint32_t>(h.groups.size());
            std::memcpy(ret, &h.identity, std::min<std::size_t>(ret->struct_size, sizeof h.identity));
        }
        return h.failing;
    }
    static std::int32_t get_privileges(deputy_call *call, deputy_privileges *ret)
    {
        auto &h = *of(call).host;
        if (h.failing == 0) {
            const deputy_privileges p{sizeof p, h.identity.in_container_user_ns, h.identity.capabilities,
                                      h.identity.user_ns};
            std::memcpy(ret, &p, std::min<std::size_t>(ret->struct_size, sizeof p));
        }
        return h.failing;
    }
    static std::int32_t get_groups(deputy_call *call, std::uint32_t *ret, std::uint32_t count)
    {
        auto &h = *of(call).host;
        if (h.failing != 0) {
            return h.failing;
        }
        std::copy_n(h.groups.begin(), std::min<std::size_t>(count, h.groups.size()), ret);
        return static_cast<std::int32_t>(h.groups.size());
    }
    static std::int32_t duplicate(const fake_host &h, int fd, std::int32_t *ret)
    {
        if (h.failing != 0) {
            return h.failing;
        }
        const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0) {
            return -errno;
        }
        *ret = copy;
        return 0;
    }
    static std::int32_t get_descriptor(deputy_call *call, std::int32_t fd, std::int32_t *ret)
    {
        const auto &h = *of(call).host;
        const auto it = h.descriptors_.find(fd);
        if (h.failing == 0 && it == h.descriptors_.end()) {
            return -EBADF;
        }
        return duplicate(h, it->second.get(), ret);
    }
    static std::int32_t resolve(deputy_call *call, std::int32_t, const char *path, std::uint64_t,
                                std::int32_t *ret)
    {
        const auto &h = *of(call).host;
        const auto it = h.paths.find(path);
        if (h.failing == 0 && it == h.paths.end()) {
            return -ENOENT;
        }
        return duplicate(h, it->second, ret);
    }
    static std::int32_t commit(deputy_call *call, const void *token, std::uint64_t size)
    {
        auto &c = of(call);
        if (size > DEPUTY_TOKEN_SIZE) {
            return -EINVAL;
        }
        if (!c.may_commit) {
            return -ENOTSUP;
        }
        if (c.host->failing != 0 || c.host->commit_failing != 0) {
            return c.host->failing != 0 ? c.host->failing : c.host->commit_failing;
        }
        const auto *first = static_cast<const std::byte *>(token);
        c.token.assign(first, first + size);
        c.committed = true;
        return 0;
    }

    raw_host raw_;
    std::map<std::uint64_t, std::vector<std::byte>> memory_;
    std::uint64_t next_ = first_address;
    std::map<std::int32_t, unique_fd> descriptors_;
    std::int32_t next_descriptor_ = 3;
    mutable std::mutex lines_mutex_;
    std::vector<line> lines_;
};

/// What became of a call.
struct outcome {
    deputy_verdict verdict = 0; ///< or a negative errno
    int error = 0;
    std::int64_t value = 0;
    unique_fd fd; ///< of DEPUTY_REPLY_FD
    std::uint32_t fd_flags = 0;
    bool committed = false;
    std::vector<std::byte> token;
    deputy_syscall syscall{};
    deputy_undo_fn undo = nullptr;
};

/// A plugin from create to destroy. Throws std::system_error where a callback fails.
class fake_plugin
{
public:
    explicit fake_plugin(fake_host &host, const deputy_plugin_v1 &table) : host_(host), table_(table)
    {
        check(table_.create(host_.raw(), &plugin_), "create");
        deputy_registrar registrar{sizeof registrar, 0, this, &add};
        check(table_.register_handlers(plugin_, &registrar), "register_handlers");
    }
    ~fake_plugin()
    {
        if (plugin_ != nullptr) {
            if (table_.drain != nullptr) {
                table_.drain(plugin_);
            }
            table_.destroy(plugin_);
        }
    }
    fake_plugin(const fake_plugin &) = delete;
    fake_plugin &operator=(const fake_plugin &) = delete;

    /// Lets the plugin start its threads.
    void ready()
    {
        if (table_.ready != nullptr) {
            check(table_.ready(plugin_), "ready");
        }
    }
    void add_container(std::uint64_t id, int cgroup = -1, const std::string &settings = "{}")
    {
        const std::string name = "container-" + std::to_string(id);
        const deputy_container c{sizeof c, cgroup, id, 1000 + id, name.c_str(), settings.c_str()};
        if (table_.container_added != nullptr) {
            check(table_.container_added(plugin_, &c), "container_added");
        }
    }
    void remove_container(std::uint64_t id)
    {
        if (table_.container_gone != nullptr) {
            table_.container_gone(plugin_, id);
        }
    }

    /// Makes a call by name; goes to the first handler whose predicates hold, as in the host.
    /// @throw std::out_of_range if there is none: the call would not be intercepted.
    outcome call(const std::string &name, const std::array<std::uint64_t, 6> &args,
                 std::uint64_t container = 1)
    {
        outcome out;
        out.syscall.struct_size = sizeof out.syscall;
        out.syscall.arch = AUDIT_ARCH_X86_64;
        out.syscall.container = container;
        out.syscall.tid = host_.identity.tid;
        std::copy(args.begin(), args.end(), out.syscall.args);
        const handler &h = find(name, args);
        fake_call c{&host_, h.undo != nullptr, {}};
        deputy_answer answer{};
        answer.struct_size = sizeof answer;
        answer.fd = answer.number = -1;
        out.verdict = h.handle(plugin_, reinterpret_cast<deputy_call *>(&c), &out.syscall, &answer);
        out.error = answer.error;
        out.value = answer.value;
        out.fd.reset(answer.fd);
        out.fd_flags = answer.fd_flags;
        out.committed = c.committed;
        out.token = std::move(c.token);
        out.undo = h.undo;
        return out;
    }
    /// As the host does when the answer was lost: the descriptor is closed, then undo is called.
    void lose(outcome &out)
    {
        out.fd.reset();
        if (out.committed && out.undo != nullptr) {
            out.undo(plugin_, nullptr, &out.syscall, out.token.data(), out.token.size());
        }
    }

private:
    struct handler {
        std::string name;
        std::vector<deputy_predicate> predicates;
        deputy_handle_fn handle;
        deputy_undo_fn undo;
    };

    static void check(std::int32_t r, const char *what)
    {
        if (r < 0) {
            throw std::system_error(-r, std::system_category(), what);
        }
    }
    static std::int32_t add(void *context, const deputy_handler *h)
    {
        const std::vector<deputy_predicate> predicates(h->predicates, h->predicates + h->predicate_count);
        static_cast<fake_plugin *>(context)->handlers_.push_back(
            {h->syscall, predicates, h->handle, h->undo});
        return 0;
    }
    static bool holds(const deputy_predicate &p, const std::array<std::uint64_t, 6> &args)
    {
        const std::uint64_t whole = args.at(p.argument);
        const std::uint64_t value = p.width == 32 ? whole & 0xffffffff : whole;
        return (p.op == DEPUTY_OP_MASKED_EQ ? value & p.mask : value) == p.value;
    }
    const handler &find(const std::string &name, const std::array<std::uint64_t, 6> &args) const
    {
        for (const handler &h : handlers_) {
            if (h.name == name && std::all_of(h.predicates.begin(), h.predicates.end(),
                                              [&](const auto &p) { return holds(p, args); })) {
                return h;
            }
        }
        throw std::out_of_range("no handler for this call of " + name);
    }

    fake_host &host_;
    const deputy_plugin_v1 &table_;
    void *plugin_ = nullptr;
    std::vector<handler> handlers_;
};

} // namespace deputy::testing

#endif

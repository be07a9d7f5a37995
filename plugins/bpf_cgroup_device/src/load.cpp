// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <thread>

#include <linux/capability.h>
#include <sys/mman.h>

#include "plugin.hpp"
#include "vet.hpp"

namespace bpf_cgroup_device
{
namespace
{

constexpr std::size_t kernel_instructions = 1000000; // BPF_COMPLEXITY_LIMIT_INSNS
constexpr std::size_t license_size = 128;
constexpr std::uint32_t log_cap = 16u << 20; // LXC asks for 8 MiB
constexpr std::uint32_t log_mask = 1 | 2 | 4 | 8;

/// Zeroed memory for a log of which most is never touched.
class log_buffer
{
public:
    explicit log_buffer(std::size_t size) : size_(size)
    {
        if (size_ == 0) {
            return;
        }
        address_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (address_ == MAP_FAILED) {
            throw std::bad_alloc();
        }
    }
    ~log_buffer()
    {
        if (size_ != 0) {
            ::munmap(address_, size_);
        }
    }
    log_buffer(const log_buffer &) = delete;
    log_buffer &operator=(const log_buffer &) = delete;

    [[nodiscard]] std::span<char> span() { return {static_cast<char *>(address_), size_}; }

private:
    void *address_ = nullptr;
    std::size_t size_;
};

template <class T> void put(attr &a, std::size_t at, T value)
{
    std::memcpy(a.data() + at, &value, sizeof value);
}

/// As the kernel's bpf_obj_name_cpy().
bool valid_name(const attr &a)
{
    const auto *name = reinterpret_cast<const char *>(a.data() + offset::prog_name);
    const auto *end = std::find(name, name + BPF_OBJ_NAME_LEN, '\0');
    return end != name + BPF_OBJ_NAME_LEN && std::all_of(name, end, [](unsigned char c) {
               return (c < 0x80 && std::isalnum(c) != 0) || c == '_' || c == '.';
           });
}

/// As the kernel's bpf_verifier_log_attr_valid().
bool valid_log(std::uint32_t level, std::uint64_t buffer, std::uint32_t size)
{
    return (buffer != 0) == (size != 0) && !(buffer != 0 && level == 0) && (level & ~log_mask) == 0 &&
           size <= UINT32_MAX >> 2;
}

/// The two instructions r0 = 0; exit under this licence, by which old runtimes look for BPF_F_REPLACE.
bool is_probe(std::span<const bpf_insn> p, const std::string &license)
{
    const auto is = [](const bpf_insn &i, std::uint8_t code) {
        return i.code == code && i.dst_reg == 0 && i.src_reg == 0 && i.off == 0 && i.imm == 0;
    };
    const bool zero =
        p.size() == 2 && (is(p[0], BPF_ALU64 | BPF_MOV | BPF_K) || is(p[0], BPF_ALU | BPF_MOV | BPF_K));
    return zero && is(p[1], BPF_JMP | BPF_EXIT) && license == "MIT";
}

} // namespace

struct plugin::load_request {
    attr given; ///< the caller's
    std::uint32_t type = 0;
    std::uint32_t log_level = 0;
    std::uint32_t log_size = 0;
    std::uint64_t log_buf = 0;
    std::vector<bpf_insn> insns;
    std::string license;
};

deputy::answer plugin::load(deputy::call &call)
{
    const auto c = find(call.container());
    load_request want;
    if (auto r = read_load(call, *c, want); !r) {
        return deputy::answer::failure(r.error_number());
    }
    auto fd = do_load(call, *c, want);
    if (!fd) {
        return deputy::answer::failure(fd.error_number());
    }
    return deputy::answer::descriptor(*std::move(fd));
}

/// Reads and checks in the kernel's order, up to where the kernel would look at the instructions.
deputy::result<void> plugin::read_load(deputy::call &call, container_state &c, load_request &want)
{
    const auto read = read_attr(call, kernel_->attr_size());
    if (!read) {
        return deputy::error{read.error_number()};
    }
    want.given = *read;
    const attr &a = want.given;
    if (!a.zero_from(offset::load_end) ||
        (a.u32(offset::prog_flags) & ~(BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT)) != 0) {
        return deputy::error{EINVAL};
    }
    want.type = a.u32(offset::prog_type);
    want.log_level = a.u32(offset::log_level);
    want.log_size = a.u32(offset::log_size);
    want.log_buf = a.u64(offset::log_buf);

    const auto who = call.privileges();
    if (!who) {
        return deputy::error{who.error_number()};
    }
    if (who->in_container_user_ns != 1 || !has(who->capabilities, CAP_BPF)) {
        return deputy::error{EPERM};
    }
    const std::uint32_t count = a.u32(offset::insn_cnt);
    if (call.is_looked_at()) {
        call.describe("BPF_PROG_LOAD, type " + std::to_string(want.type) + ", " + std::to_string(count) +
                      " instructions");
    }
    if (count == 0 || count > kernel_instructions) {
        return deputy::error{E2BIG};
    }
    if (auto r = may_load(c, want, who->capabilities); !r) {
        return r;
    }
    if (count > c.set.instructions) {
        report(c, "a program of " + std::to_string(count) + " instructions is refused: the setting allows " +
                      std::to_string(c.set.instructions));
        return deputy::error{E2BIG};
    }
    if (a.u32(offset::attach_prog_fd) != 0 || a.u32(offset::attach_btf_id) != 0) {
        return deputy::error{EINVAL};
    }
    want.insns.resize(count);
    if (auto r = call.read(a.u64(offset::insns), want.insns.data(), count * sizeof(bpf_insn)); !r) {
        return r;
    }
    auto license = call.read_string(a.u64(offset::license), license_size);
    if (!license && license.error_number() == ENAMETOOLONG) { // the kernel cuts it off
        license = std::string(license_size - 1, '?');
        if (auto r = call.read(a.u64(offset::license), license->data(), license->size()); !r) {
            return r;
        }
    }
    if (!license) {
        return deputy::error{license.error_number()};
    }
    want.license = *std::move(license);
    if (a.u64(offset::signature) != 0) {
        return deputy::error{EOPNOTSUPP}; // as kernels without signatures of programs
    }
    if (a.u32(offset::prog_ifindex) != 0 || !valid_name(a)) {
        return deputy::error{EINVAL};
    }
    return {};
}

/// Which types of programs, and for whom.
deputy::result<void> plugin::may_load(container_state &c, const load_request &want,
                                      std::uint64_t capabilities)
{
    switch (want.type) {
    case BPF_PROG_TYPE_CGROUP_DEVICE:
        if (!has(capabilities, CAP_NET_ADMIN)) {
            return deputy::error{EPERM};
        }
        break;
    case BPF_PROG_TYPE_CGROUP_SKB:    // decided by its instructions
    case BPF_PROG_TYPE_SOCKET_FILTER: // refused, but a probe for BTF is told of its bad descriptor first
        return {};
    default:
        return deputy::error{EPERM};
    }
    // All or nothing: runtimes take a program that loads for the promise that it can be attached.
    if (!c.cgroup) {
        report(c, "a program is not loaded, because it could not be attached: the container has no cgroup");
        return deputy::error{EPERM};
    }
    const auto shut_off = shut_off_by_attach(*kernel_, *c.cgroup);
    if (!shut_off || *shut_off) {
        report(c, "a program is not loaded, because it could not be attached: " +
                      (shut_off ? **shut_off : std::generic_category().message(shut_off.error_number())));
        return deputy::error{EPERM};
    }
    return {};
}

deputy::result<deputy::unique_fd> plugin::do_load(deputy::call &call, container_state &c, load_request &want)
{
    const attr &a = want.given;
    if (want.type == BPF_PROG_TYPE_CGROUP_SKB && !is_probe(want.insns, want.license)) {
        return deputy::error{EPERM};
    }
    if (!valid_log(want.log_level, want.log_buf, want.log_size)) {
        return deputy::error{EINVAL};
    }
    if (a.u32(offset::fd_array_cnt) != 0) { // maps or BTF, of which no container has any
        std::int32_t first = -1;
        if (auto r = call.read(a.u64(offset::fd_array), &first, sizeof first); !r) {
            return deputy::error{r.error_number()};
        }
        const auto object = call.descriptor(first);
        return deputy::error{object ? EINVAL : object.error_number()};
    }
    if (a.u32(offset::func_info_cnt) != 0 || a.u32(offset::line_info_cnt) != 0) {
        // No container can make BTF, so a descriptor can only be bad or of something else.
        const auto btf = call.descriptor(a.s32(offset::prog_btf_fd));
        return deputy::error{btf ? EINVAL : btf.error_number()};
    }
    if (want.type == BPF_PROG_TYPE_SOCKET_FILTER) {
        return deputy::error{EPERM};
    }
    if (!programs_.has_room(c.id)) {
        programs_.collect_attached(*kernel_);
        if (!programs_.has_room(c.id)) {
            report(c,
                   "a program is refused: the setting allows " + std::to_string(c.set.programs) + " at once");
            return deputy::error{ENOMEM};
        }
    }
    const std::uint64_t serial = programs_.next_serial();
    if (want.type == BPF_PROG_TYPE_CGROUP_SKB) {
        return keep(call, c, serial, {}); // the probe needs a descriptor, not a program
    }
    if (auto r = refuse_program(call, c, want); !r) {
        return deputy::error{r.error_number()};
    }
    log_buffer log(std::min(want.log_size, log_cap));
    auto got = paced_load(c, want, log.span());
    if (!got) {
        return deputy::error{got.error_number()};
    }
    // All that the kernel wrote, also what it left behind the end of the text when it started over.
    const std::string_view whole(log.span().data(), log.span().size());
    const auto true_size = got->has_log_true_size ? std::optional(got->log_true_size) : std::nullopt;
    const std::string_view touched = whole.substr(0, true_size ? *true_size : whole.find('\0'));
    const std::string_view written = touched.substr(0, touched.find_last_not_of('\0') + 1);
    if (auto r = write_log(call, want, written, true_size); !r) {
        return deputy::error{r.error_number()};
    }
    if (!got->fd) {
        return deputy::error{got->error == EAGAIN ? ENOMEM : got->error}; // callers retry EAGAIN for ever
    }
    return keep(call, c, serial, std::move(got->fd));
}

/// Refuses what vetting refuses, in the host's log and in the caller's.
deputy::result<void> plugin::refuse_program(deputy::call &call, container_state &c, const load_request &want)
{
    const auto why = vet(want.insns);
    if (!why) {
        return {};
    }
    const std::string line = "instruction " + std::to_string(why->index) + ": " +
                             disassemble(want.insns[why->index]) + ": " + why->reason;
    report(c, "a device program is refused: " + line);
    const std::string text = line + " (refused before the kernel's verifier)\n";
    const std::size_t room = std::min(want.log_size, log_cap);
    const std::string_view fits = std::string_view(text).substr(0, room == 0 ? 0 : room - 1);
    const bool level = want.log_level != 0;
    if (auto r = write_log(call, want, level ? fits : "", static_cast<std::uint32_t>(text.size() + 1)); !r) {
        return r;
    }
    return deputy::error{why->number};
}

deputy::result<void> plugin::write_log(deputy::call &call, const load_request &want, std::string_view log,
                                       std::optional<std::uint32_t> true_size)
{
    if (want.log_level != 0 && want.log_size != 0) {
        std::string text(log);
        text.resize(std::min<std::size_t>(text.size(), want.log_size - 1));
        if (auto r = call.write(want.log_buf, text.c_str(), text.size() + 1); !r) {
            return r;
        }
    }
    const std::size_t at = offset::log_true_size;
    if (true_size && want.given.holds(at, sizeof *true_size)) {
        const std::uint32_t size = want.log_level != 0 ? *true_size : 0;
        return call.write(want.given.address() + at, &size, sizeof size);
    }
    return {};
}

deputy::result<loaded> plugin::paced_load(container_state &c, const load_request &want, std::span<char> log)
{
    const auto wait = pacer_.reserve(c.loads, token_bucket::clock::now());
    if (!wait) {
        report(c, "a program is refused: too many are loaded in too short a time");
        return deputy::error{ENOMEM};
    }
    if (wait->count() > 0) {
        std::this_thread::sleep_for(*wait);
    }
    const attr &a = want.given;
    attr rebuilt;
    put(rebuilt, offset::prog_type, want.type);
    put(rebuilt, offset::log_level, want.log_level);
    put(rebuilt, offset::kern_version, a.u32(offset::kern_version));
    put(rebuilt, offset::prog_flags, a.u32(offset::prog_flags));
    put(rebuilt, offset::expected_attach_type, std::uint32_t{BPF_CGROUP_DEVICE});
    std::memcpy(rebuilt.data() + offset::prog_name, a.data() + offset::prog_name, BPF_OBJ_NAME_LEN);
    return kernel_->load(rebuilt, want.insns, want.license.c_str(), log);
}

/// Records the program and makes the caller's descriptor.
deputy::result<deputy::unique_fd> plugin::keep(deputy::call &call, container_state &c, std::uint64_t serial,
                                               deputy::unique_fd fd)
{
    auto p = std::make_shared<program>();
    p->serial = serial;
    p->container = c.id;
    if (fd) {
        const auto info = kernel_->info(fd.get(), nullptr);
        if (!info) {
            return deputy::error{info.error_number()};
        }
        p->id = info->id;
    }
    p->fd = std::move(fd);
    if (auto r = call.commit(effect{effect::made_stand_in, 0, serial, 0, 0}); !r) {
        return deputy::error{r.error_number()};
    }
    return programs_.add(std::move(p));
}

} // namespace bpf_cgroup_device

// SPDX-License-Identifier: Apache-2.0
#include "kernel.hpp"

#include <bpf/bpf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

namespace bpf_cgroup_device
{
namespace
{

long bpf(std::uint32_t command, void *bytes, std::size_t size)
{
    return ::syscall(__NR_bpf, command, bytes, size);
}

/// A command that no kernel knows is refused with EINVAL, but with E2BIG first if a byte is set beyond the
/// kernel's union.
std::size_t probe_attr_size()
{
    std::array<std::byte, attr::capacity> bytes{};
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint32_t)) {
        bytes[at] = std::byte{1};
        const long r = bpf(0x7fffffff, bytes.data(), bytes.size());
        bytes[at] = std::byte{0};
        if (r < 0 && errno == E2BIG) {
            return at;
        }
    }
    return bytes.size();
}

template <class T> void put(attr &a, std::size_t at, T value)
{
    std::memcpy(a.data() + at, &value, sizeof value);
}

std::uint64_t address_of(const void *p)
{
    return reinterpret_cast<std::uintptr_t>(p);
}

} // namespace

running_kernel::running_kernel() : attr_size_(probe_attr_size())
{
}

// Not by bpf_prog_load(): that retries by itself, adds loads to probe features and cannot pass back the
// log's true size.
loaded running_kernel::load(const attr &from, std::span<const bpf_insn> insns, const char *license,
                            std::span<char> log)
{
    constexpr std::uint32_t untouched = 0xffffffff;
    attr a = from;
    put(a, offset::insn_cnt, static_cast<std::uint32_t>(insns.size()));
    put(a, offset::insns, address_of(insns.data()));
    put(a, offset::license, address_of(license));
    put(a, offset::log_buf, log.empty() ? 0 : address_of(log.data()));
    put(a, offset::log_size, static_cast<std::uint32_t>(log.size()));
    const bool has_size = attr_size_ >= offset::log_true_size + sizeof untouched;
    if (has_size) {
        put(a, offset::log_true_size, untouched);
    }
    const long r = bpf(BPF_PROG_LOAD, a.data(), std::min<std::size_t>(attr_size_, offset::load_end));
    loaded out;
    if (r < 0) {
        out.error = errno;
    } else {
        out.fd.reset(static_cast<int>(r));
    }
    out.log_true_size = a.u32(offset::log_true_size);
    out.has_log_true_size = has_size && out.log_true_size != untouched;
    return out;
}

deputy::result<void> running_kernel::attach(int cgroup, int program, std::uint32_t flags, int replace,
                                            std::uint64_t revision)
{
    const int replaced = (flags & BPF_F_REPLACE) != 0 ? replace : 0;
    if (revision != 0) {
        return change_at_revision(BPF_PROG_ATTACH, cgroup, program, flags, replaced, revision);
    }
    struct bpf_prog_attach_opts options {
    };
    options.sz = sizeof options;
    options.flags = flags;
    options.replace_prog_fd = replaced;
    const int r = ::bpf_prog_attach_opts(program, cgroup, BPF_CGROUP_DEVICE, &options);
    return r < 0 ? deputy::result<void>(deputy::error{-r}) : deputy::result<void>();
}

deputy::result<void> running_kernel::detach(int cgroup, int program, std::uint64_t revision)
{
    if (revision != 0) {
        return change_at_revision(BPF_PROG_DETACH, cgroup, program, 0, 0, revision);
    }
    const int r = ::bpf_prog_detach2(program, cgroup, BPF_CGROUP_DEVICE);
    return r < 0 ? deputy::result<void>(deputy::error{-r}) : deputy::result<void>();
}

// Not by libbpf, as long as the least version supported knows nothing of revisions.
deputy::result<void> running_kernel::change_at_revision(std::uint32_t command, int cgroup, int program,
                                                        std::uint32_t flags, int replaced,
                                                        std::uint64_t revision) const
{
    attr a;
    put(a, offset::target_fd, cgroup);
    put(a, offset::attach_bpf_fd, program);
    put(a, offset::attach_type, std::uint32_t{BPF_CGROUP_DEVICE});
    put(a, offset::attach_flags, flags);
    put(a, offset::replace_bpf_fd, replaced);
    put(a, offset::expected_revision, revision);
    const long r = bpf(command, a.data(), std::min<std::size_t>(attr_size_, offset::attach_end));
    return r < 0 ? deputy::result<void>(deputy::error{errno}) : deputy::result<void>();
}

deputy::result<attached_programs> running_kernel::query(int cgroup, std::uint32_t attach_type, bool effective)
{
    // One cgroup has at most 64; an effective list has that many for each level.
    for (std::uint32_t room = 64; room <= 16384; room *= 4) {
        attached_programs out;
        out.ids.resize(room);
        attr a; // larger than any kernel's: since 6.17 they write the revision whatever size is stated
        put(a, offset::query_target_fd, cgroup);
        put(a, offset::query_attach_type, attach_type);
        put(a, offset::query_flags, std::uint32_t{effective ? BPF_F_QUERY_EFFECTIVE : 0});
        put(a, offset::query_prog_ids, address_of(out.ids.data()));
        put(a, offset::query_prog_cnt, room);
        const long r = bpf(BPF_PROG_QUERY, a.data(), std::min<std::size_t>(attr_size_, offset::query_end));
        if (r < 0 && errno == ENOSPC) {
            continue;
        }
        if (r < 0) {
            return deputy::error{errno};
        }
        out.flags = a.u32(offset::query_attach_flags);
        out.ids.resize(a.u32(offset::query_prog_cnt));
        out.revision = a.u64(offset::query_revision);
        return out;
    }
    return deputy::error{ENOSPC};
}

deputy::result<bpf_prog_info> running_kernel::info(int program, std::vector<std::byte> *insns)
{
    bpf_prog_info out{};
    std::uint32_t size = sizeof out;
    int r = ::bpf_obj_get_info_by_fd(program, &out, &size);
    if (r == 0 && insns != nullptr) {
        insns->resize(out.xlated_prog_len);
        bpf_prog_info again{};
        again.xlated_prog_len = out.xlated_prog_len;
        again.xlated_prog_insns = address_of(insns->data());
        size = sizeof again;
        r = ::bpf_obj_get_info_by_fd(program, &again, &size);
        if (r == 0 && again.xlated_prog_insns == 0) {
            insns->clear(); // withheld
        }
        out = again;
    }
    if (r < 0) {
        return deputy::error{-r};
    }
    return out;
}

bool running_kernel::is_bpf_object(int fd)
{
    std::array<std::byte, sizeof(bpf_prog_info)> ignored{};
    std::uint32_t size = sizeof(std::uint32_t);
    const int r = ::bpf_obj_get_info_by_fd(fd, ignored.data(), &size);
    return r == 0 || (r != -EINVAL && r != -EBADF && r != -EBADFD);
}

deputy::result<std::uint64_t> running_kernel::cgroup_id(int fd)
{
    struct statfs fs {
    };
    struct stat st {
    };
    if (::fstatfs(fd, &fs) != 0 || fs.f_type != CGROUP2_SUPER_MAGIC || ::fstat(fd, &st) != 0 ||
        !S_ISDIR(st.st_mode)) {
        return deputy::error{EBADF};
    }
    return static_cast<std::uint64_t>(st.st_ino);
}

deputy::result<deputy::unique_fd> running_kernel::open(int mount, std::uint64_t id)
{
    constexpr int kernfs = 0xfe; // FILEID_KERNFS: the handle is the id, and that the inode number
    union {
        struct file_handle handle;
        std::array<char, sizeof(struct file_handle) + sizeof id> room;
    } h{};
    h.handle.handle_bytes = sizeof id;
    h.handle.handle_type = kernfs;
    std::memcpy(h.handle.f_handle, &id, sizeof id);
    deputy::unique_fd fd(::open_by_handle_at(mount, &h.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
        return deputy::error{errno == ESTALE ? ENOENT : errno};
    }
    return fd;
}

deputy::result<deputy::unique_fd> running_kernel::parent(int cgroup)
{
    deputy::unique_fd up(::openat(cgroup, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!up) {
        return deputy::error{errno};
    }
    const auto id = cgroup_id(up.get());
    const auto own = cgroup_id(cgroup);
    if (!id || !own || *id == *own) {
        return deputy::error{ENOENT};
    }
    return up;
}

} // namespace bpf_cgroup_device

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "plugin.hpp"

namespace bpf_cgroup_device
{
namespace
{

/// Whether the record sizes are what the kernel's set_info_rec_size() takes.
bool valid_record_sizes(const bpf_prog_info &i)
{
    const auto valid = [](std::uint32_t count, std::uint32_t size, std::size_t right) {
        return (count == 0 && size == 0) || size == right;
    };
    return valid(i.nr_func_info, i.func_info_rec_size, sizeof(bpf_func_info)) &&
           valid(i.nr_line_info, i.line_info_rec_size, sizeof(bpf_line_info)) &&
           valid(i.nr_jited_line_info, i.jited_line_info_rec_size, sizeof(std::uint64_t));
}

/// Fills in the pointers and, behind them, what the caller wants to have: instructions and tag. Addresses and
/// machine code are withheld, as the kernel does where addresses are not to be seen.
deputy::result<void> fill_arrays(deputy::call &call, const bpf_prog_info &wanted, bpf_prog_info &out,
                                 const std::vector<std::byte> &insns)
{
    out.map_ids = wanted.map_ids;
    out.xlated_prog_insns = wanted.xlated_prog_insns;
    if (wanted.xlated_prog_len != 0 && insns.empty()) {
        out.xlated_prog_insns = 0;
    } else if (wanted.xlated_prog_len != 0) {
        const std::size_t n = std::min<std::size_t>(wanted.xlated_prog_len, insns.size());
        if (auto r = call.write(wanted.xlated_prog_insns, insns.data(), n); !r) {
            return r;
        }
    }
    const auto unless_wanted = [](std::uint32_t count, std::uint64_t pointer) {
        return count == 0 ? pointer : 0;
    };
    out.jited_prog_insns = unless_wanted(wanted.jited_prog_len, wanted.jited_prog_insns);
    out.jited_ksyms = unless_wanted(wanted.nr_jited_ksyms, wanted.jited_ksyms);
    out.jited_func_lens = unless_wanted(wanted.nr_jited_func_lens, wanted.jited_func_lens);
    out.func_info = wanted.func_info;
    out.line_info = wanted.line_info;
    out.jited_line_info = unless_wanted(wanted.nr_jited_line_info, wanted.jited_line_info);
    out.prog_tags = wanted.prog_tags;
    if (wanted.nr_prog_tags != 0 && out.nr_prog_tags != 0) {
        return call.write(wanted.prog_tags, out.tag, sizeof out.tag);
    }
    return {};
}

} // namespace

deputy::answer plugin::get_info(deputy::call &call)
{
    const auto c = find(call.container());
    const auto a = read_attr(call, kernel_->attr_size());
    if (!a || !a->zero_from(offset::info_end)) {
        return deputy::answer::failure(a ? EINVAL : a.error_number());
    }
    const auto copy = call.descriptor(a->s32(offset::info_bpf_fd));
    if (!copy || (::fcntl(copy->get(), F_GETFL) & O_PATH) != 0) {
        // EBADFD is what the kernel says of a bad descriptor here, and here alone.
        return deputy::answer::failure(!copy && copy.error_number() != EBADF ? copy.error_number() : EBADFD);
    }
    const auto p = programs_.by_descriptor(copy->get());
    if (!p) {
        // About a bpf object that the caller has from elsewhere, the kernel decides what it may know.
        return kernel_->is_bpf_object(copy->get()) ? deputy::answer::proceed()
                                                   : deputy::answer::failure(EINVAL);
    }
    if (p->container != c->id) {
        return deputy::answer::failure(EPERM);
    }
    if (p->probe()) {
        return deputy::answer::failure(EINVAL);
    }
    const std::uint32_t size = a->u32(offset::info_len);
    const std::uint64_t address = a->u64(offset::info_pointer);
    bpf_prog_info wanted{};
    if (auto r = read_growing(call, address, size, reinterpret_cast<std::byte *>(&wanted), sizeof wanted);
        !r) {
        return deputy::answer::failure(r.error_number());
    }
    std::vector<std::byte> insns;
    auto out = kernel_->info(p->fd.get(), wanted.xlated_prog_len != 0 ? &insns : nullptr);
    if (!out || !valid_record_sizes(wanted)) {
        return deputy::answer::failure(out ? EINVAL : out.error_number());
    }
    if (auto r = fill_arrays(call, wanted, *out, insns); !r) {
        return deputy::answer::failure(r.error_number());
    }
    const std::uint32_t length = std::min<std::uint32_t>(size, sizeof *out);
    auto r = length == 0 ? deputy::result<void>() : call.write(address, &*out, length);
    if (r && a->holds(offset::info_len, sizeof length)) {
        r = call.write(a->address() + offset::info_len, &length, sizeof length);
    }
    return r ? deputy::answer::value(0) : deputy::answer::failure(r.error_number());
}

} // namespace bpf_cgroup_device

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>

#include <bpf_cgroup_device/src/plugin.hpp>
#include <deputy/testing/kit.hpp>

namespace bpf_cgroup_device
{

/// The kernel's rules for device programs on cgroups, over a tree of ordinary directories.
class fake_kernel final : public kernel
{
public:
    fake_kernel()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "deputy-cgroups-XXXXXX").string();
        root_ = ::mkdtemp(pattern.data());
        add("");
    }
    ~fake_kernel() override { std::filesystem::remove_all(root_); }

    /// Makes a cgroup; its parent exists.
    void add(const std::string &path)
    {
        const auto whole = root_ / path;
        std::filesystem::create_directories(whole);
        cgroup c;
        c.path = whole;
        struct stat st {
        };
        ::stat(whole.c_str(), &st);
        if (st.st_ino != root_inode_ && root_inode_ != 0) {
            c.parent = inode(whole.parent_path());
        } else {
            root_inode_ = st.st_ino;
        }
        cgroups_[st.st_ino] = c;
        names_[path] = st.st_ino;
    }
    void remove(const std::string &path) { named(path).removed = true; }
    [[nodiscard]] deputy::unique_fd open(const std::string &path) const
    {
        return deputy::unique_fd(::open((root_ / path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    /// Attaches a program of the host's.
    std::uint32_t host_attaches(const std::string &path, std::uint32_t flags)
    {
        auto &c = named(path);
        c.flags = flags;
        c.programs.push_back(++last_id_);
        return last_id_;
    }
    void detach_all(const std::string &path)
    {
        named(path).programs.clear();
        named(path).flags = 0;
    }
    [[nodiscard]] std::vector<std::uint32_t> attached_at(const std::string &path)
    {
        return named(path).programs;
    }
    [[nodiscard]] std::vector<std::uint32_t> effective_at(const std::string &path)
    {
        return effective(&named(path));
    }

    // What load answers next.
    int load_error = 0;
    std::string load_log;
    std::function<void()> on_attach; ///< called within attach, before its effect
    // What load was last given.
    attr last_attr;
    std::vector<bpf_insn> last_insns;
    std::string last_license;
    std::size_t last_log_size = 0;
    int loads = 0;
    std::uint64_t current_revision = 7; ///< 0: a kernel that has none

    std::size_t attr_size() override { return 168; }
    loaded load(const attr &a, std::span<const bpf_insn> insns, const char *license,
                std::span<char> log) override
    {
        ++loads;
        last_attr = a;
        last_insns.assign(insns.begin(), insns.end());
        last_license = license;
        last_log_size = log.size();
        loaded out;
        if (!log.empty()) {
            const std::size_t n = std::min(log.size() - 1, load_log.size());
            std::copy_n(load_log.begin(), n, log.begin());
        }
        out.has_log_true_size = true;
        out.log_true_size = static_cast<std::uint32_t>(load_log.size() + 1);
        out.error = load_error;
        if (load_error == 0) {
            out.fd.reset(::memfd_create("program", MFD_CLOEXEC));
            programs_[inode_of(out.fd.get())] = ++last_id_;
        }
        return out;
    }
    deputy::result<void> attach(int fd, int program, std::uint32_t flags, int replace,
                                std::uint64_t revision) override
    {
        if (on_attach) {
            std::exchange(on_attach, nullptr)();
        }
        auto &c = cgroups_.at(inode_of(fd));
        const std::uint32_t id = programs_.at(inode_of(program));
        const std::uint32_t saved = flags & (BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI);
        if (c.removed || (revision != 0 && revision != current_revision)) {
            return deputy::error{c.removed ? ENOENT : ESTALE};
        }
        if (!hierarchy_allows(c) || (!c.programs.empty() && c.flags != saved)) {
            return deputy::error{EPERM};
        }
        const auto has = std::find(c.programs.begin(), c.programs.end(), id);
        if ((flags & BPF_F_ALLOW_MULTI) == 0) {
            c.programs = {id};
        } else if (has != c.programs.end()) {
            return deputy::error{EINVAL};
        } else if ((flags & BPF_F_REPLACE) != 0) {
            const auto old = std::find(c.programs.begin(), c.programs.end(), programs_.at(inode_of(replace)));
            if (old == c.programs.end()) {
                return deputy::error{ENOENT};
            }
            *old = id;
        } else {
            c.programs.push_back(id);
        }
        c.flags = saved;
        return {};
    }
    deputy::result<void> detach(int fd, int program, std::uint64_t revision) override
    {
        auto &c = cgroups_.at(inode_of(fd));
        if (revision != 0 && revision != current_revision) {
            return deputy::error{ESTALE};
        }
        const auto has = std::find(c.programs.begin(), c.programs.end(), programs_.at(inode_of(program)));
        if (has == c.programs.end()) {
            return deputy::error{ENOENT};
        }
        c.programs.erase(has);
        c.flags = c.programs.empty() ? 0 : c.flags;
        return {};
    }
    deputy::result<attached_programs> query(int fd, std::uint32_t type, bool is_effective) override
    {
        const auto &c = cgroups_.at(inode_of(fd));
        if (c.removed) {
            return deputy::error{ENOENT};
        }
        if (type != BPF_CGROUP_DEVICE) {
            return attached_programs{BPF_F_ALLOW_MULTI, {4711}, current_revision};
        }
        return is_effective ? attached_programs{0, effective(&c), current_revision}
                            : attached_programs{c.flags, c.programs, current_revision};
    }
    deputy::result<bpf_prog_info> info(int program, std::vector<std::byte> *insns) override
    {
        bpf_prog_info i{};
        i.type = BPF_PROG_TYPE_CGROUP_DEVICE;
        i.id = programs_.at(inode_of(program));
        i.xlated_prog_len = static_cast<std::uint32_t>(last_insns.size() * sizeof(bpf_insn));
        i.jited_prog_len = 100;
        i.nr_prog_tags = 1;
        std::fill(std::begin(i.tag), std::end(i.tag), 7);
        if (insns != nullptr) {
            insns->resize(i.xlated_prog_len);
            std::memcpy(insns->data(), last_insns.data(), insns->size());
        }
        return i;
    }
    bool is_bpf_object(int fd) override { return programs_.count(inode_of(fd)) != 0; }
    deputy::result<std::uint64_t> cgroup_id(int fd) override
    {
        const auto i = inode_of(fd);
        return cgroups_.count(i) != 0 ? deputy::result<std::uint64_t>(i) : deputy::error{EBADF};
    }
    deputy::result<deputy::unique_fd> open(int, std::uint64_t id) override
    {
        const auto &c = cgroups_.at(id);
        if (c.removed) {
            return deputy::error{ENOENT};
        }
        return deputy::unique_fd(::open(c.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    deputy::result<deputy::unique_fd> parent(int fd) override
    {
        const auto &c = cgroups_.at(inode_of(fd));
        return c.parent == 0 ? deputy::error{ENOENT} : open(-1, c.parent);
    }

private:
    struct cgroup {
        std::filesystem::path path;
        std::uint64_t parent = 0;
        std::uint32_t flags = 0;
        std::vector<std::uint32_t> programs;
        bool removed = false;
    };

    static std::uint64_t inode_of(int fd)
    {
        struct stat st {
        };
        ::fstat(fd, &st);
        return st.st_ino;
    }
    static std::uint64_t inode(const std::filesystem::path &p)
    {
        struct stat st {
        };
        ::stat(p.c_str(), &st);
        return st.st_ino;
    }
    cgroup &named(const std::string &path) { return cgroups_.at(names_.at(path)); }
    const cgroup *up(const cgroup *c) const { return c->parent == 0 ? nullptr : &cgroups_.at(c->parent); }

    bool hierarchy_allows(const cgroup &c) const
    {
        for (const cgroup *p = up(&c); p != nullptr; p = up(p)) {
            if ((p->flags & BPF_F_ALLOW_MULTI) != 0) {
                return true;
            }
            if (!p->programs.empty()) {
                return (p->flags & BPF_F_ALLOW_OVERRIDE) != 0;
            }
        }
        return true;
    }
    std::vector<std::uint32_t> effective(const cgroup *c) const
    {
        std::vector<std::uint32_t> ids;
        for (; c != nullptr; c = up(c)) {
            if (ids.empty() || (c->flags & BPF_F_ALLOW_MULTI) != 0) {
                ids.insert(ids.end(), c->programs.begin(), c->programs.end());
            }
        }
        return ids;
    }

    std::filesystem::path root_;
    std::uint64_t root_inode_ = 0;
    std::map<std::uint64_t, cgroup> cgroups_;
    std::map<std::string, std::uint64_t> names_;
    std::map<std::uint64_t, std::uint32_t> programs_;
    std::uint32_t last_id_ = 100;
};

/// The plugin over a fake kernel, made by the host that loads it.
class tested_plugin : public plugin
{
public:
    static inline fake_kernel *made = nullptr;

    explicit tested_plugin(deputy::host h) : plugin(h, make(), token_bucket(1e9, 1e9)) { self = this; }
    static inline tested_plugin *self = nullptr;

private:
    static std::unique_ptr<kernel> make()
    {
        auto k = std::make_unique<fake_kernel>();
        made = k.get();
        return k;
    }
};

/// An attr as a caller lays it out.
class attr_builder
{
public:
    explicit attr_builder(std::size_t size) : bytes_(size) {}
    template <class T> attr_builder &set(std::size_t at, T value)
    {
        std::vector<std::byte> whole(std::max(bytes_.size(), at + sizeof value));
        std::copy(bytes_.begin(), bytes_.end(), whole.begin());
        std::memcpy(whole.data() + at, &value, sizeof value);
        std::copy_n(whole.begin(), bytes_.size(), bytes_.begin());
        return *this;
    }
    [[nodiscard]] const std::vector<std::byte> &bytes() const { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

} // namespace bpf_cgroup_device

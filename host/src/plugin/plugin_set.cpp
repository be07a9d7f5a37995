// SPDX-License-Identifier: Apache-2.0
#include "plugin/plugin_set.hpp"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/dll/shared_library.hpp>
#include <fmt/format.h>

#include <deputy/plugin.hpp>

#include "plugin/callback.hpp"

namespace deputyd
{
namespace
{

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path &file, std::string_view reason)
{
    throw std::runtime_error(fmt::format("plugin file {}: {}", file.string(), reason));
}

/// A plugin has the host's power: only who has that power already may be able to change it.
void check_owner(const fs::path &file, const struct stat &st)
{
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        refuse(file, fmt::format(
                         "it belongs to uid {}; a plugin must belong to root: chown root it, and only if you "
                         "trust it as the host itself",
                         st.st_uid));
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        refuse(file, "its group or others may write to it; chmod go-w it");
    }
}

/// A read-only mapping of a regular file.
class mapped_file
{
public:
    explicit mapped_file(const fs::path &file)
    {
        const deputy::unique_fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        struct stat st {
        };
        if (!fd || fstat(fd.get(), &st) != 0) {
            refuse(file, std::strerror(errno));
        }
        if (!S_ISREG(st.st_mode)) {
            refuse(file, "it is not a regular file");
        }
        check_owner(file, st);
        size_ = static_cast<std::size_t>(st.st_size);
        if (size_ == 0) {
            refuse(file, "it is empty");
        }
        address_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
        if (address_ == MAP_FAILED) {
            refuse(file, std::strerror(errno));
        }
    }
    ~mapped_file() { munmap(address_, size_); }
    mapped_file(const mapped_file &) = delete;
    mapped_file &operator=(const mapped_file &) = delete;
    std::span<const std::byte> bytes() const { return {static_cast<const std::byte *>(address_), size_}; }

private:
    void *address_ = nullptr;
    std::size_t size_ = 0;
};

deputy_plugin_query_v1_fn load_entry(const fs::path &file)
{
    // Boost.DLL puts "." before a bare name and guesses names unless the path is absolute; it reports
    // every failure as "Bad file descriptor", the reason is in dlerror().
    boost::dll::fs::error_code failed;
    auto library = std::make_unique<boost::dll::shared_library>(
        fs::absolute(file), boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local, failed);
    if (failed) {
        const char *reason = dlerror();
        refuse(file, reason != nullptr ? reason : failed.message());
    }
    if (!library->has(DEPUTY_PLUGIN_QUERY_SYMBOL)) {
        refuse(file, "it does not export " DEPUTY_PLUGIN_QUERY_SYMBOL "; make it visible with DEPUTY_PLUGIN");
    }
    // Never unloaded: threads, thread-local destructors and strings of the plugin may outlive any count.
    static auto &loaded = *new std::vector<std::unique_ptr<boost::dll::shared_library>>;
    loaded.push_back(std::move(library));
    return loaded.back()->get<std::int32_t(std::uint32_t, const deputy_plugin_v1 **)>(
        DEPUTY_PLUGIN_QUERY_SYMBOL);
}

} // namespace

manifest accepted_manifest(const fs::path &file)
{
    const mapped_file mapped(file);
    try {
        manifest m = read_manifest(mapped.bytes());
        check_abi(m);
        return m;
    } catch (const std::runtime_error &e) {
        refuse(file, e.what());
    }
}

opened_plugin open_plugin(const fs::path &file)
{
    manifest m = accepted_manifest(file);
    const auto query = load_entry(file);
    const deputy_plugin_v1 *description = nullptr;
    const auto r = run_callback(m.name, DEPUTY_PLUGIN_QUERY_SYMBOL,
                                [&] { return query(DEPUTY_ABI_MINOR, &description); });
    if (r != 0 || description == nullptr) {
        refuse(file, fmt::format("it declines to be loaded: {}", std::strerror(-r)));
    }
    return {std::move(m), description};
}

loaded_plugin &plugin_set::load(const fs::path &file)
{
    if (const manifest m = accepted_manifest(file); find(m.name) != nullptr) {
        refuse(file, fmt::format("a plugin named {} is loaded already", m.name));
    }
    opened_plugin opened = open_plugin(file);
    plugins_.push_back(
        std::make_unique<loaded_plugin>(std::move(opened.about), *opened.description, extensions_));
    return *plugins_.back();
}

loaded_plugin *plugin_set::find(std::string_view name) const
{
    for (const auto &p : plugins_) {
        if (p->name() == name) {
            return p.get();
        }
    }
    return nullptr;
}

void plugin_set::ready()
{
    for (const auto &p : plugins_) {
        if (!p->is_ready()) {
            p->ready();
        }
    }
}

} // namespace deputyd

// SPDX-License-Identifier: Apache-2.0
#include "daemon/kept_entry.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/json_text.hpp"

namespace deputyd
{
namespace
{

constexpr off_t record_limit = 64 << 10; ///< bytes

bool is_record(int fd)
{
    const int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

nlohmann::json read_record(int fd)
{
    struct stat st {
    };
    if (fstat(fd, &st) != 0 || st.st_size > record_limit) {
        return {};
    }
    std::string text(static_cast<std::size_t>(st.st_size), '\0');
    if (pread(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        return {};
    }
    auto parsed = nlohmann::json::parse(text, nullptr, false);
    return parsed.is_object() ? parsed : nlohmann::json();
}

} // namespace

deputy::unique_fd make_record(const nlohmann::json &record)
{
    const std::string text = json_text(record);
    if (text.size() > static_cast<std::size_t>(record_limit)) {
        throw std::system_error(E2BIG, std::system_category(), "cannot make a record");
    }
    deputy::unique_fd fd(memfd_create("deputy-record", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd || write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        throw std::system_error(errno, std::system_category(), "cannot make a record");
    }
    return fd;
}

kept_entry read_entry(std::string name, std::vector<deputy::unique_fd> fds)
{
    kept_entry e{std::move(name), {}, {}};
    for (auto &fd : fds) {
        if (is_record(fd.get())) {
            e.record = read_record(fd.get());
        } else {
            e.fds.push_back(std::move(fd));
        }
    }
    return e;
}

} // namespace deputyd

// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <cstdlib>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace deputyd
{
namespace
{

/// The syslog priority in the form that journald reads, "<6>".
class priority_flag : public spdlog::custom_flag_formatter
{
public:
    void format(const spdlog::details::log_msg &message, const std::tm &, spdlog::memory_buf_t &out) override
    {
        static constexpr std::string_view prefixes[] = {"<7>", "<7>", "<6>", "<4>", "<3>", "<2>", "<6>"};
        const auto prefix = prefixes[static_cast<std::size_t>(message.level)];
        out.append(prefix.data(), prefix.data() + prefix.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override
    {
        return std::make_unique<priority_flag>();
    }
};

/// Whether standard error is the journal's socket, as systemd tells its services: "device:inode".
bool stderr_is_journal()
{
    const char *stream = std::getenv("JOURNAL_STREAM");
    struct stat st {
    };
    if (stream == nullptr || fstat(STDERR_FILENO, &st) != 0) {
        return false;
    }
    return fmt::format("{}:{}", st.st_dev, st.st_ino) == stream;
}

std::shared_ptr<spdlog::logger> make_logger()
{
    auto logger =
        std::make_shared<spdlog::logger>("deputy", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    if (stderr_is_journal()) {
        formatter->add_flag<priority_flag>('*').set_pattern("%*%v");
    } else {
        formatter->set_pattern("deputy: %l: %v");
    }
    logger->set_formatter(std::move(formatter));
    logger->flush_on(spdlog::level::trace);
    return logger;
}

} // namespace

spdlog::logger &log()
{
    static const std::shared_ptr<spdlog::logger> logger = make_logger();
    return *logger;
}

bool start_log(std::string_view level)
{
    for (const auto known :
         {spdlog::level::err, spdlog::level::warn, spdlog::level::info, spdlog::level::debug}) {
        const auto name = spdlog::level::to_string_view(known);
        if (level == std::string_view(name.data(), name.size())) {
            log().set_level(known);
            return true;
        }
    }
    return false;
}

namespace
{

/// Length of the UTF-8 sequence at the front of text; 0 if it is not one.
std::size_t sequence(std::string_view text)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xc2 && first < 0xe0 ? 2
                               : first >= 0xe0 && first < 0xf0 ? 3
                               : first >= 0xf0 && first < 0xf5 ? 4
                                                               : 0;
    if (length == 0 || length > text.size()) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) {
            return 0;
        }
    }
    const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    const bool too_high = first == 0xf4 && byte(1) >= 0x90;
    const bool c1_control = first == 0xc2 && byte(1) < 0xa0;
    return overlong || surrogate || too_high || c1_control ? 0 : length;
}

} // namespace

std::string escaped(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = sequence(text);
        const auto first = static_cast<unsigned char>(text.front());
        if (length == 0 || first < 0x20 || first == 0x7f) {
            out += fmt::format("\\x{:02x}", first);
            text.remove_prefix(1);
        } else {
            out += text.substr(0, length);
            text.remove_prefix(length);
        }
    }
    return out;
}

} // namespace deputyd

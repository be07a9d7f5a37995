// SPDX-License-Identifier: Apache-2.0
#include "observe/call_report.hpp"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/errno_name.hpp"
#include "base/log.hpp"

namespace deputyd
{
namespace
{

using nlohmann::json;

std::string clock_text(double seconds)
{
    const auto whole = static_cast<std::time_t>(seconds);
    return fmt::format("{:%H:%M:%S}.{:06}", fmt::localtime(whole),
                       static_cast<int>((seconds - static_cast<double>(whole)) * 1e6));
}

std::string arguments_text(const json &r)
{
    if (const std::string object = r.value("object", ""); !object.empty()) {
        return escaped(object);
    }
    std::string text;
    for (const json &argument : r.at("args")) {
        text += fmt::format("{}{:#x}", text.empty() ? "" : ", ", argument.get<std::uint64_t>());
    }
    return text;
}

/// What comes behind the equals sign.
std::string result_text(const json &r)
{
    const std::string how = r.at("ending");
    if (how == "value") {
        return std::to_string(r.value("value", std::int64_t{0}));
    }
    if (how == "descriptor" || how == "continued" || how == "lost") {
        return how;
    }
    const std::string error = r.value("errno", "");
    if (how == "observed") {
        return error.empty() ? "observed, would be done" : "observed, would be -1 " + error;
    }
    if (how == "off" && error.empty()) {
        return "continued [off]";
    }
    const std::string text = error.empty() ? "-1" : "-1 " + error;
    return how == "error" ? text : text + " [" + how + "]";
}

} // namespace

json json_of(const call_report &r)
{
    json all = {{"time", std::chrono::duration<double>(r.at.time_since_epoch()).count()},
                {"container", r.container},
                {"tid", r.tid},
                {"command", r.command},
                {"handler", r.handler},
                {"args", r.args},
                {"object", r.object},
                {"reason", r.reason},
                {"ending", std::string(name_of(r.how))},
                {"us", std::chrono::duration<double, std::micro>(r.took).count()}};
    if (r.pid) {
        all["pid"] = *r.pid;
    }
    if (r.uid) {
        all["uid"] = *r.uid;
    }
    if (r.error != 0) {
        all["errno"] = errno_name(r.error);
    }
    if (r.how == ending::value) {
        all["value"] = r.value;
    }
    return all;
}

std::string call_text(const json &r)
{
    const std::string reason = r.value("reason", "");
    const std::string command = r.value("command", "");
    return fmt::format("{}[{}] {} {}({}) = {}{} <{:.0f}us>", escaped(r.value("container", "")),
                       r.value("tid", 0U), command.empty() ? "?" : escaped(command),
                       escaped(r.value("handler", "")), arguments_text(r), result_text(r),
                       reason.empty() ? "" : " (" + escaped(reason) + ")", r.value("us", 0.0));
}

std::string trace_line(const json &r)
{
    return clock_text(r.value("time", 0.0)) + " " + call_text(r);
}

} // namespace deputyd

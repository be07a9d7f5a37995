// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// What a seccomp profile really does: compiles it with libseccomp as runtimes do, and runs the program.

#include <array>
#include <cstring>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <map>
#include <memory>
#include <seccomp.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include <deputy/plugin.hpp>
#include <nlohmann/json.hpp>

namespace deputy_test
{

/// A compiled filter.
class compiled_filter
{
public:
    /// @param profile linux.seccomp of runtime-spec.
    explicit compiled_filter(const nlohmann::ordered_json &profile)
    {
        const std::unique_ptr<void, decltype(&seccomp_release)> context(
            seccomp_init(action(profile, "defaultAction", "defaultErrnoRet")), &seccomp_release);
        for (const auto &name : profile.at("architectures")) {
            std::string text = name.get<std::string>().substr(std::strlen("SCMP_ARCH_"));
            for (char &c : text) {
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            }
            const int r = seccomp_arch_add(context.get(), seccomp_arch_resolve_name(text.c_str()));
            check(r == -EEXIST ? 0 : r, "architecture " + text);
        }
        for (const auto &rule : profile.at("syscalls")) {
            for (const auto &name : rule.at("names")) {
                add(context.get(), rule, name.get<std::string>());
            }
        }
        const deputy::unique_fd file(::memfd_create("filter", MFD_CLOEXEC));
        check(seccomp_export_bpf(context.get(), file.get()), "export");
        program_.resize(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)) / sizeof(sock_filter));
        if (::pread(file.get(), program_.data(), program_.size() * sizeof(sock_filter), 0) < 0) {
            throw std::runtime_error("pread");
        }
    }

    /// SECCOMP_RET_* with its data.
    [[nodiscard]] std::uint32_t verdict(const std::string &syscall, const std::array<std::uint64_t, 6> &args,
                                        std::uint32_t arch = SCMP_ARCH_NATIVE) const
    {
        seccomp_data data{};
        data.nr = seccomp_syscall_resolve_name_arch(arch, syscall.c_str());
        data.arch = arch == SCMP_ARCH_X86 ? AUDIT_ARCH_I386 : seccomp_arch_native();
        std::memcpy(data.args, args.data(), sizeof data.args);
        return run(data);
    }
    [[nodiscard]] std::size_t size() const { return program_.size(); }

private:
    static void check(int returned, const std::string &what)
    {
        if (returned < 0) {
            throw std::runtime_error(what + ": " + std::strerror(-returned));
        }
    }
    static std::uint32_t action(const nlohmann::ordered_json &of, const char *key, const char *error)
    {
        const std::string name = of.at(key);
        if (name == "SCMP_ACT_ERRNO") {
            return SCMP_ACT_ERRNO(of.value(error, 1));
        }
        static const std::map<std::string, std::uint32_t> known = {{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
                                                                   {"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
                                                                   {"SCMP_ACT_LOG", SCMP_ACT_LOG},
                                                                   {"SCMP_ACT_KILL", SCMP_ACT_KILL}};
        return known.at(name);
    }
    static scmp_arg_cmp argument(const nlohmann::ordered_json &a)
    {
        static const std::map<std::string, scmp_compare> known = {{"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                                                  {"SCMP_CMP_NE", SCMP_CMP_NE},
                                                                  {"SCMP_CMP_GE", SCMP_CMP_GE},
                                                                  {"SCMP_CMP_GT", SCMP_CMP_GT},
                                                                  {"SCMP_CMP_LE", SCMP_CMP_LE},
                                                                  {"SCMP_CMP_LT", SCMP_CMP_LT},
                                                                  {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};
        return {a.at("index").get<unsigned>(), known.at(a.at("op")), a.at("value").get<std::uint64_t>(),
                a.value("valueTwo", std::uint64_t{0})};
    }
    static void add(scmp_filter_ctx context, const nlohmann::ordered_json &rule, const std::string &name)
    {
        const int nr = seccomp_syscall_resolve_name(name.c_str());
        const std::uint32_t does = action(rule, "action", "errnoRet");
        if (nr == __NR_SCMP_ERROR || does == action_default(context)) {
            return; // as runtimes do
        }
        std::vector<scmp_arg_cmp> arguments;
        if (rule.contains("args") && !rule["args"].is_null()) {
            for (const auto &a : rule["args"]) {
                arguments.push_back(argument(a));
            }
        }
        const int r = seccomp_rule_add_array(context, does, nr, static_cast<unsigned>(arguments.size()),
                                             arguments.data());
        check(r == -EEXIST ? 0 : r, name + " " + rule.dump());
    }
    static std::uint32_t action_default(scmp_filter_ctx context)
    {
        std::uint32_t a = 0;
        seccomp_attr_get(context, SCMP_FLTATR_ACT_DEFAULT, &a);
        return a;
    }
    /// The instructions that libseccomp emits.
    [[nodiscard]] std::uint32_t run(const seccomp_data &data) const
    {
        std::uint32_t a = 0;
        for (std::size_t at = 0; at < program_.size(); ++at) {
            const sock_filter &i = program_[at];
            switch (i.code) {
            case BPF_LD | BPF_W | BPF_ABS:
                std::memcpy(&a, reinterpret_cast<const char *>(&data) + i.k, sizeof a);
                break;
            case BPF_ALU | BPF_AND | BPF_K:
                a &= i.k;
                break;
            case BPF_JMP | BPF_JA:
                at += i.k;
                break;
            case BPF_JMP | BPF_JEQ | BPF_K:
                at += a == i.k ? i.jt : i.jf;
                break;
            case BPF_JMP | BPF_JGT | BPF_K:
                at += a > i.k ? i.jt : i.jf;
                break;
            case BPF_JMP | BPF_JGE | BPF_K:
                at += a >= i.k ? i.jt : i.jf;
                break;
            case BPF_JMP | BPF_JSET | BPF_K:
                at += (a & i.k) != 0 ? i.jt : i.jf;
                break;
            case BPF_RET | BPF_K:
                return i.k;
            default:
                throw std::runtime_error("an instruction that no seccomp filter has");
            }
        }
        throw std::runtime_error("the program has no end");
    }

    std::vector<sock_filter> program_;
};

} // namespace deputy_test

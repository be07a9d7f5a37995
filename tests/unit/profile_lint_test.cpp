// SPDX-License-Identifier: Apache-2.0
#include "profile/lint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "profile/write.hpp"

namespace
{

using namespace deputyd::profile;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// The checks that find something, each with its place.
std::vector<std::string> found(const std::string &text, const char *runtime_text = nullptr)
{
    std::vector<std::string> all;
    const auto r = runtime_text == nullptr ? std::nullopt : std::optional<runtime>(runtime_text);
    for (const finding &f : lint(text, {{}, "6.1.0"}, r)) {
        all.push_back(f.check + " " + f.where);
    }
    return all;
}

const std::string refusal = R"({"names": ["seccomp"], "action": "SCMP_ACT_ERRNO", "errnoRet": 16, "args": [
    {"index": 0, "value": 4294967295, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"},
    {"index": 1, "value": 8, "valueTwo": 8, "op": "SCMP_CMP_MASKED_EQ"}]})";
const std::string notify_bpf = R"({"names": ["bpf"], "action": "SCMP_ACT_NOTIFY",
    "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_EQ"}]})";

std::string profile_of(const std::string &rules,
                       const std::string &more = R"(, "listenerPath": "/run/x.sock")",
                       const char *fallback = "SCMP_ACT_ALLOW")
{
    return std::string(R"({"defaultAction": ")") + fallback +
           R"(", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [)" +
           rules + "]" + more + "}";
}

TEST(ProfileLint, finds_nothing_in_what_deputy_writes)
{
    recipe r;
    r.where = {{}, "6.1.0"};
    cube c = equal_to(0, 5);
    const std::vector<claim> wanted = {{"bpf", 0, {c}}, {"seccomp", 16, {new_listener()}}};
    for (const format f : {format::oci, format::docker, format::lxc}) {
        r.kind = f;
        EXPECT_THAT(found(write_profile(r, wanted)), IsEmpty());
    }
}

TEST(ProfileWrite, refuses_under_lxc_what_would_never_start)
{
    recipe r;
    r.base = "none";
    const std::vector<claim> wanted = {{"openat", 0, {cube{}}}};
    r.kind = format::lxc;
    try {
        write_profile(r, wanted);
        ADD_FAILURE() << "openat was taken";
    } catch (const std::runtime_error &e) {
        EXPECT_THAT(e.what(), testing::HasSubstr("openat cannot be handed over under LXC"));
    }
    r.kind = format::docker;
    EXPECT_NO_THROW(write_profile(r, wanted));
}

TEST(ProfileLint, names_shadowed_rules_in_either_order)
{
    const std::string allow = R"({"names": ["read", "bpf"], "action": "SCMP_ACT_ALLOW"})";
    EXPECT_THAT(found(profile_of(refusal + "," + allow + "," + notify_bpf)),
                ElementsAre("shadowed-rule bpf"));
    EXPECT_THAT(found(profile_of(refusal + "," + notify_bpf + "," + allow)),
                ElementsAre("shadowed-rule bpf"));
}

TEST(ProfileLint, knows_that_the_first_of_two_rules_for_all_calls_is_heeded)
{
    const std::string allow = R"({"names": ["bpf"], "action": "SCMP_ACT_LOG"})";
    const std::string notify = R"({"names": ["bpf"], "action": "SCMP_ACT_NOTIFY"})";
    EXPECT_THAT(found(profile_of(refusal + "," + allow + "," + notify)), ElementsAre("shadowed-rule bpf"));
    EXPECT_THAT(found(profile_of(refusal + "," + notify + "," + allow)), IsEmpty());
}

TEST(ProfileLint, names_rules_with_arguments_that_overlap)
{
    const std::string some = R"({"names": ["bpf"], "action": "SCMP_ACT_ALLOW",
        "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_LT"}]})";
    const std::string others = R"({"names": ["bpf"], "action": "SCMP_ACT_ALLOW",
        "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_GE"}]})";
    EXPECT_THAT(found(profile_of(refusal + "," + notify_bpf + "," + some)),
                ElementsAre("overlapping-rules bpf"));
    EXPECT_THAT(found(profile_of(refusal + "," + notify_bpf + "," + others)), IsEmpty());
}

TEST(ProfileLint, names_what_is_wrong_with_the_listener)
{
    EXPECT_THAT(found(profile_of(refusal + "," + notify_bpf, "")), ElementsAre("no-listener listenerPath"));
    EXPECT_THAT(found(profile_of(refusal)), ElementsAre("idle-listener listenerPath"));
    EXPECT_THAT(found(profile_of(refusal, R"(, "listenerMetadata": "x")")),
                ElementsAre("metadata-without-listener listenerMetadata"));
    EXPECT_THAT(found(profile_of(refusal + "," + notify_bpf, R"(, "listenerPath": "x.sock")")),
                ElementsAre("relative-listener listenerPath"));
    EXPECT_THAT(found(profile_of(refusal + "," + notify_bpf), "docker=20.10.24"),
                ElementsAre("dropped-listener listenerPath"));
    EXPECT_THAT(found(profile_of(refusal + "," + notify_bpf), "docker=23.0"), IsEmpty());
}

TEST(ProfileLint, names_calls_that_runtimes_need_themselves)
{
    const auto with = [](const char *name) {
        return profile_of(refusal + R"(,{"names": [")" + name + R"("], "action": "SCMP_ACT_NOTIFY"})");
    };
    EXPECT_THAT(found(with("write")), ElementsAre("unfit-call write"));
    EXPECT_THAT(found(with("write"), "runc=1.1.5"), ElementsAre("unfit-call write"));
    EXPECT_THAT(found(with("write"), "crun=1.8.1"), IsEmpty());
    EXPECT_THAT(found(with("sendmsg")), ElementsAre("unfit-call sendmsg"));
    EXPECT_THAT(found(with("sendmsg"), "crun=1.5"), ElementsAre("unfit-call sendmsg"));
    EXPECT_THAT(found(with("sendmsg"), "runc=1.1.5"), IsEmpty());
    const std::string all = profile_of(refusal, R"(, "listenerPath": "/x")", "SCMP_ACT_NOTIFY");
    EXPECT_THAT(found(all), ElementsAre("default-notify defaultAction"));
    EXPECT_THAT(found(all, "crun=1.8.1"), IsEmpty());
}

TEST(ProfileLint, names_missing_architectures)
{
    std::string text = profile_of(refusal + "," + notify_bpf);
    text.replace(text.find(R"(, "SCMP_ARCH_X86")"), 17, "");
    EXPECT_THAT(found(text), ElementsAre("missing-architecture SCMP_ARCH_X86"));
    EXPECT_THAT(found(R"({"defaultAction": "SCMP_ACT_ALLOW"})"),
                ElementsAre("missing-architecture architectures"));
}

TEST(ProfileLint, names_flags_that_the_runtime_refuses)
{
    const std::string text = profile_of(
        refusal + "," + notify_bpf,
        R"(, "listenerPath": "/x", "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])");
    EXPECT_THAT(found(text, "runc=1.1.5"),
                ElementsAre("refused-flag SECCOMP_FILTER_FLAG_LOG",
                            "refused-flag SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"));
    EXPECT_THAT(found(text, "runc=1.3.0"),
                ElementsAre("refused-flag SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"));
    EXPECT_THAT(found(text, "runc=1.5.0"), IsEmpty());
    EXPECT_THAT(found(text, "crun=1.8.1"), IsEmpty());
}

TEST(ProfileLint, names_a_listener_that_a_container_may_ask_for)
{
    EXPECT_THAT(found(profile_of(notify_bpf)), ElementsAre("inner-listener seccomp"));
    const std::string allow = R"(,{"names": ["seccomp"], "action": "SCMP_ACT_ALLOW"})";
    EXPECT_THAT(found(profile_of(notify_bpf + "," + refusal + allow)), ElementsAre("inner-listener seccomp"));
    EXPECT_THAT(found(profile_of(notify_bpf, R"(, "listenerPath": "/x")", "SCMP_ACT_ERRNO")), IsEmpty());
    EXPECT_THAT(found("2\ndenylist\nbpf notify\n"), ElementsAre("inner-listener seccomp"));
}

TEST(ProfileLint, reads_a_whole_config_json_and_shadowed_lines_of_lxc)
{
    EXPECT_THAT(found(R"({"ociVersion": "1.0.2", "linux": {"seccomp": )" + profile_of(notify_bpf) + "}}"),
                ElementsAre("inner-listener seccomp"));
    EXPECT_THAT(found("2\ndenylist\nseccomp errno 1\nbpf notify [0,5,SCMP_CMP_EQ]\nbpf errno 1\n"),
                ElementsAre("shadowed-rule bpf"));
}

TEST(ProfileLint, calls_what_it_cannot_read_a_finding)
{
    for (const char *text : {"", "{", "[]", "null", "{}", R"({"defaultAction": 3})", "2\n", "3\nx\n",
                             R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {}})",
                             R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": []}]})",
                             R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                                {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "args": [{"index": -1}]}]})"}) {
        EXPECT_THAT(found(text), ElementsAre("unreadable profile")) << text;
    }
}

TEST(ProfileRuntime, says_what_is_wrong_with_its_name_or_version)
{
    const auto refused = [](const char *text) -> std::string {
        try {
            runtime r(text);
        } catch (const std::runtime_error &e) {
            return e.what();
        }
        return "accepted";
    };
    EXPECT_EQ(refused("runc=1.1.5+ds1"), "accepted");
    EXPECT_THAT(refused("rnc=1"), HasSubstr("did you mean runc?"));
    EXPECT_THAT(refused("runc"), HasSubstr("needs its version, as in runc=1.1.5"));
    EXPECT_THAT(refused("runc=new"), HasSubstr("needs its version"));
}

TEST(WriteProfile, has_flags_only_where_the_runtime_takes_them)
{
    recipe r;
    r.where = {{}, "6.1.0"};
    const std::vector<claim> wanted = {{"bpf", 0, {cube{}}}};
    const auto flags = [&](const char *name) {
        r.for_runtime.reset();
        if (name != nullptr) {
            r.for_runtime.emplace(name);
        }
        return json::parse(write_profile(r, wanted)).value("flags", json::array());
    };
    const json killable = {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
    EXPECT_EQ(flags(nullptr), json::array());
    EXPECT_EQ(flags("runc=1.1.5"), json::array());
    EXPECT_EQ(flags("runc=1.4.0"), json::array());
    EXPECT_EQ(flags("runc=1.5.0"), killable);
    EXPECT_EQ(flags("crun=1.5"), json::array());
    EXPECT_EQ(flags("crun=1.8.1"), killable);
    EXPECT_EQ(flags("podman=4.3.1"), json::array());
    EXPECT_THROW(flags("docker=20.10.24"), std::runtime_error);
}

TEST(WriteProfile, has_a_listener_only_for_calls_that_it_hands_over)
{
    recipe r;
    r.where = {{}, "6.1.0"};
    const std::vector<claim> nothing = {{"seccomp", 16, {new_listener()}}};
    EXPECT_FALSE(json::parse(write_profile(r, nothing)).contains("listenerPath"));
    r.metadata = "policy=x";
    EXPECT_THROW(write_profile(r, nothing), std::runtime_error);
    const std::vector<claim> wanted = {{"bpf", 0, {cube{}}}};
    const json p = json::parse(write_profile(r, wanted));
    EXPECT_EQ(p["listenerPath"], "/run/deputy/oci.sock");
    EXPECT_EQ(p["listenerMetadata"], "policy=x");
    r.socket = "relative.sock";
    EXPECT_THROW(write_profile(r, wanted), std::runtime_error);
    r.socket = "/" + std::string(107, 'x');
    EXPECT_THROW(write_profile(r, wanted), std::runtime_error);
}

TEST(ResolveProfile, keeps_rules_whose_conditions_hold)
{
    const json p = json::parse(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF", "CAP_CHOWN"]}},
        {"names": ["b"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_CHOWN"]}},
        {"names": ["c"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
        {"names": ["d"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "6.2"}},
        {"names": ["e"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "6.1"}},
        {"names": ["f"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390", "s390x"]}},
        {"names": ["g"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["s390"]}, "args": null}]})");
    const auto kept = [&](std::vector<std::string> capabilities) {
        std::string names;
        const json resolved = resolve(p, {std::move(capabilities), "6.1.0-13-amd64"});
        for (const json &r : resolved["syscalls"]) {
            names += r["names"][0].get<std::string>();
        }
        return names;
    };
    EXPECT_EQ(kept({}), "bcg");
    EXPECT_EQ(kept({"CAP_CHOWN"}), "cg");
    EXPECT_EQ(kept({"CAP_CHOWN", "CAP_BPF"}), "acg");
    EXPECT_EQ(circumstances_here("sys_admin,CAP_BPF").capabilities,
              (std::vector<std::string>{"CAP_SYS_ADMIN", "CAP_BPF"}));
    EXPECT_THROW(circumstances_here("CAP_NO_SUCH"), std::runtime_error);
}

} // namespace

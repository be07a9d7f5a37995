// SPDX-License-Identifier: Apache-2.0
// Containers of real runtimes whose profiles hand over what they deny, before a real deputyd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/daemon.hpp"
#include "support/lxc_runtime.hpp"
#include "support/oci_runtime.hpp"
#include "support/podman_runtime.hpp"
#include "support/private_mounts.hpp"
#include "support/served_container.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;
using testing::Not;
using strings = std::vector<std::string>;

constexpr const char *podmans_profile = "/usr/share/containers/seccomp.json";
constexpr const char *config = R"(
[policy.plain.enable]
bpf_cgroup_device = true

[[socket]]
path = "oci.sock"
protocol = "oci"
policies = ["plain"]

[[socket]]
path = "lxc.sock"
protocol = "lxc"
policies = ["plain"]
)";

struct variant {
    const char *name;
    std::unique_ptr<container_runtime> (*make)(const workshop &);
    int default_errno; ///< 0: the base denies nothing by default
    const char *base;  ///< nullptr: podman's profile with that default errno
};

void PrintTo(const variant &v, std::ostream *out)
{
    *out << v.name;
}

template <const char *program> std::unique_ptr<container_runtime> make_oci(const workshop &w)
{
    return std::make_unique<oci_runtime>(w, program, oci_runtime::selects::by_annotation);
}
constexpr char runc[] = "runc", crun[] = "crun";

const variant variants[] = {
    {"runc", make_oci<runc>, ENOSYS, nullptr},
    {"runc_that_denies_with_EPERM", make_oci<runc>, EPERM, nullptr},
    {"crun", make_oci<crun>, ENOSYS, nullptr},
    {"crun_that_denies_with_EPERM", make_oci<crun>, EPERM, nullptr},
    {"podman",
     [](const workshop &w) -> std::unique_ptr<container_runtime> {
         return std::make_unique<podman_runtime>(w, "crun");
     },
     ENOSYS, ""},
    {"lxc",
     [](const workshop &w) -> std::unique_ptr<container_runtime> { return std::make_unique<lxc_runtime>(w); },
     0, "default"},
};

class audit_denied : public testing::TestWithParam<variant>
{
protected:
    audit_denied() : daemon_(scratch_.path(), config)
    {
        auto base = nlohmann::json::parse(text_of(podmans_profile));
        base.erase("defaultErrno");
        base["defaultErrnoRet"] = GetParam().default_errno;
        write_text(scratch_.path() / "base.json", base.dump());
    }
    void TearDown() override
    {
        if (HasFailure()) {
            std::cerr << daemon_.log();
        }
    }
    /// Where containers are made under the base with these options.
    std::unique_ptr<workshop> make_workshop(const char *name, strings options) const
    {
        const std::string base =
            GetParam().base == nullptr ? (scratch_.path() / "base.json").string() : GetParam().base;
        if (!base.empty()) { // podman's has it anyway
            options.insert(options.end(), {"--base", base});
        }
        auto w =
            std::make_unique<workshop>(scratch_.path() / name, daemon_.socket("oci.sock"),
                                       daemon_.socket("lxc.sock"), strings{"bpf_cgroup_device"}, options);
        std::filesystem::copy_file(DEPUTY_BIN_DIR "/clients/denied_calls", w->rootfs() / "bin/denied_calls");
        return w;
    }
    static std::string name(const std::string &word)
    {
        return "deputy-test-" + std::to_string(getpid()) + "-" + word;
    }
    /// A line of the audit log about a call that is denied.
    static std::string line_of(const std::string &syscall, int error)
    {
        return "\"errno\":\"" + std::string(strerrorname_np(error)) + R"(","handler":"none","object":")" +
               syscall + " on ";
    }
    /// The calls of denied_calls that the base denies.
    static std::map<std::string, int> denied_by_base()
    {
        if (GetParam().default_errno == 0) {
            return {{"kexec_load", EPERM}};
        }
        return {{"swapon", EPERM},
                {"kexec_load", EPERM},
                {"socket", EINVAL},
                {"add_key", GetParam().default_errno},
                {"personality", GetParam().default_errno}};
    }

    private_mounts mounts_;
    scratch_directory scratch_;
    daemon daemon_;
};

TEST_P(audit_denied, containers_get_the_same_errnos_and_the_log_names_each_call)
{
    const auto plain_shop = make_workshop("plain", {});
    const auto plain_runtime = GetParam().make(*plain_shop);
    std::string as_before;
    {
        served_container plain(*plain_runtime, *plain_shop, name("plain"), "plain");
        as_before = plain.tell("denied_calls");
        EXPECT_THAT(as_before, HasSubstr("status 0"));
        EXPECT_THAT(daemon_.log(), Not(HasSubstr("the profile denies it")));
    }
    const auto shop = make_workshop("audited", {"--audit-denied"});
    const auto runtime = GetParam().make(*shop);
    served_container audited(*runtime, *shop, name("audited"), "plain");
    EXPECT_EQ(audited.tell("denied_calls"), as_before);
    for (const auto &[syscall, error] : denied_by_base()) {
        const std::string line = line_of(syscall, error);
        EXPECT_TRUE(wait_until([&] { return daemon_.logged(line); })) << line;
    }
    EXPECT_TRUE(daemon_.logged(R"("reason":"the profile denies it")"));
    EXPECT_THAT(daemon_.log(), Not(HasSubstr("mount on ")));
    const outcome executed = audited.exec("denied_calls");
    EXPECT_EQ(executed.out + "status 0\n", as_before) << executed.err;
}

TEST_P(audit_denied, errnos_outlive_the_host)
{
    const auto shop = make_workshop("audited", {"--audit-denied"});
    const auto runtime = GetParam().make(*shop);
    served_container audited(*runtime, *shop, name("audited"), "plain");
    const std::string as_before = audited.tell("denied_calls");
    EXPECT_THAT(as_before, HasSubstr("kexec_load=" + std::to_string(EPERM)));
    daemon_.kill_host();
    audited.send("said=$(denied_calls); echo \"$said\"");
    daemon_.resume();
    EXPECT_EQ(audited.answer(), as_before);
}

INSTANTIATE_TEST_SUITE_P(of, audit_denied, testing::ValuesIn(variants),
                         [](const auto &tested) { return std::string(tested.param.name); });

TEST(audit_denied_word, is_refused_where_it_is_wrong)
{
    const private_mounts mounts;
    const scratch_directory scratch;
    const daemon d(scratch.path(), config);
    const workshop shop(scratch.path(), d.socket("oci.sock"), "/nonexistent", {"bpf_cgroup_device"},
                        {"--metadata", "policy=plain denied=EPERM/nonexistent"});
    oci_runtime runtime(shop, "crun", oci_runtime::selects::by_annotation);
    const served_container wrong(runtime, shop, "deputy-test-" + std::to_string(getpid()), "plain");
    EXPECT_TRUE(wait_until([&] { return d.logged("\"nonexistent\" is no system call that is known here"); }))
        << d.log();
    EXPECT_FALSE(d.logged(wrong.logged_name() + ": served"));
}

} // namespace
} // namespace deputyd::test

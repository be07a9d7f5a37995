// SPDX-License-Identifier: Apache-2.0
// systemd as the first process of a root file system of its own: the device rules of its units are enforced
// with the plugin, silently not enforced without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/container.hpp"
#include "support/debian_root.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::Pair;

constexpr const char *strict_unit = R"([Service]
Type=oneshot
DevicePolicy=strict
DeviceAllow=/dev/null rw
StandardOutput=append:/results/devices
ExecStart=/bin/sh -c 'for d in null zero urandom; do if (: < /dev/$$d) 2> /dev/null; then echo $$d allowed; else echo $$d refused; fi; done'
)";

// Whatever happened, it ends the container.
constexpr const char *last_unit = R"([Unit]
Wants=strict.service
After=strict.service
DefaultDependencies=no
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'journalctl --no-pager --output=cat > /results/journal; echo done'
)";

class nested_systemd : public testing::Test
{
protected:
    /// A copy of the tree, with the units.
    nested_systemd()
    {
        root_ = tree_.path() / "root";
        const outcome copied = run({"cp", "-a", "--reflink=auto", debian_root(), root_});
        if (copied.status != 0) {
            throw std::runtime_error(copied.err);
        }
        std::filesystem::create_directory(root_ / "results");
        const auto units = root_ / "etc/systemd/system";
        std::ofstream(units / "strict.service") << strict_unit;
        std::ofstream(units / "last.service") << last_unit;
    }
    /// @return what the unit could open, and the journal after "journal".
    std::string boot(bool with_plugin)
    {
        const outcome o = run(container(with_plugin, {"--rootfs", root_},
                                        {"/lib/systemd/systemd", "--unit=last.service",
                                         "--log-target=journal", "--log-level=info"}),
                              {.timeout = std::chrono::seconds(50)});
        EXPECT_NE(o.status, -1) << "did not end\n" << o.out << o.err;
        std::ostringstream all;
        all << std::ifstream(root_ / "results/devices").rdbuf();
        journal_ << std::ifstream(root_ / "results/journal").rdbuf();
        console_ = o.out + o.err;
        return all.str();
    }
    scratch_directory tree_{"/var/tmp"}; // not on a tmpfs: it is big
    std::filesystem::path root_;
    std::ostringstream journal_;
    std::string console_;
};

TEST_F(nested_systemd, device_policy_of_a_unit_is_enforced_with_the_plugin)
{
    EXPECT_THAT(values(boot(true)),
                IsSupersetOf({Pair("null", "allowed"), Pair("zero", "refused"), Pair("urandom", "refused")}))
        << journal_.str() << console_;
    EXPECT_THAT(journal_.str(), HasSubstr("strict.service"));
    EXPECT_THAT(journal_.str() + console_, Not(HasSubstr("BPF-based device controller")));
}

TEST_F(nested_systemd, device_policy_of_a_unit_is_not_enforced_without_the_plugin)
{
    EXPECT_THAT(values(boot(false)),
                IsSupersetOf({Pair("null", "allowed"), Pair("zero", "allowed"), Pair("urandom", "allowed")}))
        << journal_.str() << console_;
}

} // namespace
} // namespace deputyd::test

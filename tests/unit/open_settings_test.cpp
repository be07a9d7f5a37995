// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deputy/testing/kit.hpp>
#include <fcntl.h>
#include <linux/audit.h>

#include "open/src/plugin.hpp"

namespace
{

using namespace open_plugin;
using deputy::testing::fake_host;
using testing::HasSubstr;

class open_settings : public testing::Test
{
protected:
    open_settings() : plugin_(host_, deputy::testing::table_of<open_plugin::plugin>())
    {
        plugin_.add_container(1);
    }
    void add_rule(const std::map<std::string, std::string> &members)
    {
        const std::string at = "/rules/" + std::to_string(count_++);
        host_.settings.set_count(1, "/rules", count_);
        for (const auto &[key, value] : members) {
            host_.settings.set(1, at + "/" + key, value);
        }
    }
    std::vector<rule_text> rules() { return read_rules({deputy::host(host_.raw()), 1}); }
    std::string refusal()
    {
        try {
            rules();
        } catch (const std::runtime_error &e) {
            return e.what();
        }
        return "";
    }

    fake_host host_;
    deputy::testing::fake_plugin plugin_;
    std::uint32_t count_ = 0;
};

TEST_F(open_settings, are_rules_in_their_order)
{
    add_rule({{"path", "/dev/kvm"}, {"from", "host"}, {"access", "rw"}});
    add_rule(
        {{"path", "/data/"}, {"from", "host"}, {"to", "/srv/data"}, {"access", "ro"}, {"o_path", "refuse"}});
    const auto all = rules();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].path, "/dev/kvm");
    EXPECT_EQ(all[0].to, "/dev/kvm");
    EXPECT_FALSE(all[0].prefix);
    EXPECT_TRUE(all[0].writable);
    EXPECT_FALSE(all[0].refuse_path);
    EXPECT_EQ(all[1].path, "/data");
    EXPECT_EQ(all[1].to, "/srv/data");
    EXPECT_TRUE(all[1].prefix);
    EXPECT_FALSE(all[1].writable);
    EXPECT_TRUE(all[1].refuse_path);
}

TEST_F(open_settings, may_be_none)
{
    EXPECT_TRUE(rules().empty());
}

class open_settings_of_a_path : public open_settings, public testing::WithParamInterface<const char *>
{
};

TEST_P(open_settings_of_a_path, that_cannot_be_compared_with_are_refused_by_its_name)
{
    add_rule({{"path", "/fine"}, {"from", "host"}, {"access", "rw"}});
    add_rule({{"path", GetParam()}, {"from", "host"}, {"access", "rw"}});
    EXPECT_THAT(refusal(), HasSubstr("rule 2"));
    EXPECT_THAT(refusal(), HasSubstr(std::string("path ") + GetParam()));
}

INSTANTIATE_TEST_SUITE_P(all, open_settings_of_a_path,
                         testing::Values("dev/kvm", "/", "//", "/dev//kvm", "/dev/../kvm", "/dev/./kvm",
                                         "/dev/..", "/dev/kvm//", ""));

TEST_F(open_settings, to_a_relative_path_of_the_host_are_refused)
{
    add_rule({{"path", "/a"}, {"from", "host"}, {"access", "rw"}, {"to", "b"}});
    EXPECT_THAT(refusal(), HasSubstr("to b must be"));
}

TEST(open_flags, are_those_that_the_kernel_looks_at)
{
    EXPECT_EQ(how_of(O_RDWR | 1U << 30, 0644).flags, static_cast<std::uint64_t>(O_RDWR));
    EXPECT_EQ(how_of(O_RDWR, 0644).mode, 0U);
    EXPECT_EQ(how_of(O_RDWR | O_CREAT, 0177777).mode, 07777U);
    EXPECT_EQ(how_of(O_RDWR | O_TMPFILE, 0600).mode, 0600U);
    EXPECT_EQ(how_of(O_RDONLY | O_DIRECTORY, 0600).mode, 0U);
    EXPECT_EQ(how_of(O_PATH | O_CREAT | O_RDWR | O_NOFOLLOW, 0600).flags,
              static_cast<std::uint64_t>(O_PATH | O_NOFOLLOW));
}

TEST(open_flags, are_judged_by_the_kernel)
{
    EXPECT_TRUE(kernel_takes({O_RDONLY, 0, 0}));
    EXPECT_TRUE(kernel_takes({O_RDWR | O_CREAT, 0600, RESOLVE_BENEATH}));
    EXPECT_FALSE(kernel_takes({1U << 30, 0, 0}));
    EXPECT_FALSE(kernel_takes({O_RDONLY, 0600, 0}));
    EXPECT_FALSE(kernel_takes({O_RDONLY | O_TMPFILE, 0600, 0}));
    EXPECT_FALSE(kernel_takes({O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT}));
    EXPECT_FALSE(kernel_takes({O_RDWR | O_CREAT, 0600, RESOLVE_CACHED}));
}

TEST(open_flags, tell_small_files_of_32_bit_programs)
{
    EXPECT_FALSE(has_small_files(AUDIT_ARCH_X86_64, O_RDONLY));
    EXPECT_FALSE(has_small_files(AUDIT_ARCH_AARCH64, O_RDONLY));
    EXPECT_TRUE(has_small_files(AUDIT_ARCH_I386, O_RDONLY));
}

} // namespace

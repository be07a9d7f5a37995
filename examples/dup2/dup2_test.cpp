// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>

#include <deputy/testing/kit.hpp>

namespace
{

using deputy::unique_fd;
using deputy::testing::fake_host;
using deputy::testing::fake_plugin;
using deputy::testing::outcome;

class dup2_example : public testing::Test
{
protected:
    static const deputy_plugin_v1 &description()
    {
        const deputy_plugin_v1 *table = nullptr;
        deputy_plugin_query_v1(DEPUTY_ABI_MINOR, &table);
        return *table;
    }
    dup2_example()
    {
        host.settings.set(0, "/number", std::int64_t{2});
        plugin.add_container(1);
    }
    /// Whether an answer's descriptor is for the open file description of one of the caller's.
    bool is_copy(const outcome &got, std::int32_t of) const
    {
        const int ours = host.descriptor(of);
        const off_t before = ::lseek(got.fd.get(), 7, SEEK_CUR);
        return before >= 7 && ::lseek(ours, 0, SEEK_CUR) == before;
    }

    fake_host host;
    fake_plugin plugin{host, description()};
    const std::int32_t file = host.open(unique_fd(::memfd_create("file", MFD_CLOEXEC)));
};

TEST_F(dup2_example, dup_takes_the_lowest_number)
{
    const auto got = plugin.call("dup", {static_cast<std::uint64_t>(file)});
    EXPECT_EQ(got.verdict, DEPUTY_REPLY_FD);
    EXPECT_EQ(got.number, -1);
    EXPECT_EQ(got.fd_flags, 0u);
    EXPECT_TRUE(is_copy(got, file));
}

TEST_F(dup2_example, dup2_takes_the_number)
{
    const auto got = plugin.call("dup2", {static_cast<std::uint64_t>(file), 40});
    EXPECT_EQ(got.verdict, DEPUTY_REPLY_FD);
    EXPECT_EQ(got.number, 40);
    EXPECT_EQ(got.fd_flags, 0u);
    EXPECT_TRUE(is_copy(got, file));
}

TEST_F(dup2_example, dup3_takes_the_flag)
{
    const auto with = plugin.call("dup3", {static_cast<std::uint64_t>(file), 40, O_CLOEXEC});
    EXPECT_EQ(with.number, 40);
    EXPECT_EQ(with.fd_flags, static_cast<std::uint32_t>(O_CLOEXEC));
    EXPECT_EQ(plugin.call("dup3", {static_cast<std::uint64_t>(file), 40, 0}).fd_flags, 0u);
    EXPECT_EQ(plugin.call("dup3", {static_cast<std::uint64_t>(file), 40, O_CLOEXEC | 1}).error, EINVAL);
}

TEST_F(dup2_example, the_same_number_is_left_alone)
{
    const auto number = static_cast<std::uint64_t>(file);
    const auto same = plugin.call("dup2", {number, number});
    EXPECT_EQ(same.verdict, DEPUTY_REPLY);
    EXPECT_EQ(same.error, 0);
    EXPECT_EQ(same.value, file);
    EXPECT_EQ(plugin.call("dup2", {99, 99}).error, EBADF);
    EXPECT_EQ(plugin.call("dup3", {number, number, 0}).error, EINVAL);
    EXPECT_EQ(plugin.call("dup3", {99, 99, 0}).error, EINVAL);
}

TEST_F(dup2_example, refuses_what_is_no_descriptor)
{
    EXPECT_EQ(plugin.call("dup", {99}).error, EBADF);
    EXPECT_EQ(plugin.call("dup", {0xffffffff}).error, EBADF);
    EXPECT_EQ(plugin.call("dup2", {99, 40}).error, EBADF);
    EXPECT_EQ(plugin.call("dup2", {static_cast<std::uint64_t>(file), 0xffffffff}).error, EBADF);
    EXPECT_EQ(plugin.call("dup3", {static_cast<std::uint64_t>(file), 0x80000000, 0}).error, EBADF);
    EXPECT_EQ(plugin.call("dup3", {99, 0xffffffff, 1}).error, EINVAL); // flags come first
}

TEST_F(dup2_example, looks_at_the_lower_half_of_registers)
{
    const std::uint64_t upper = 0xffffffff00000000;
    const auto got = plugin.call("dup3", {upper | static_cast<std::uint64_t>(file), upper | 40, upper});
    EXPECT_EQ(got.verdict, DEPUTY_REPLY_FD);
    EXPECT_EQ(got.number, 40);
}

TEST_F(dup2_example, leaves_o_path_to_the_kernel)
{
    const auto path = static_cast<std::uint64_t>(host.open(unique_fd(::open("/", O_PATH | O_CLOEXEC))));
    EXPECT_EQ(plugin.call("dup", {path}).verdict, DEPUTY_CONTINUE);
    EXPECT_EQ(plugin.call("dup2", {path, 40}).verdict, DEPUTY_CONTINUE);
    EXPECT_EQ(plugin.call("dup2", {path, path}).value, static_cast<std::int64_t>(path));
}

TEST_F(dup2_example, fails_where_a_service_fails)
{
    host.fails.fail("descriptor.get", -EMFILE);
    const auto got = plugin.call("dup", {static_cast<std::uint64_t>(file)});
    EXPECT_EQ(got.verdict, -EMFILE);
}

/// With a file to capture to.
class dup2_capture : public dup2_example
{
protected:
    dup2_capture()
    {
        EXPECT_NE(::mkdtemp(directory.data()), nullptr);
        host.settings.set(2, "/file", log());
    }
    ~dup2_capture() override
    {
        ::unlink(log().c_str());
        ::rmdir(directory.c_str());
    }
    [[nodiscard]] std::string log() const { return directory + "/log"; }
    [[nodiscard]] std::string captured() const
    {
        std::ifstream in(log());
        return {std::istreambuf_iterator<char>(in), {}};
    }

    std::string directory = testing::TempDir() + "dup2.XXXXXX";
};

TEST_F(dup2_capture, puts_the_file_there_instead)
{
    plugin.add_container(2);
    const auto got = plugin.call("dup2", {static_cast<std::uint64_t>(file), 2}, 2);
    ASSERT_EQ(got.verdict, DEPUTY_REPLY_FD);
    EXPECT_EQ(got.number, 2);
    EXPECT_EQ(::write(got.fd.get(), "captured", 8), 8);
    EXPECT_EQ(captured(), "captured");
    EXPECT_EQ(::fcntl(got.fd.get(), F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_WRONLY | O_APPEND);
}

TEST_F(dup2_capture, asks_for_a_good_descriptor_all_the_same)
{
    plugin.add_container(2);
    EXPECT_EQ(plugin.call("dup2", {99, 2}, 2).error, EBADF);
}

TEST_F(dup2_capture, leaves_other_numbers_and_containers_alone)
{
    plugin.add_container(2);
    EXPECT_TRUE(is_copy(plugin.call("dup2", {static_cast<std::uint64_t>(file), 1}, 2), file));
    EXPECT_TRUE(is_copy(plugin.call("dup2", {static_cast<std::uint64_t>(file), 2}, 1), file));
    EXPECT_TRUE(is_copy(plugin.call("dup", {static_cast<std::uint64_t>(file)}, 2), file));
}

TEST_F(dup2_capture, captures_the_number_that_is_set)
{
    host.settings.set(2, "/number", std::int64_t{40});
    plugin.add_container(2);
    const auto got = plugin.call("dup3", {static_cast<std::uint64_t>(file), 40, 0}, 2);
    EXPECT_EQ(::write(got.fd.get(), "40", 2), 2);
    EXPECT_EQ(captured(), "40");
}

TEST_F(dup2_capture, appends)
{
    std::ofstream(log()) << "earlier ";
    plugin.add_container(2);
    const auto got = plugin.call("dup2", {static_cast<std::uint64_t>(file), 2}, 2);
    EXPECT_EQ(::write(got.fd.get(), "later", 5), 5);
    EXPECT_EQ(captured(), "earlier later");
}

TEST_F(dup2_capture, ends_with_the_container)
{
    plugin.add_container(2);
    plugin.remove_container(2);
    EXPECT_TRUE(is_copy(plugin.call("dup2", {static_cast<std::uint64_t>(file), 2}, 2), file));
}

TEST_F(dup2_capture, refuses_a_container_whose_file_is_none)
{
    ASSERT_EQ(::mkfifo(log().c_str(), 0600), 0);
    EXPECT_THROW(plugin.add_container(2), std::system_error);
    EXPECT_TRUE(host.logged(log()));
    ASSERT_EQ(::unlink(log().c_str()), 0);
    ASSERT_EQ(::symlink("/dev/null", log().c_str()), 0);
    EXPECT_THROW(plugin.add_container(2), std::system_error);
}

} // namespace

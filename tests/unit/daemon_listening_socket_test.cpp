// SPDX-License-Identifier: Apache-2.0
#include "daemon/listening_socket.hpp"

#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace
{

namespace fs = std::filesystem;
using deputyd::protocol;

class ListeningSocket : public testing::Test
{
protected:
    fs::path directory_ = fs::temp_directory_path() / ("deputy-sockets-" + std::to_string(getpid()));
    // Owned by whoever runs the test, who need not be root.
    deputyd::socket_config config_{"oci.sock", protocol::oci, directory_ / "oci.sock", {}, "",
                                   getuid(),   getgid()};

    void TearDown() override { fs::remove_all(directory_); }
    static mode_t mode(const fs::path &path)
    {
        struct stat st {
        };
        EXPECT_EQ(lstat(path.c_str(), &st), 0);
        return st.st_mode & 0777;
    }
};

TEST_F(ListeningSocket, has_the_configured_mode_in_a_directory_that_all_may_search)
{
    const auto fd = deputyd::bind_socket(config_);
    EXPECT_EQ(mode(directory_), 0755u);
    EXPECT_EQ(mode(config_.path), 0660u);
    EXPECT_TRUE(deputyd::is_socket_of(fd.get(), config_));
}

TEST_F(ListeningSocket, is_recognized_by_path_and_protocol)
{
    const auto fd = deputyd::bind_socket(config_);
    auto other = config_;
    other.speaks = protocol::lxc;
    EXPECT_FALSE(deputyd::is_socket_of(fd.get(), other));
    other = config_;
    other.path = directory_ / "other.sock";
    EXPECT_FALSE(deputyd::is_socket_of(fd.get(), other));
    const deputy::unique_fd no_socket(dup(STDERR_FILENO));
    EXPECT_FALSE(deputyd::is_socket_of(no_socket.get(), config_));
}

TEST_F(ListeningSocket, replaces_one_that_nobody_listens_on)
{
    deputyd::bind_socket(config_).reset();
    ASSERT_TRUE(fs::exists(config_.path));
    EXPECT_TRUE(deputyd::is_socket_of(deputyd::bind_socket(config_).get(), config_));
}

TEST_F(ListeningSocket, leaves_another_process_its_own)
{
    const auto fd = deputyd::bind_socket(config_);
    EXPECT_THROW(deputyd::bind_socket(config_), std::runtime_error);
    auto other = config_;
    other.speaks = protocol::lxc;
    EXPECT_THROW(deputyd::bind_socket(other), std::runtime_error);
    EXPECT_TRUE(fs::exists(config_.path));
}

TEST_F(ListeningSocket, leaves_a_file_that_is_no_socket)
{
    fs::create_directories(directory_);
    std::ofstream(config_.path) << "precious";
    EXPECT_THROW(deputyd::bind_socket(config_), std::runtime_error);
    EXPECT_EQ(fs::file_size(config_.path), 8u);
}

} // namespace

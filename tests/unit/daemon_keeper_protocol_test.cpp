// SPDX-License-Identifier: Apache-2.0
#include "daemon/keeper_protocol.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/kept_entry.hpp"

namespace
{

using deputy::unique_fd;
using deputyd::message_kind;

ino_t inode(int fd)
{
    struct stat st {
    };
    EXPECT_EQ(fstat(fd, &st), 0);
    return st.st_ino;
}

unique_fd some_file()
{
    return unique_fd(memfd_create("some", MFD_CLOEXEC));
}

class KeeperProtocol : public testing::Test
{
protected:
    void SetUp() override
    {
        int pair[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        ours_.reset(pair[0]);
        theirs_.reset(pair[1]);
    }
    /// What arrives when these bytes and descriptors are sent.
    int error_for(std::vector<std::byte> bytes)
    {
        EXPECT_EQ(::send(ours_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
        return deputyd::receive_message(theirs_.get(), MSG_DONTWAIT).error_number();
    }

    unique_fd ours_, theirs_;
};

TEST_F(KeeperProtocol, carries_names_and_descriptors)
{
    const unique_fd a = some_file();
    const unique_fd b = some_file();
    const int fds[] = {a.get(), b.get()};
    ASSERT_TRUE(deputyd::send_message(ours_.get(), message_kind::store, 7, "listener-1-2", fds));
    const auto m = deputyd::receive_message(theirs_.get());
    ASSERT_TRUE(m);
    EXPECT_EQ(m->kind, message_kind::store);
    EXPECT_EQ(m->status, 7u);
    EXPECT_EQ(m->name, "listener-1-2");
    ASSERT_EQ(m->fds.size(), 2u);
    EXPECT_EQ(inode(m->fds[0].get()), inode(a.get()));
    EXPECT_EQ(inode(m->fds[1].get()), inode(b.get()));
    EXPECT_NE(fcntl(m->fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(KeeperProtocol, tells_the_end_from_silence)
{
    EXPECT_EQ(deputyd::receive_message(theirs_.get(), MSG_DONTWAIT).error_number(), EAGAIN);
    ours_.reset();
    EXPECT_EQ(deputyd::receive_message(theirs_.get(), MSG_DONTWAIT).error_number(), EPIPE);
}

TEST_F(KeeperProtocol, refuses_another_version)
{
    auto bytes = deputyd::encode(message_kind::ping, 0, "", 0);
    bytes[4] = std::byte{2};
    EXPECT_EQ(error_for(bytes), EPROTONOSUPPORT);
}

TEST_F(KeeperProtocol, refuses_what_is_no_message)
{
    const auto good = deputyd::encode(message_kind::remove, 0, "name", 0);
    for (std::size_t size = 1; size < good.size(); ++size) {
        EXPECT_EQ(error_for({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}), EPROTO)
            << size;
    }
    auto longer = good;
    longer.resize(longer.size() + 1, std::byte{'x'});
    EXPECT_EQ(error_for(longer), EPROTO);
    EXPECT_EQ(error_for(std::vector<std::byte>(deputyd::message_size_limit + 1)), EPROTO);
    EXPECT_EQ(error_for(deputyd::encode(static_cast<message_kind>(9999), 0, "", 0)), EPROTO);
    EXPECT_EQ(error_for(deputyd::encode(message_kind::remove, 0, "", 0)), EPROTO) << "no name";
    EXPECT_EQ(error_for(deputyd::encode(message_kind::remove, 0, "a:b", 0)), EPROTO) << "no name for systemd";
    EXPECT_EQ(error_for(deputyd::encode(message_kind::ping, 0, "name", 0)), EPROTO);
    EXPECT_EQ(error_for(deputyd::encode(message_kind::store, 0, "name", 0)), EPROTO) << "no descriptor";
    EXPECT_EQ(error_for(deputyd::encode(message_kind::store, 0, "name", 1)), EPROTO)
        << "a descriptor is lost";
}

TEST_F(KeeperProtocol, survives_arbitrary_bytes)
{
    std::mt19937 random(1);
    const auto good = deputyd::encode(message_kind::store, 0, "name", 1);
    for (int i = 0; i < 20'000; ++i) {
        auto bytes = good;
        for (int change = 0; change < 3; ++change) {
            bytes[random() % bytes.size()] = static_cast<std::byte>(random());
        }
        bytes.resize(random() % (bytes.size() + 1));
        std::vector<unique_fd> fds;
        fds.push_back(unique_fd(dup(ours_.get())));
        const auto m = deputyd::decode(bytes, std::move(fds));
        if (m) {
            EXPECT_LE(m->name.size(), deputyd::entry_name_limit);
        } else {
            EXPECT_THAT(m.error_number(), testing::AnyOf(EPROTO, EPROTONOSUPPORT));
        }
    }
}

TEST_F(KeeperProtocol, sends_no_more_descriptors_than_an_entry_may_have)
{
    const std::vector<int> many(deputyd::entry_fd_limit + 1, ours_.get());
    EXPECT_EQ(deputyd::send_message(ours_.get(), message_kind::store, 0, "name", many).error_number(),
              EINVAL);
}

TEST(KeptEntry, finds_its_record_among_the_descriptors)
{
    const nlohmann::json record = {{"kind", "listener"}, {"name", "wörter \x01"}};
    std::vector<unique_fd> fds;
    fds.push_back(some_file());
    const ino_t file = inode(fds[0].get());
    fds.push_back(deputyd::make_record(record));
    const auto e = deputyd::read_entry("x", std::move(fds));
    EXPECT_EQ(e.record, record);
    ASSERT_EQ(e.fds.size(), 1u);
    EXPECT_EQ(inode(e.fds[0].get()), file);
}

TEST(KeptEntry, has_a_record_that_nobody_can_change)
{
    const unique_fd fd = deputyd::make_record({{"kind", "socket"}});
    EXPECT_EQ(pwrite(fd.get(), "x", 1, 0), -1);
    EXPECT_EQ(ftruncate(fd.get(), 0), -1);
}

TEST(KeptEntry, is_without_a_record_if_there_is_none_or_it_is_broken)
{
    std::vector<unique_fd> none;
    none.push_back(some_file());
    EXPECT_TRUE(deputyd::read_entry("x", std::move(none)).record.is_null());
    unique_fd broken(memfd_create("broken", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(write(broken.get(), "{\"kind", 6), 6);
    ASSERT_EQ(fcntl(broken.get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
    std::vector<unique_fd> fds;
    fds.push_back(std::move(broken));
    EXPECT_TRUE(deputyd::read_entry("x", std::move(fds)).record.is_null());
}

} // namespace

// SPDX-License-Identifier: Apache-2.0
#include "daemon/descriptor_store.hpp"

#include <cerrno>
#include <cstdlib>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/notify_socket.hpp"

namespace
{

using deputy::unique_fd;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;

std::vector<unique_fd> files(std::size_t count)
{
    std::vector<unique_fd> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.emplace_back(memfd_create("kept", MFD_CLOEXEC));
    }
    return all;
}

ino_t inode(int fd)
{
    struct stat st {
    };
    EXPECT_EQ(fstat(fd, &st), 0);
    return st.st_ino;
}

class Store : public testing::Test
{
protected:
    deputyd::test::notify_socket systemd_{testing::TempDir() + "deputy-notify-" + std::to_string(getpid())};
    const deputyd::service_manager manager_{systemd_.path()};
    deputyd::descriptor_store store_{manager_};
};

TEST_F(Store, has_a_copy_of_each_entry_with_systemd)
{
    auto fds = files(2);
    const ino_t first = inode(fds[0].get());
    const ino_t second = inode(fds[1].get());
    ASSERT_TRUE(store_.put("listener-1-1", std::move(fds)));
    const auto n = systemd_.next();
    EXPECT_EQ(n.text, "FDSTORE=1\nFDNAME=kept-listener-1-1");
    ASSERT_EQ(n.fds.size(), 2u);
    EXPECT_EQ(inode(n.fds[0].get()), first);
    EXPECT_EQ(inode(n.fds[1].get()), second);
    store_.remove("listener-1-1");
    EXPECT_EQ(systemd_.next().text, "FDSTOREREMOVE=1\nFDNAME=kept-listener-1-1");
    EXPECT_THAT(store_.entries(), IsEmpty());
}

TEST_F(Store, does_not_trouble_systemd_with_names_that_it_never_had)
{
    store_.remove("listener-1-1");
    EXPECT_EQ(systemd_.next(0).text, "");
}

TEST_F(Store, keeps_what_is_for_this_run_to_itself)
{
    ASSERT_TRUE(store_.put("flags", files(1)));
    EXPECT_EQ(store_.stored(), 0U) << "nothing is lost with it";
    store_.remove("flags");
    ASSERT_TRUE(store_.put("journal-1-1", files(1)));
    EXPECT_EQ(systemd_.next().text, "FDSTORE=1\nFDNAME=kept-journal-1-1");
}

TEST_F(Store, replaces_an_entry)
{
    ASSERT_TRUE(store_.put("a", files(2)));
    auto fds = files(1);
    const int number = fds[0].get();
    ASSERT_TRUE(store_.put("a", std::move(fds)));
    ASSERT_EQ(store_.entries().at("a").size(), 1u);
    EXPECT_EQ(store_.entries().at("a")[0].get(), number);
    systemd_.drain();
    EXPECT_EQ(systemd_.stored().size(), 1u);
}

TEST_F(Store, refuses_what_no_entry_can_be)
{
    EXPECT_EQ(store_.put("a:b", files(1)).error_number(), EINVAL);
    EXPECT_EQ(store_.put("", files(1)).error_number(), EINVAL);
    EXPECT_EQ(store_.put(std::string(65, 'a'), files(1)).error_number(), EINVAL);
    EXPECT_EQ(store_.put("a", {}).error_number(), EINVAL);
    EXPECT_EQ(store_.put("a", files(9)).error_number(), EINVAL);
    EXPECT_THAT(store_.entries(), IsEmpty());
}

TEST_F(Store, takes_back_what_an_earlier_keeper_stored_and_the_sockets_of_a_unit)
{
    std::vector<std::pair<std::string, unique_fd>> passed;
    for (const char *name : {"oci.sock", "kept-listener-1-1", "kept-a", "kept-listener-1-1", "lxc.sock"}) {
        passed.emplace_back(name, std::move(files(1)[0]));
    }
    store_.take_back(std::move(passed));
    EXPECT_THAT(store_.entries(),
                ElementsAre(Key("a"), Key("activation-0"), Key("activation-1"), Key("listener-1-1")));
    EXPECT_EQ(store_.entries().at("listener-1-1").size(), 2u);
    EXPECT_EQ(store_.stored(), 2u);
    EXPECT_EQ(systemd_.next(0).text, "") << "systemd has it all";
}

TEST(ServiceManager, is_silent_where_there_is_no_systemd)
{
    const deputyd::service_manager none;
    EXPECT_FALSE(none.present());
    none.notify("READY=1");
    const deputyd::service_manager gone(testing::TempDir() + "deputy-no-such-socket");
    EXPECT_FALSE(gone.present());
    gone.notify("READY=1");
}

TEST(ServiceManager, reaches_an_abstract_address)
{
    unique_fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const std::string name = "deputy-test-" + std::to_string(getpid());
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    ASSERT_EQ(bind(socket.get(), reinterpret_cast<sockaddr *>(&a), size), 0);
    deputyd::service_manager("@" + name).notify("READY=1");
    char text[16];
    EXPECT_EQ(recv(socket.get(), text, sizeof text, MSG_DONTWAIT), 7);
}

TEST(ServiceManager, takes_the_watchdog_for_this_process_alone)
{
    const deputyd::test::notify_socket systemd(testing::TempDir() + "deputy-watchdog-" +
                                               std::to_string(getpid()));
    setenv("NOTIFY_SOCKET", systemd.path().c_str(), 1);
    setenv("WATCHDOG_USEC", "30000000", 1);
    EXPECT_EQ(deputyd::service_manager::from_environment().watchdog(), std::chrono::seconds(30));
    setenv("WATCHDOG_PID", "1", 1);
    EXPECT_EQ(deputyd::service_manager::from_environment().watchdog(), std::nullopt);
    setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
    setenv("WATCHDOG_USEC", "soon", 1);
    EXPECT_EQ(deputyd::service_manager::from_environment().watchdog(), std::nullopt);
    deputyd::clear_service_environment();
    EXPECT_EQ(getenv("NOTIFY_SOCKET"), nullptr);
    EXPECT_FALSE(deputyd::service_manager::from_environment().present());
}

} // namespace

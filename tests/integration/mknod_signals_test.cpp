// SPDX-License-Identifier: Apache-2.0
// A storm of signals over calls that make nodes: none is made twice, none is left by a call that failed.
#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/time.h>

#include "notify/host.hpp"
#include "plugin/plugin_set.hpp"
#include "support/container.hpp"
#include "support/supervised.hpp"
#include "support/user_ns.hpp"

namespace deputyd::test
{
namespace
{

/// What a caller has seen; shared with it.
struct tally {
    int made, interrupted, exists, missing, bare, other;
    int last_error; ///< of the last call among the other ones
};

/// One way to be interrupted.
struct storm {
    const char *name;
    bool wait_killable;
    bool restart;
    bool bound; ///< in a user namespace, on a file system whose nodes get the host's bound over them
};

void nothing(int)
{
}

void begin_storm(bool restart)
{
    struct sigaction action {
    };
    action.sa_handler = nothing;
    action.sa_flags = restart ? SA_RESTART : 0;
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval every{{0, 1000}, {0, 1000}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
}

/// Makes a node and removes it, again and again. An interrupted call is made again, as programs do.
int make_nodes(tally &t, const std::string &path, int count, const storm &how)
{
    begin_storm(how.restart);
    for (int i = 0; i < count; ++i) {
        long r = 0;
        do {
            r = ::syscall(SYS_mknodat, AT_FDCWD, path.c_str(), S_IFCHR | 0600, 0x103);
            t.interrupted += r < 0 && errno == EINTR ? 1 : 0;
        } while (r < 0 && errno == EINTR);
        t.made += r == 0 ? 1 : 0;
        t.exists += r < 0 && errno == EEXIST ? 1 : 0;
        if (r < 0 && errno != EEXIST) {
            ++t.other;
            t.last_error = errno;
        }
        if (how.bound && ::umount2(path.c_str(), MNT_DETACH) != 0) {
            ++t.bare;
        }
        if (::unlink(path.c_str()) != 0) {
            ++t.missing;
        }
    }
    return 0;
}

/// The host with the plugin, for one container in this user namespace.
class served_container
{
public:
    served_container(const deputy_test::supervised &child, const storm &how)
        : about_(std::make_shared<deputyd::container>())
    {
        about_->id = 1;
        about_->name = "storm";
        about_->user_ns = user_ns_of(child.pid());
        about_->wait_killable = how.wait_killable;
        plugins_.load(DEPUTY_PLUGINS_DIR "/mknod.so");
        plugins_.ready();
        const auto &plugin = plugins_.all().front();
        plugin->container_added({sizeof(deputy_container), -1, 1, about_->user_ns, "storm",
                                 how.bound ? R"({"nodev": "bind"})" : "{}", how.wait_killable ? 1U : 0U, 0});
        std::vector<const handler *> all;
        for (const auto &h : plugin->handlers()) {
            all.push_back(h.get());
        }
        table_ = handler_table(all);
    }
    /// Serves a child's calls until it ends. @return its exit status.
    int run(deputy_test::supervised &child)
    {
        host h({});
        h.serve(about_, table_, child.take_listener());
        return child.run();
    }

private:
    static std::uint64_t user_ns_of(pid_t pid)
    {
        struct stat st {
        };
        return ::stat(("/proc/" + std::to_string(pid) + "/ns/user").c_str(), &st) == 0 ? st.st_ino : 0;
    }

    std::shared_ptr<deputyd::container> about_;
    plugin_set plugins_{plugin_extensions()};
    handler_table table_;
};

void enter_place_without_devices(const std::filesystem::path &directory)
{
    deputy_test::enter_user_ns();
    deputy_test::need(::mount("none", directory.c_str(), "tmpfs", 0, nullptr) == 0);
}

class mknod_signals : public testing::TestWithParam<storm>
{
};

TEST_P(mknod_signals, make_no_call_fail_that_made_a_node)
{
    const int count = GetParam().bound ? 500 : 3000;
    const scratch_directory directory;
    const std::string path = directory.path() / "n";
    auto *seen = static_cast<tally *>(
        ::mmap(nullptr, sizeof(tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    deputy_test::supervised child([&] { return make_nodes(*seen, path, count, GetParam()); },
                                  GetParam().wait_killable,
                                  [&] {
                                      if (GetParam().bound) {
                                          enter_place_without_devices(directory.path());
                                      }
                                  });
    served_container served(child, GetParam());
    EXPECT_EQ(served.run(child), 0);
    EXPECT_EQ(seen->made, count);
    EXPECT_EQ(seen->exists, 0);
    EXPECT_EQ(seen->missing, 0);
    EXPECT_EQ(seen->bare, 0);
    EXPECT_EQ(seen->other, 0) << std::strerror(seen->last_error);
    // Without SA_RESTART the kernel lets a call be interrupted that waits to be received.
    if (GetParam().restart) {
        EXPECT_EQ(seen->interrupted, 0);
    }
    EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
    ::munmap(seen, sizeof(tally));
}

INSTANTIATE_TEST_SUITE_P(under, mknod_signals,
                         testing::Values(storm{"wait_killable_restart", true, true, false},
                                         storm{"wait_killable_eintr", true, false, false},
                                         storm{"restart", false, true, false},
                                         storm{"eintr", false, false, false},
                                         storm{"wait_killable_bound", true, true, true},
                                         storm{"bound", false, true, true}),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
} // namespace deputyd::test

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include <deputy/testing/kit.hpp>

#include "support/small_mknod.hpp"

namespace
{

using namespace deputy::testing;
using deputy::answer;
using deputy::call;

/// A plugin whose handler is what the test says.
class probe
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_PARALLEL;
    static constexpr const char *settings_schema = nullptr;
    static inline std::function<answer(call &)> body;
    static inline std::vector<std::string> events;
    static inline probe *made = nullptr;

    explicit probe(deputy::host h) : host(h), services(h) { made = this; }
    void register_handlers(deputy::registrar<probe> &r) { r.on<&probe::handle, &probe::undo>("getppid"); }
    answer handle(call &c) { return body(c); }
    void undo(const deputy::undo_request &lost)
    {
        events.push_back(lost.kept() >= 0 ? "undo with descriptor" : "undo");
    }
    void container_exec(std::uint64_t id) { events.push_back("exec " + std::to_string(id)); }
    void process_gone(std::uint64_t, std::uint64_t id) { events.push_back("gone " + std::to_string(id)); }
    void call_gone(std::uint64_t ticket) { events.push_back("call " + std::to_string(ticket)); }

    deputy::host host;
    deputy::services services;
};

class testing_kit : public testing::Test
{
protected:
    testing_kit() : plugin_(host_, table_of<probe>())
    {
        probe::events.clear();
        plugin_.add_container(1);
    }
    outcome run(std::function<answer(call &)> body)
    {
        probe::body = std::move(body);
        return plugin_.call("getppid", {});
    }
    /// The errno that a service says in a handler.
    template <class F> int error_of(F service)
    {
        return run([&](call &c) { return answer::failure(service(c).error_number()); }).error;
    }
    void write(const std::string &path) { std::ofstream(host_.files.root() / path) << "text"; }

    fake_host host_;
    fake_plugin plugin_;
};

class testing_kit_mknod : public testing::Test
{
protected:
    testing_kit_mknod() { plugin_.add_container(1); }
    outcome make(const std::string &path, std::uint64_t mode = S_IFCHR | 0666, int directory = AT_FDCWD)
    {
        return plugin_.call("mknodat",
                            {static_cast<std::uint64_t>(directory), host_.map_string(path), mode, 0x103});
    }

    fake_host host_;
    fake_plugin plugin_{host_, table_of<small_mknod>()};
};

TEST_F(testing_kit_mknod, a_node_is_recorded_with_the_callers_umask)
{
    const auto got = make("/null");
    EXPECT_EQ(got.error, 0);
    EXPECT_EQ(got.verdict, DEPUTY_REPLY);
    const auto node = host_.files.node_at("/null");
    ASSERT_TRUE(node);
    EXPECT_EQ(node->mode, S_IFCHR | 0644u);
    EXPECT_EQ(node->device, 0x103u);
    EXPECT_EQ(node->grant, small_mknod::grant);
    EXPECT_EQ(make("null").error, EEXIST);
    EXPECT_EQ(make("/").error, EEXIST);
    EXPECT_EQ(make("new/").error, ENOENT);
    EXPECT_EQ(make("none/null").error, ENOENT);
    EXPECT_EQ(make("null", S_IFCHR | 0666, 77).error, EBADF);
}

TEST_F(testing_kit_mknod, only_calls_whose_predicates_hold_arrive)
{
    EXPECT_THROW(make("/fifo", S_IFIFO | 0666), std::out_of_range);
    EXPECT_EQ(make("/null", 0xffffffff00000000 | S_IFCHR | 0666).error, 0);
}

TEST_F(testing_kit_mknod, no_node_without_the_capability)
{
    host_.identity.capabilities = 0;
    EXPECT_EQ(make("/null").error, EPERM);
    host_.identity.capabilities = small_mknod::grant;
    host_.identity.in_container_user_ns = 0;
    EXPECT_EQ(make("/null").error, EPERM);
    EXPECT_FALSE(host_.files.node_at("/null"));
}

TEST_F(testing_kit_mknod, a_lost_answer_takes_the_node_back)
{
    auto got = make("/null");
    plugin_.lose(got);
    EXPECT_FALSE(std::filesystem::exists(host_.files.root() / "null"));
    auto again = make("/null");
    auto refused = make("/null");
    plugin_.lose(refused);
    EXPECT_TRUE(host_.files.node_at("/null")) << "that of the first call stays";
}

TEST_F(testing_kit_mknod, no_step_leaves_a_node_behind)
{
    for (const int error : {-ESRCH, -ECANCELED, -EIO}) {
        const bool lost = error != -EIO;
        const unsigned steps = for_each_step(
            host_, plugin_, error, [&] { return make("/null"); },
            [&](const std::string &service, outcome &got) {
                const bool stays = service.empty() && !lost;
                EXPECT_EQ(host_.files.node_at("/null").has_value(), stays) << service << " " << error;
                EXPECT_EQ(got.error == 0, service.empty()) << service << " " << error;
            });
        EXPECT_EQ(steps, 5u) << "string, privileges, parent, commit, mknod";
        std::filesystem::remove(host_.files.root() / "null");
    }
}

TEST_F(testing_kit, paths_stay_inside_the_callers_root)
{
    std::filesystem::create_directories(host_.files.root() / "a/b");
    std::filesystem::create_directory_symlink("/a", host_.files.root() / "link");
    write("a/b/file");
    const auto name = [&](int dirfd, const std::string &path) {
        std::string found;
        run([&](call &c) {
            const auto fd = c.resolve(dirfd, path, 0);
            const auto text = fd ? c.name_of(*fd) : deputy::result<std::string>(deputy::error{ENOENT});
            found = text ? *text : "";
            return answer::value(0);
        });
        return found;
    };
    EXPECT_EQ(name(AT_FDCWD, "link/b/file"), "/a/b/file");
    EXPECT_EQ(name(AT_FDCWD, "../../.."), "/");
    const int b = host_.open(
        deputy::unique_fd(::open((host_.files.root() / "a/b").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    EXPECT_EQ(name(b, "file"), "/a/b/file");
    EXPECT_EQ(name(b, "../b/../../link"), "/a");
    EXPECT_EQ(error_of([](call &c) { return c.resolve(99, "file", 0); }), EBADF);
    EXPECT_EQ(error_of([](call &c) { return c.resolve(99, "/a", 0); }), 0);
    EXPECT_EQ(error_of([](call &c) { return c.resolve(AT_FDCWD, "link", O_NOFOLLOW | O_DIRECTORY); }),
              ENOTDIR);
    EXPECT_EQ(error_of([](call &c) { return c.resolve(AT_FDCWD, "a", O_RDWR); }), EINVAL);
}

TEST_F(testing_kit, parents_say_what_the_last_component_is)
{
    std::filesystem::create_directories(host_.files.root() / "a/b");
    struct row {
        std::string path;
        int error;
        std::uint32_t kind;
        std::string name;
        std::uint32_t slash;
    };
    const row rows[] = {
        {"a/new", 0, DEPUTY_LAST_NAME, "new", 0},
        {"/a//new//", 0, DEPUTY_LAST_NAME, "new", 1},
        {"//", 0, DEPUTY_LAST_ROOT, "", 0},
        {"a/.", 0, DEPUTY_LAST_DOT, "", 0},
        {"a/../", 0, DEPUTY_LAST_DOT_DOT, "", 1},
        {"", ENOENT, 0, "", 0},
        {std::string(256, 'x'), ENAMETOOLONG, 0, "", 0},
        {"none/x", ENOENT, 0, "", 0},
    };
    for (const row &r : rows) {
        run([&](call &c) {
            const auto got = c.parent(AT_FDCWD, r.path);
            EXPECT_EQ(got.error_number(), r.error) << r.path;
            if (got) {
                EXPECT_EQ(got->last.kind, r.kind) << r.path;
                EXPECT_EQ(got->last.name, r.name) << r.path;
                EXPECT_EQ(got->last.trailing_slash, r.slash) << r.path;
            }
            return answer::value(0);
        });
    }
}

TEST_F(testing_kit, opening_is_real_and_covers_are_recorded)
{
    write("source");
    write("target");
    open_how how{};
    how.flags = O_RDONLY;
    const std::string source = host_.files.root() / "source";
    const auto got = run([&](call &c) {
        const auto from = c.open(AT_FDCWD, source.c_str(), how, 0);
        const auto to = c.resolve(AT_FDCWD, "target", 0);
        return answer::failure(c.cover(*from, *to).error_number());
    });
    EXPECT_EQ(got.error, 0);
    ASSERT_EQ(host_.files.covers().size(), 1u);
    EXPECT_EQ(host_.files.covers()[0].source, source);
    EXPECT_EQ(error_of([&](call &c) { return c.open(AT_FDCWD, "/proc/self/exe", how, 0); }), ELOOP);
}

TEST_F(testing_kit, undo_gets_what_the_handler_kept_and_after_a_restart_nothing)
{
    const auto keeper = [](call &c) {
        EXPECT_TRUE(c.commit(1));
        c.keep(deputy::unique_fd(::open("/", O_PATH | O_CLOEXEC)));
        return answer::value(0);
    };
    auto first = run(keeper), second = run(keeper);
    plugin_.lose(first);
    plugin_.lose_after_restart(second);
    EXPECT_EQ(probe::events, (std::vector<std::string>{"undo with descriptor", "undo"}));
}

TEST_F(testing_kit, a_deferred_call_is_answered_by_another_thread_once)
{
    const auto got = run([](call &c) {
        EXPECT_TRUE(c.defer());
        return answer::deferred();
    });
    EXPECT_EQ(got.verdict, DEPUTY_DEFER);
    ASSERT_NE(got.ticket, 0u);
    std::thread other([&] { EXPECT_TRUE(probe::made->host.complete(got.ticket, answer::value(7))); });
    const auto reply = host_.deferred.wait(got.ticket);
    other.join();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->value, 7);
    EXPECT_EQ(probe::made->host.complete(got.ticket, answer::value(7)).error_number(), ENOENT);
    plugin_.tell_gone(got.ticket);
    EXPECT_TRUE(probe::events.empty()) << "it has been answered";
}

TEST_F(testing_kit, a_call_is_deferred_once)
{
    run([&](call &c) {
        EXPECT_TRUE(c.defer());
        EXPECT_EQ(c.defer().error_number(), EALREADY);
        return answer::deferred();
    });
}

TEST_F(testing_kit, the_caller_of_a_deferred_call_can_go)
{
    const auto defer = [](call &c) { return c.defer() ? answer::deferred() : answer::failure(EAGAIN); };
    const auto lost = run(defer), gone = run(defer);
    host_.deferred.lose(lost.ticket);
    EXPECT_EQ(probe::made->host.complete(lost.ticket, answer::value(0)).error_number(), ESRCH);
    plugin_.tell_gone(gone.ticket);
    EXPECT_EQ(probe::events, std::vector<std::string>{"call " + std::to_string(gone.ticket)});
    EXPECT_EQ(probe::made->host.complete(gone.ticket, answer::value(0)).error_number(), ENOENT);
    const auto bad = run(defer);
    EXPECT_EQ(probe::made->host.complete(bad.ticket, answer::pass()).error_number(), EINVAL);
    EXPECT_EQ(host_.deferred.wait(bad.ticket)->error, EPERM);
    for (unsigned i = 0; i < fake_deferred::most; ++i) {
        EXPECT_NE(run(defer).ticket, 0u);
    }
    EXPECT_EQ(run(defer).error, EAGAIN);
}

TEST_F(testing_kit, past_the_deadline_the_call_is_answered_for_the_handler_unless_it_blocks)
{
    const auto late = [&](bool blocking) {
        return error_of([&](call &c) {
            if (blocking) {
                EXPECT_TRUE(c.block());
            }
            host_.clock.advance(std::chrono::seconds(6));
            return c.privileges();
        });
    };
    EXPECT_EQ(late(false), ECANCELED);
    EXPECT_EQ(late(true), 0);
    host_.interruption = -EINTR;
    EXPECT_EQ(error_of([](call &c) { return c.interrupted(); }), EINTR);
}

TEST_F(testing_kit, a_service_can_fail_and_the_caller_change_at_any_step)
{
    const auto address = host_.map_string("first");
    const auto text = [&](call &c) { return c.read_string(address, 64); };
    host_.fails.fail("caller.read_string", -EIO, 2);
    EXPECT_EQ(error_of(text), 0);
    EXPECT_EQ(error_of(text), EIO);
    EXPECT_EQ(error_of(text), 0);
    host_.on_step = [&](std::string_view service) {
        if (service == "caller.privileges") {
            host_.memory(address)[0] = std::byte{'F'};
        }
    };
    run([&](call &c) {
        EXPECT_EQ(*text(c), "first");
        EXPECT_TRUE(c.privileges());
        EXPECT_EQ(*text(c), "First") << "it was read twice";
        return answer::value(0);
    });
}

TEST_F(testing_kit, settings_are_the_containers_or_the_defaults)
{
    host_.settings.set(0, "/limit", 16);
    host_.settings.set(0, "/strict", true);
    host_.settings.set(0, "/ratio", 0.5);
    host_.settings.set_list(0, "/devices", {"c 1:3", "c 1:5"});
    host_.settings.set(1, "/limit", 3);
    host_.settings.set_list(2, "/devices", {"b 7:0"});
    plugin_.add_container(2);
    const auto &table = *probe::made->services.settings;
    const auto *raw = host_.raw();
    std::int64_t n = 0;
    std::int32_t yes = 0;
    std::uint32_t count = 0;
    const char *text = nullptr;
    EXPECT_EQ(table.integer(raw, 1, "/limit", &n), 0);
    EXPECT_EQ(n, 3);
    EXPECT_EQ(table.integer(raw, 2, "/limit", &n), 0);
    EXPECT_EQ(n, 16);
    EXPECT_EQ(table.boolean(raw, 1, "/strict", &yes), 0);
    EXPECT_EQ(yes, 1);
    EXPECT_EQ(table.count(raw, 1, "/devices", &count), 0);
    EXPECT_EQ(count, 2u);
    EXPECT_EQ(table.string(raw, 1, "/devices/1", &text), 0);
    EXPECT_STREQ(text, "c 1:5");
    EXPECT_EQ(table.string(raw, 2, "/devices/1", &text), -ENOENT);
    EXPECT_EQ(table.integer(raw, 1, "/strict", &n), -EINVAL);
    EXPECT_EQ(table.integer(raw, 1, "/ratio", &n), -ERANGE);
    EXPECT_EQ(table.count(raw, 1, "/limit", &count), -EINVAL);
    EXPECT_EQ(table.integer(raw, 3, "/limit", &n), -ENOENT) << "no such container";
}

TEST_F(testing_kit, what_a_handler_says_of_its_call_is_kept_up_to_a_length)
{
    const auto got = run([](call &c) {
        EXPECT_TRUE(c.is_looked_at());
        c.describe("first");
        c.describe(std::string(2 * DEPUTY_DESCRIPTION_SIZE, 'x'));
        c.explain("because");
        return answer::value(0);
    });
    EXPECT_EQ(got.object, std::string(DEPUTY_DESCRIPTION_SIZE, 'x'));
    EXPECT_EQ(got.reason, "because");
    host_.looks = false;
    run([](call &c) {
        EXPECT_FALSE(c.is_looked_at());
        return answer::value(0);
    });
}

TEST_F(testing_kit, counters_processes_and_events)
{
    const auto &s = probe::made->services;
    std::uint32_t counter = 0;
    EXPECT_EQ(s.counters->declare(host_.raw(), "calls_made", "Calls.", &counter), 0);
    EXPECT_EQ(s.counters->declare(host_.raw(), "calls_made", "Calls.", &counter), -EEXIST);
    EXPECT_EQ(s.counters->declare(host_.raw(), "Calls", "Calls.", &counter), -EINVAL);
    plugin_.ready();
    EXPECT_EQ(s.counters->declare(host_.raw(), "late", "Late.", &counter), -EBUSY);
    s.counters->add(host_.raw(), counter, 5);
    EXPECT_EQ(host_.counter("calls_made"), 5u);
    const auto watch = [](call &c) { return answer::value(static_cast<std::int64_t>(*c.watch())); };
    const auto id = run(watch).value;
    EXPECT_EQ(run(watch).value, id) << "a process is watched once";
    plugin_.exec(1);
    EXPECT_TRUE(plugin_.end_process(host_.identity.tgid));
    EXPECT_FALSE(plugin_.end_process(host_.identity.tgid));
    EXPECT_EQ(probe::events, (std::vector<std::string>{"exec 1", "gone " + std::to_string(id)}));
}

TEST(testing_kit_hosts, an_older_host_may_lack_an_extension)
{
    fake_host host;
    host.lacking.insert(DEPUTY_EXT_ACT_1);
    try {
        fake_plugin plugin(host, table_of<small_mknod>());
        FAIL() << "it was created";
    } catch (const std::system_error &e) {
        EXPECT_EQ(e.code().value(), ENOTSUP);
    }
    EXPECT_TRUE(host.logged("the host lacks the service deputy.act/1"));
}

// Of the sizes alone that this host has, as one of an older minor version would.
TEST_F(testing_kit, structs_end_where_struct_size_says)
{
    const auto past = [](const auto &object) {
        return reinterpret_cast<std::uintptr_t>(&object) + object.struct_size;
    };
    EXPECT_EQ(past(*host_.raw()) % 4096, 0U);
    run([&](call &c) {
        EXPECT_EQ(past(c.syscall()) % 4096, 0U);
        return answer::value(0);
    });
    EXPECT_EXIT(
        run([&](call &c) {
            return answer::value(*reinterpret_cast<const volatile char *>(past(c.syscall())));
        }),
        [](int status) { return status != 0; }, "");
}

TEST(plugin_h, a_struct_says_which_fields_it_has)
{
    deputy_container c{};
    c.struct_size = offsetof(deputy_container, wait_killable);
    EXPECT_TRUE(DEPUTY_HAS_FIELD(&c, settings));
    EXPECT_FALSE(DEPUTY_HAS_FIELD(&c, wait_killable));
    c.struct_size += sizeof c.wait_killable - 1;
    EXPECT_FALSE(DEPUTY_HAS_FIELD(&c, wait_killable));
    c.struct_size += 1;
    EXPECT_TRUE(DEPUTY_HAS_FIELD(&c, wait_killable));
}

TEST(plugin_hpp, a_complete_mknod_like_handler_has_thirty_lines)
{
    std::ifstream source(DEPUTY_SOURCE_DIR "/tests/support/small_mknod.hpp");
    std::string line;
    int lines = -1;
    while (std::getline(source, line) && line.find("// end") == std::string::npos) {
        lines += lines >= 0 || line.find("// begin") != std::string::npos ? 1 : 0;
    }
    EXPECT_GT(lines, 20);
    EXPECT_LE(lines, 30);
}

} // namespace

// SPDX-License-Identifier: Apache-2.0
// Settings of a container as its plugin reads them.
#include <cerrno>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <optional>

#include "notify/host.hpp"
#include "plugin/setting_defaults.hpp"

namespace
{

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json filled(const char *schema, const char *settings)
{
    json all = json::parse(settings);
    deputyd::fill_in_defaults(json::parse(schema), all);
    return all;
}

TEST(setting_defaults, fill_what_is_absent_and_nothing_else)
{
    const char *schema = R"({"properties": {"a": {"default": 1}, "b": {"default": [2]}, "c": {}}})";
    EXPECT_EQ(filled(schema, R"({"a": null, "d": 4})"), json::parse(R"({"a": null, "b": [2], "d": 4})"));
}

TEST(setting_defaults, reach_into_objects_that_are_there)
{
    const char *schema =
        R"({"properties": {"o": {"properties": {"a": {"default": 1}, "b": {"default": 2}}}}})";
    EXPECT_EQ(filled(schema, R"({"o": {"a": 5}})"), json::parse(R"({"o": {"a": 5, "b": 2}})"));
}

TEST(setting_defaults, reach_into_a_default)
{
    const char *schema = R"({"properties": {"o": {"default": {}, "properties": {"a": {"default": 1}}}}})";
    EXPECT_EQ(filled(schema, "{}"), json::parse(R"({"o": {"a": 1}})"));
}

TEST(setting_defaults, make_an_absent_object_only_if_that_is_all_it_needs)
{
    const char *whole = R"({"properties": {"o": {"required": ["a"], "properties": {"a": {"default": 1}}}}})";
    EXPECT_EQ(filled(whole, "{}"), json::parse(R"({"o": {"a": 1}})"));
    const char *part = R"({"properties": {"o": {"required": ["b"], "properties": {"a": {"default": 1}}}}})";
    EXPECT_EQ(filled(part, "{}"), json::object());
}

TEST(setting_defaults, reach_into_lists_and_tables)
{
    const char *list = R"({"properties": {"l": {"items": {"properties": {"a": {"default": 1}}}}}})";
    EXPECT_EQ(filled(list, R"({"l": [{}, {"a": 2}, 3]})"), json::parse(R"({"l": [{"a": 1}, {"a": 2}, 3]})"));
    const char *tuple = R"({"properties": {"l": {"items": [{"properties": {"a": {"default": 1}}}]}}})";
    EXPECT_EQ(filled(tuple, R"({"l": [{}, {}]})"), json::parse(R"({"l": [{"a": 1}, {}]})"));
    const char *table = R"({"additionalProperties": {"properties": {"a": {"default": 1}}}})";
    EXPECT_EQ(filled(table, R"({"x": {}})"), json::parse(R"({"x": {"a": 1}})"));
}

TEST(setting_defaults, follow_references_and_end)
{
    const char *schema = R"({"definitions": {"t": {"properties": {"a": {"default": 1}}}},
                             "properties": {"o": {"$ref": "#/definitions/t"}}})";
    EXPECT_EQ(filled(schema, "{}"), json::parse(R"({"o": {"a": 1}})"));
    const char *itself = R"({"properties": {"a": {"default": 1}, "o": {"$ref": "#"}}})";
    EXPECT_EQ(filled(itself, "{}").at("o").at("a"), 1);
    const char *circle = R"({"definitions": {"t": {"$ref": "#/definitions/t"}},
                             "properties": {"o": {"$ref": "#/definitions/t"}}})";
    EXPECT_EQ(filled(circle, "{}"), json::object());
}

TEST(setting_defaults, pass_over_what_is_no_schema)
{
    for (const char *schema :
         {"[]", "true", R"({"properties": 1})", R"({"properties": {"o": true}})", R"({"items": 1})",
          R"({"properties": {"o": {"$ref": "#nowhere"}}})", R"({"properties": {"o": {"$ref": "#/a~2"}}})",
          R"({"properties": {"o": {"$ref": "http://example.org/"}}})"}) {
        EXPECT_EQ(filled(schema, R"({"l": [{}]})"), json::parse(R"({"l": [{}]})")) << schema;
    }
}

/// Reads its settings when a container comes, as the test wants.
class reading_plugin
{
public:
    static constexpr std::uint32_t threads = DEPUTY_THREADS_SERIAL;
    static constexpr const char *settings_schema = R"({
        "type": "object",
        "properties": {
            "on": {"type": "boolean", "default": true},
            "limit": {"type": "integer", "default": 7},
            "names": {"type": "array", "items": {"type": "string"}, "default": ["a", "b"]},
            "deep": {"properties": {"file": {"default": "/dev/null"}}},
            "any": {}}})";

    explicit reading_plugin(deputy::host host) : host_(host) {}
    void register_handlers(deputy::registrar<reading_plugin> &) {}
    void container_added(const deputy_container &added) { test(deputy::settings(host_, added.id)); }
    void container_gone(std::uint64_t id) { at_end = deputy::settings(host_, id).integer("/limit"); }

    static inline std::function<void(const deputy::settings &)> test;
    static inline std::int64_t at_end = 0;

private:
    deputy::host host_;
};

class container_settings : public testing::Test
{
protected:
    void add(const char *json, std::function<void(const deputy::settings &)> test, std::uint64_t id = 1)
    {
        reading_plugin::test = std::move(test);
        deputy_container added{};
        added.struct_size = sizeof added;
        added.cgroup = -1;
        added.id = id;
        added.name = "c";
        added.settings = json;
        plugin_.container_added(added);
    }
    /// What reading a setting fails with.
    template <class Read> static int error_of(Read &&read)
    {
        try {
            (void)read();
        } catch (const std::system_error &e) {
            return e.code().value();
        }
        return 0;
    }

    deputyd::loaded_plugin plugin_{
        deputyd::manifest{DEPUTY_ABI_MAJOR, DEPUTY_ABI_MINOR, DEPUTY_ABI_MINOR, 0, "reading", "1", {"uname"}},
        deputy::detail::description<reading_plugin>::table, deputyd::plugin_extensions()};
};

TEST_F(container_settings, are_the_schemas_defaults_where_none_are_set)
{
    for (const char *none : {"{}", static_cast<const char *>(nullptr)}) {
        int ran = 0;
        add(
            none,
            [&](const deputy::settings &s) {
                EXPECT_TRUE(s.boolean("/on"));
                EXPECT_EQ(s.integer("/limit"), 7);
                EXPECT_THAT(s.list("/names"), ElementsAre("a", "b"));
                EXPECT_EQ(s.string("/deep/file"), "/dev/null");
                EXPECT_FALSE(s.has("/any"));
                ++ran;
            },
            none == nullptr ? 2 : 1);
        EXPECT_EQ(ran, 1);
    }
}

TEST_F(container_settings, are_what_is_set_for_that_container)
{
    add(R"({"on": false, "limit": -3, "names": []})", [&](const deputy::settings &s) {
        EXPECT_FALSE(s.boolean("/on"));
        EXPECT_EQ(s.integer("/limit"), -3);
        EXPECT_THAT(s.list("/names"), ElementsAre());
        EXPECT_EQ(s.count(""), 4U);
    });
    add(R"({"limit": 9})", [&](const deputy::settings &s) { EXPECT_EQ(s.integer("/limit"), 9); }, 2);
    plugin_.container_gone(1);
    EXPECT_EQ(reading_plugin::at_end, -3);
}

TEST_F(container_settings, end_with_the_container)
{
    std::optional<deputy::settings> kept;
    add("{}", [&](const deputy::settings &s) { kept = s; });
    EXPECT_TRUE(kept->has("/limit"));
    plugin_.container_gone(1);
    EXPECT_EQ(error_of([&] { return kept->integer("/limit"); }), ENOENT);
    EXPECT_THROW(add(
                     "{}", [&](const deputy::settings &s) { kept = s, throw std::runtime_error("no"); }, 2),
                 std::runtime_error);
    EXPECT_EQ(error_of([&] { return kept->integer("/limit"); }), ENOENT);
}

TEST_F(container_settings, have_a_type)
{
    add(R"({"any": {"float": 1.5, "huge": 18446744073709551615, "nul": "a\u0000b", "null": null}})",
        [&](const deputy::settings &s) {
            EXPECT_EQ(error_of([&] { return s.boolean("/limit"); }), EINVAL);
            EXPECT_EQ(error_of([&] { return s.integer("/on"); }), EINVAL);
            EXPECT_EQ(error_of([&] { return s.string("/names"); }), EINVAL);
            EXPECT_EQ(error_of([&] { return s.count("/names/0"); }), EINVAL);
            EXPECT_EQ(error_of([&] { return s.integer("/any/float"); }), ERANGE);
            EXPECT_EQ(error_of([&] { return s.integer("/any/huge"); }), ERANGE);
            EXPECT_EQ(error_of([&] { return s.string("/any/nul"); }), EINVAL);
            EXPECT_EQ(error_of([&] { return s.boolean("/any/null"); }), EINVAL);
            EXPECT_TRUE(s.has("/any/null"));
        });
}

TEST_F(container_settings, that_a_pointer_does_not_name_are_absent)
{
    add(R"({"any": {"a/b": "slash", "~": "tilde"}})", [&](const deputy::settings &s) {
        EXPECT_EQ(s.string("/any/a~1b"), "slash");
        EXPECT_EQ(s.string("/any/~0"), "tilde");
        for (const char *none : {"/none", "limit", "/names/2", "/names/-", "/names/01", "/names/a",
                                 "/limit/0", "/any/~2", "/any/~"}) {
            EXPECT_EQ(error_of([&] { return s.string(none); }), ENOENT) << none;
        }
    });
}

TEST_F(container_settings, that_fail_name_the_setting)
{
    try {
        add("{}", [&](const deputy::settings &s) { (void)s.integer("/none"); });
        FAIL() << "the container is refused";
    } catch (const std::runtime_error &e) {
        EXPECT_THAT(e.what(), HasSubstr("No such file or directory"));
    }
    EXPECT_THROW(add("[]", [](const deputy::settings &) {}), std::runtime_error);
}

} // namespace

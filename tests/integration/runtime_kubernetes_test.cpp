// SPDX-License-Identifier: Apache-2.0
// What examples/kubernetes says, as far as it can be told without a cluster.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/background.hpp"
#include "support/process.hpp"

namespace deputyd::test
{
namespace
{

const std::filesystem::path source = DEPUTY_SOURCE_DIR;

/// The documents of a YAML file.
nlohmann::json documents(const std::string &file)
{
    const outcome o =
        run({"python3", "-c",
             "import json, sys, yaml; json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)",
             source / "examples/kubernetes" / file});
    EXPECT_EQ(o.status, 0) << o.err;
    return nlohmann::json::parse(o.out);
}

nlohmann::json of_kind(const nlohmann::json &all, const std::string &kind)
{
    for (const auto &one : all) {
        if (one.at("kind") == kind) {
            return one;
        }
    }
    ADD_FAILURE() << "no " << kind;
    return {};
}

TEST(runtime_kubernetes, the_init_container_writes_the_profile_that_the_pod_names)
{
    const auto spec = of_kind(documents("daemonset.yaml"), "DaemonSet").at("spec").at("template").at("spec");
    const scratch_directory node;
    std::string script = spec.at("initContainers").at(0).at("command").at(2);
    const std::string at_node = node.path();
    for (auto at = script.find("/seccomp/"); at != script.npos;
         at = script.find("/seccomp/", at + at_node.size() + 1)) {
        script.insert(at, at_node);
    }
    const std::string program = "deputy profile ";
    ASSERT_TRUE(script.starts_with(program)) << script;
    script.replace(0, program.size(), DEPUTY_BIN_DIR "/deputy profile --plugin-dir " DEPUTY_PLUGINS_DIR " ");
    std::filesystem::create_directory(node.path() / "seccomp");
    const outcome o = run({"sh", "-c", script});
    ASSERT_EQ(o.status, 0) << o.err;

    const auto pod = of_kind(documents("pod.yaml"), "Pod").at("spec");
    EXPECT_EQ(pod.at("hostUsers"), false);
    const auto asked = pod.at("containers").at(0).at("securityContext").at("seccompProfile");
    EXPECT_EQ(asked.at("type"), "Localhost");
    const auto file = node.path() / "seccomp" / asked.at("localhostProfile").get<std::string>();
    ASSERT_TRUE(std::filesystem::exists(file)) << file;
    const auto profile = nlohmann::json::parse(text_of(file));
    EXPECT_EQ(profile.at("listenerPath"), "/run/deputy/oci.sock");
    EXPECT_EQ(profile.at("listenerMetadata"), "policy=nested");
    const outcome lint = run({DEPUTY_BIN_DIR "/deputy", "profile", "lint", file});
    EXPECT_EQ(lint.status, 0) << lint.out << lint.err;
}

TEST(runtime_kubernetes, the_configuration_of_the_config_map_is_right)
{
    const scratch_directory etc;
    write_text(etc.path() / "deputy.toml",
               of_kind(documents("daemonset.yaml"), "ConfigMap").at("data").at("deputy.toml"));
    std::filesystem::create_directory(etc.path() / "conf.d");
    std::filesystem::copy_file(source / "host/data/conf.d/nested.toml", etc.path() / "conf.d/nested.toml");
    const outcome o = run({DEPUTY_BIN_DIR "/deputy", "config", "check", "--config",
                           etc.path() / "deputy.toml", "--plugin-dir", DEPUTY_PLUGINS_DIR});
    EXPECT_EQ(o.status, 0) << o.out << o.err;
}

} // namespace
} // namespace deputyd::test

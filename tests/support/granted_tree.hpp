// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/background.hpp"
#include "support/container.hpp"

namespace deputyd::test
{

/// A directory of the host that a rule grants: data with file in it; beside it secret/file, which none
/// grants.
class granted_tree
{
public:
    granted_tree()
    {
        for (const char *name : {"data", "secret"}) {
            std::filesystem::create_directory(path() / name);
        }
        write_text(path() / "data/file", "granted\n");
        write_text(path() / "secret/file", "SECRET\n");
    }
    [[nodiscard]] std::filesystem::path path() const { return scratch_.path(); }
    [[nodiscard]] std::filesystem::path data() const { return scratch_.path() / "data"; }

    /// A container with the clients, where data is opened as /run/data.
    [[nodiscard]] command container(const command &inside, const std::string &access = "rw") const
    {
        const std::string rule = R"(open.rules=[{ path = "/run/data/", from = "host", to = ")" +
                                 data().string() + R"(", access = ")" + access + R"(" }])";
        return plain_container({"--plugin-dir", DEPUTY_PLUGINS_DIR, "--enable", "open", "--set", rule},
                               inside);
    }
    [[nodiscard]] command shell(const std::string &script, const std::string &access = "rw") const
    {
        return container({"/bin/sh", "-c", script}, access);
    }

private:
    scratch_directory scratch_;
};

} // namespace deputyd::test

// SPDX-License-Identifier: Apache-2.0
// What deputy says of configurations that are wrong: wrong_configurations.txt has each with its message.
#include "cli/config_check.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "notify/host.hpp"

namespace
{

namespace fs = std::filesystem;

struct wrong_configuration {
    std::string title, text, message;
};

/// Blocks of "## TITLE", the text, and "-> MESSAGE" without the name of the file; \xNN is that byte.
std::vector<wrong_configuration> read_battery()
{
    std::ifstream in(DEPUTY_SOURCE_DIR "/tests/unit/wrong_configurations.txt");
    std::vector<wrong_configuration> all;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("## ")) {
            all.push_back({line.substr(3), "", ""});
        } else if (!all.empty() && line.starts_with("-> ")) {
            all.back().message = line.substr(3);
        } else if (!all.empty()) {
            all.back().text += line + "\n";
        }
    }
    return all;
}

std::string with_bytes(std::string text)
{
    for (auto at = text.find("\\x"); at != text.npos; at = text.find("\\x", at + 1)) {
        text.replace(at, 4, 1, static_cast<char>(std::stoi(text.substr(at + 2, 2), nullptr, 16)));
    }
    return text;
}

class ConfigBattery : public testing::Test
{
protected:
    fs::path directory_ = fs::temp_directory_path() / ("deputy-battery-" + std::to_string(getpid()));
    void SetUp() override { fs::create_directories(directory_); }
    void TearDown() override { fs::remove_all(directory_); }

    /// What is said of it, without the name of the file.
    std::string said_of(const std::string &text) const
    {
        const fs::path file = directory_ / "deputy.toml";
        std::ofstream(file, std::ios::binary) << with_bytes(text);
        try {
            deputyd::plugin_set plugins(deputyd::plugin_extensions());
            checked_configuration({file, DEPUTY_PLUGINS_DIR}, plugins);
        } catch (const deputyd::config_error &e) {
            const std::string what = e.what();
            return what.starts_with(file.string() + ":") ? what.substr(file.string().size() + 1) : what;
        } catch (const std::exception &e) {
            return std::string("not a config_error: ") + e.what();
        }
        return "accepted";
    }
};

TEST_F(ConfigBattery, has_a_message_for_each_of_a_hundred_wrong_files)
{
    const auto battery = read_battery();
    EXPECT_GE(battery.size(), 100U);
    for (const auto &wrong : battery) {
        EXPECT_EQ(said_of(wrong.text), wrong.message) << wrong.title << "\n" << wrong.text;
    }
}

} // namespace

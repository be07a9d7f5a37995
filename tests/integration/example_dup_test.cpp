// SPDX-License-Identifier: Apache-2.0
// The example dup2 before real programs.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <sstream>
#include <unistd.h>

#include "integration/deputy.hpp"

namespace deputyd::test
{
namespace
{

using testing::HasSubstr;

const std::string client = DEPUTY_BIN_DIR "/clients/dup_calls";

std::vector<std::string> options(std::vector<std::string> more = {})
{
    std::vector<std::string> all = {"--plugin", DEPUTY_EXAMPLE_PLUGINS_DIR "/dup2.so",
                                    "--enable", "dup2",
                                    "--bind",   client + ":/run/client:ro"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::vector<std::string> lines(const std::string &text)
{
    std::vector<std::string> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        all.push_back(line);
    }
    return all;
}

/// A file of the host that is deleted at the end.
struct host_file {
    host_file() { EXPECT_NE(::mkdtemp(directory.data()), nullptr); }
    ~host_file()
    {
        ::unlink(path().c_str());
        ::rmdir(directory.c_str());
    }
    host_file(const host_file &) = delete;
    host_file &operator=(const host_file &) = delete;
    [[nodiscard]] std::string path() const { return directory + "/captured"; }
    [[nodiscard]] std::string text() const
    {
        std::ifstream in(path());
        return {std::istreambuf_iterator<char>(in), {}};
    }
    std::string directory = testing::TempDir() + "example_dup.XXXXXX";
};

TEST(example_dup, answers_as_the_kernel_does)
{
    const auto native = run({client});
    const auto served = deputy_run({"/run/client"}, options());
    ASSERT_EQ(native.status, 0) << native.err;
    EXPECT_EQ(served.status, 0) << served.err;
    EXPECT_EQ(served.err, "");
    EXPECT_GT(lines(native.out).size(), 200u);
    EXPECT_EQ(lines(served.out), lines(native.out));
}

TEST(example_dup, captures_what_a_program_writes_to_a_number)
{
    const host_file file;
    const auto got = deputy_run({"sh", "-c", "ls /nowhere 2>/run/theirs; echo said; cat /run/theirs"},
                                options({"--set", "dup2.file='" + file.path() + "'"}));
    EXPECT_EQ(got.out, "said\n");
    EXPECT_THAT(file.text(), HasSubstr("/nowhere"));
}

TEST(example_dup, captures_nothing_unless_told)
{
    const auto got = deputy_run({"sh", "-c", "ls /nowhere 2>/run/theirs; cat /run/theirs"}, options());
    EXPECT_THAT(got.out, HasSubstr("/nowhere"));
}

TEST(example_dup, refuses_a_container_whose_file_cannot_be_opened)
{
    const auto got = deputy_run({"true"}, options({"--set", "dup2.file='/nowhere/captured'"}));
    EXPECT_EQ(got.status, 125);
    EXPECT_THAT(got.err, HasSubstr("cannot open /nowhere/captured"));
}

} // namespace
} // namespace deputyd::test

// SPDX-License-Identifier: Apache-2.0
// Judges any bytes as a profile, and merges into what can be read: the merged one must have no trap that
// merging is there to prevent.
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "profile/lint.hpp"
#include "profile/lxc_text.hpp"
#include "profile/write.hpp"

namespace
{

using namespace deputyd::profile;

const circumstances here = {{"CAP_CHOWN"}, "6.1.0"};

std::vector<claim> wanted()
{
    cube command;
    command.mask[0] = 0xffffffff;
    command.value[0] = 5;
    return {{"bpf", 0, {command}}, {"seccomp", 16, {new_listener()}}};
}

void expect_kept(const std::string &text)
{
    for (const finding &f : lint(text, here, std::nullopt)) {
        if (f.check == "inner-listener" || (f.where == "bpf" && f.check == "shadowed-rule")) {
            std::abort();
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string text(reinterpret_cast<const char *>(data), size);
    lint(text, here, std::nullopt);
    lint(text, here, runtime("runc=1.1.5"));
    recipe r;
    r.where = here;
    try {
        expect_kept(with_listener(resolve(parse_profile(text), here), r, wanted()).dump());
    } catch (const std::exception &) {
    }
    try {
        expect_kept(merge_lxc(parse_lxc(text), wanted()));
    } catch (const std::runtime_error &) {
    }
    return 0;
}

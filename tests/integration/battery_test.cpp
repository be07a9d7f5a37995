// SPDX-License-Identifier: Apache-2.0
// Errno for errno: the same good and bad calls as root on the host and in a container, and the list of what
// is different on purpose.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/differential.hpp"

namespace deputyd::test
{
namespace
{

constexpr const char *no_order = "programs of a container keep the order in which they are attached";
constexpr const char *no_ids =
    "which programs the host has is not told: all that are not the container's own are "
    "refused alike, as the kernel refuses them without privilege";
constexpr const char *caller_size = "nothing is written beyond the size that the caller gave";
constexpr const char *no_flags =
    "flags for other program types and for tests of the verifier are not offered";
constexpr const char *no_links =
    "a link would outlast what detaches programs: none is made, whatever is asked for";
constexpr const char *device_only = "device programs only; others get what the kernel says without privilege";
constexpr const char *vetted = "vetting refuses it, with one errno, before the verifier sees it";

constexpr difference differences[] = {
    {"attach.flags.[89]", "EINVAL count=0", no_order},
    {"attach.flags.10", "EINVAL count=0", no_order},
    {"attach.flags.0x?0", "EINVAL count=0", no_order},
    {"id.absent.*", "EPERM", no_ids},
    {"id.after_close", "EPERM", no_ids},
    {"id.size.0", "EPERM", no_ids},
    {"next_id", "EPERM", no_ids},
    {"info.size.4", "ok info_len=232", caller_size},
    {"query.*.size.[48]", "ok count=6 *", caller_size},
    {"query.*.size.1[26]", "ok count=6 *", caller_size},
    {"query.*.size.2[047]", "ok count=6 *", caller_size},
    {"link.*", "EPERM", no_links},
    {"load.flags.bit_[23567]", "EINVAL", no_flags},
    {"load.type.*", "EPERM", device_only},
    {"load.probe.skb_systemd", "EPERM", device_only},
    {"program.endless", "EACCES", vetted},
    {"program.helper", "EACCES", vetted},
    {"program.helper_unknown", "EACCES", vetted},
    {"program.loop", "EACCES", vetted},
    {"program.map_of_no_fd", "EACCES", vetted},
    {"program.packet_load", "EACCES", vetted},
    {"program.subprogram", "EACCES", vetted},
};

TEST(battery, has_the_kernels_answers_but_for_the_differences_listed)
{
    outcome native;
    {
        const host_cgroup group("deputy-battery");
        native = run({DEPUTY_BIN_DIR "/clients/battery", group.path()});
    }
    ASSERT_EQ(native.status, 0) << native.err;
    const outcome inside = run(device_container(
        {}, {"/bin/sh", "-c",
             "mkdir /sys/fs/cgroup/battery && exec /run/clients/battery /sys/fs/cgroup/battery"}));
    ASSERT_EQ(inside.status, 0) << inside.err;
    ASSERT_GT(values(native.out).size(), 500u);
    expect_same_answers(native.out, inside.out, differences);
}

} // namespace
} // namespace deputyd::test

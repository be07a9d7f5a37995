// SPDX-License-Identifier: Apache-2.0
// Any bytes as the message of an OCI runtime. What is complete stays so when nothing follows.
#include <cstdint>
#include <cstdlib>

#include "intake/oci_state.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const auto p = deputyd::parse_oci_state({reinterpret_cast<const char *>(data), size});
    if (p.progress == deputyd::oci_progress::complete) {
        std::size_t index = 0;
        if (p.state.id.empty() || (p.state.listener_index(1, index) && index != 0)) {
            std::abort();
        }
        (void)p.state.policy();
    }
    if ((p.progress == deputyd::oci_progress::wrong) == p.reason.empty()) {
        std::abort();
    }
    return 0;
}

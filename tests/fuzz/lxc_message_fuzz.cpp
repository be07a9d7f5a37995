// SPDX-License-Identifier: Apache-2.0
// Any bytes as a datagram of LXC's monitor. What decodes can be answered, in less than it took.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "notify/lxc_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    std::vector<std::byte> datagram(reinterpret_cast<const std::byte *>(data),
                                    reinterpret_cast<const std::byte *>(data) + size);
    deputyd::lxc_request request;
    if (decode_lxc_request(datagram, request) == nullptr) {
        const std::size_t answer =
            deputyd::encode_lxc_response(datagram, {request.notification.id, 0, -1, 0});
        if (answer + request.cookie.size() != size) {
            std::abort();
        }
    }
    return 0;
}

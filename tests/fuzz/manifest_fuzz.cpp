// SPDX-License-Identifier: Apache-2.0
// Reads any bytes as a plugin's file. What is accepted must keep the promises of read_manifest().
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include "plugin/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    try {
        const auto m = deputyd::read_manifest({reinterpret_cast<const std::byte *>(data), size});
        if (m.name.empty() || m.name.size() > 63 || m.version.empty() || m.syscalls.empty()) {
            std::abort();
        }
        check_abi(m);
    } catch (const std::runtime_error &) {
    }
    return 0;
}

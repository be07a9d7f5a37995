// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace deputyd
{

/// Raises this process's soft limit of descriptors to the hard one, as far as the kernel lets it.
void raise_descriptor_limit();

} // namespace deputyd

// The three things a TAP needs from rtnetlink: addresses, and the largest super-frame the kernel may hand us.
#pragma once

#include <cstdint>

namespace etherloom {

// All return 0 or a positive errno. address: 4 or 16 bytes.
int netlinkAddAddress(int interfaceIndex, bool ipv6, const uint8_t* address, uint8_t prefixLength);
int netlinkSetGsoMaxSegments(int interfaceIndex, uint32_t segments, uint32_t bytes);

}  // namespace etherloom

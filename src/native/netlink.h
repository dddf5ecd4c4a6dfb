// What is asked of rtnetlink: a TAP's addresses and the largest super-frame the kernel may hand us, and routes.
#pragma once

#include <cstdint>

namespace etherloom {

// These return 0 or a positive errno. address: 4 or 16 bytes.
int netlinkAddAddress(int interfaceIndex, bool ipv6, const uint8_t* address, uint8_t prefixLength);
int netlinkSetGsoMaxSegments(int interfaceIndex, uint32_t segments, uint32_t bytes);

// Index of the interface through which packets with this mark leave for the address; 0 = no route, or not known.
int netlinkRouteInterface(bool ipv6, const uint8_t* address, uint32_t mark);

}  // namespace etherloom

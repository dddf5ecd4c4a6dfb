// What the kernel says of the way to an address.
#pragma once

#include <cstdint>

#include "udp.h"

namespace etherloom {

struct Route {
  // The largest IP packet in bytes, 0 when there is no route.
  uint32_t mtu = 0;
  // The device computes checksums. Where none does, kernels since 6.11 segment a train after the packet filter has
  // changed its ports or addresses, and leave every datagram with a checksum that is wrong by that change.
  bool checksums = true;
};

Route lookUpRoute(const SocketAddress& to, uint32_t mark);

}  // namespace etherloom

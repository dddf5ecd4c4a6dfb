// The underlay: one UDP socket per address family on the same port, with segmentation (GSO) on send and coalescing
// (GRO) on receive where the kernel has them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include "arrival.h"

namespace etherloom {

// An underlay address as it crosses the boundary: family 4 or 6 (0 = none), a pad byte, port (big endian), 16 address
// bytes of which IPv4 uses the first four.
//
//   0        1      2        4                    20
//   +--------+------+--------+--------------------+
//   | family | 0    | port   | address            |
//   +--------+------+--------+--------------------+
constexpr uint32_t kPackedAddressLength = 20;

struct SocketAddress {
  union {
    sockaddr generic;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t length = 0;

  SocketAddress() : v6{} {}
  bool fromPacked(const uint8_t* packed);
  void toPacked(uint8_t* packed) const;
  bool sameAs(const SocketAddress& other) const;
};

struct UdpOptions {
  uint16_t port = 0;
  bool v4 = true;
  bool v6 = true;
  uint8_t bind4[4] = {};
  uint8_t bind6[16] = {};
  uint32_t mark = 0;
  bool gso = true;
  bool gro = true;
};

struct UdpSocket {
  int fd = -1;
  bool gso = false;
  bool gro = false;
  int receiveBuffer = 0;
  Moment emptied;  // just before the last look that left nothing in it
};

struct UdpPair {
  UdpSocket v4;
  UdpSocket v6;
  uint16_t port = 0;
};

struct UdpError {
  int error = 0;
  const char* step = "";
};

// Opens both families on one port (the kernel's choice when options.port is 0). A family the system does not have is
// left closed; it is an error only when no family is left.
UdpError openUdp(const UdpOptions& options, UdpPair& pair);
void closeUdp(UdpPair& pair);

// Datagrams the kernel dropped because the receive buffer was full (SK_MEMINFO_DROPS).
uint32_t kernelDrops(int fd);

bool setMark(int fd, uint32_t mark);

}  // namespace etherloom

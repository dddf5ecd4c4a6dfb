#include "udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

namespace etherloom {

namespace {

constexpr int kSocketBuffer = 8 << 20;
constexpr int kPortTries = 16;

int setInt(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }

void growBuffers(int fd) {
  if (setInt(fd, SOL_SOCKET, SO_RCVBUFFORCE, kSocketBuffer) < 0) setInt(fd, SOL_SOCKET, SO_RCVBUF, kSocketBuffer);
  if (setInt(fd, SOL_SOCKET, SO_SNDBUFFORCE, kSocketBuffer) < 0) setInt(fd, SOL_SOCKET, SO_SNDBUF, kSocketBuffer);
}

UdpError openOne(const UdpOptions& options, bool v6, uint16_t port, UdpSocket& out) {
  int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return UdpError{errno, "open UDP socket"};

  SocketAddress address;
  if (v6) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
    memcpy(&address.v6.sin6_addr, options.bind6, 16);
    address.length = sizeof address.v6;
    setInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    // PROBE sets DF, never fragments and does not trust ICMP: path MTU is ours to find.
    setInt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  } else {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
    memcpy(&address.v4.sin_addr, options.bind4, 4);
    address.length = sizeof address.v4;
    setInt(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  }
  UdpError result;
  if (options.mark != 0 && !setMark(fd, options.mark)) {
    result = UdpError{errno, "set fwmark"};
  } else if (bind(fd, &address.generic, address.length) < 0) {
    result = UdpError{errno, v6 ? "bind IPv6 UDP port" : "bind IPv4 UDP port"};
  }
  if (result.error != 0) {
    close(fd);
    return result;
  }
  growBuffers(fd);
  // A datagram may wait in the socket for longer than it took on the way: the kernel says when it came.
  setInt(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  // Asking for segment size 0 changes nothing and tells whether the kernel knows the option.
  out.gso = options.gso && setInt(fd, SOL_UDP, UDP_SEGMENT, 0) == 0;
  out.gro = options.gro && setInt(fd, SOL_UDP, UDP_GRO, 1) == 0;
  socklen_t length = sizeof out.receiveBuffer;
  getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &out.receiveBuffer, &length);
  out.fd = fd;
  out.emptied = momentNow();
  return result;
}

uint16_t boundPort(int fd) {
  SocketAddress address;
  socklen_t length = sizeof address.v6;
  if (getsockname(fd, &address.generic, &length) < 0) return 0;
  return ntohs(address.generic.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

// The system does not have the family. A particular address that is not there is another matter.
bool familyMissing(int error, const uint8_t* bind, uint32_t length) {
  if (error == EAFNOSUPPORT) return true;
  bool any = true;
  for (uint32_t i = 0; i < length; i++) any = any && bind[i] == 0;
  return error == EADDRNOTAVAIL && any;
}

UdpError openBoth(const UdpOptions& options, UdpPair& pair) {
  UdpError first;
  pair.port = options.port;
  if (options.v4) {
    first = openOne(options, false, pair.port, pair.v4);
    if (first.error != 0 && !(familyMissing(first.error, options.bind4, 4) && options.v6)) return first;
    if (pair.v4.fd >= 0) pair.port = boundPort(pair.v4.fd);
  }
  if (options.v6) {
    UdpError second = openOne(options, true, pair.port, pair.v6);
    if (second.error != 0 && !(familyMissing(second.error, options.bind6, 16) && pair.v4.fd >= 0)) return second;
    if (pair.v6.fd >= 0) pair.port = boundPort(pair.v6.fd);
  }
  if (pair.v4.fd < 0 && pair.v6.fd < 0) return first.error != 0 ? first : UdpError{EAFNOSUPPORT, "open UDP socket"};
  return UdpError{};
}

}  // namespace

bool SocketAddress::fromPacked(const uint8_t* packed) {
  memset(&v6, 0, sizeof v6);
  if (packed[0] == 4) {
    v4.sin_family = AF_INET;
    memcpy(&v4.sin_port, packed + 2, 2);
    memcpy(&v4.sin_addr, packed + 4, 4);
    length = sizeof v4;
  } else if (packed[0] == 6) {
    v6.sin6_family = AF_INET6;
    memcpy(&v6.sin6_port, packed + 2, 2);
    memcpy(&v6.sin6_addr, packed + 4, 16);
    length = sizeof v6;
  } else {
    length = 0;
  }
  return length != 0;
}

void SocketAddress::toPacked(uint8_t* packed) const {
  memset(packed, 0, kPackedAddressLength);
  if (length == 0) return;
  if (generic.sa_family == AF_INET) {
    packed[0] = 4;
    memcpy(packed + 2, &v4.sin_port, 2);
    memcpy(packed + 4, &v4.sin_addr, 4);
  } else {
    packed[0] = 6;
    memcpy(packed + 2, &v6.sin6_port, 2);
    memcpy(packed + 4, &v6.sin6_addr, 16);
  }
}

bool SocketAddress::sameAs(const SocketAddress& other) const {
  if (length == 0 || generic.sa_family != other.generic.sa_family) return false;
  if (generic.sa_family == AF_INET) {
    return v4.sin_port == other.v4.sin_port && v4.sin_addr.s_addr == other.v4.sin_addr.s_addr;
  }
  return v6.sin6_port == other.v6.sin6_port && memcmp(&v6.sin6_addr, &other.v6.sin6_addr, 16) == 0;
}

UdpError openUdp(const UdpOptions& options, UdpPair& pair) {
  // With port 0 the number the kernel picked for IPv4 may be taken for IPv6: then both are picked again.
  for (int attempt = 0;; attempt++) {
    UdpError result = openBoth(options, pair);
    if (result.error == 0) return result;
    closeUdp(pair);
    if (options.port != 0 || result.error != EADDRINUSE || attempt == kPortTries) return result;
  }
}

void closeUdp(UdpPair& pair) {
  if (pair.v4.fd >= 0) close(pair.v4.fd);
  if (pair.v6.fd >= 0) close(pair.v6.fd);
  pair = UdpPair{};
}

uint32_t kernelDrops(int fd) {
  uint32_t info[SK_MEMINFO_VARS] = {};
  socklen_t length = sizeof info;
  if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) < 0) return 0;
  return info[SK_MEMINFO_DROPS];
}

bool setMark(int fd, uint32_t mark) { return setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0; }

}  // namespace etherloom

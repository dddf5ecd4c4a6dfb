#include "route.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"

namespace etherloom {

namespace {

uint32_t mtuOf(int fd, bool v6) {
  int mtu = 0;
  socklen_t length = sizeof mtu;
  int result = getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &length);
  return result < 0 || mtu < 0 ? 0 : static_cast<uint32_t>(mtu);
}

// A device that cannot be asked is taken for one that does.
bool computesChecksums(int fd, int interfaceIndex) {
  ifreq request = {};
  ethtool_value value = {};
  value.cmd = ETHTOOL_GTXCSUM;
  request.ifr_ifindex = interfaceIndex;
  if (ioctl(fd, SIOCGIFNAME, &request) < 0) return true;
  request.ifr_data = reinterpret_cast<char*>(&value);
  return ioctl(fd, SIOCETHTOOL, &request) < 0 || value.data != 0;
}

}  // namespace

Route lookUpRoute(const SocketAddress& to, uint32_t mark) {
  Route route;
  if (to.length == 0) return route;
  const bool v6 = to.generic.sa_family == AF_INET6;
  int fd = socket(to.generic.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return route;
  if (mark != 0) setMark(fd, mark);
  if (connect(fd, &to.generic, to.length) == 0) {
    route.mtu = mtuOf(fd, v6);
    const void* address = v6 ? static_cast<const void*>(&to.v6.sin6_addr) : &to.v4.sin_addr;
    int interfaceIndex = netlinkRouteInterface(v6, static_cast<const uint8_t*>(address), mark);
    route.checksums = interfaceIndex == 0 || computesChecksums(fd, interfaceIndex);
  }
  close(fd);
  return route;
}

}  // namespace etherloom

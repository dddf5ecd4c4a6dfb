#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vnet.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace etherloom {

namespace {

TapError failed(const char* step) { return TapError{errno, step}; }

TapError configure(int control, const TapOptions& options, Tap& tap) {
  ifreq request = {};
  strncpy(request.ifr_name, tap.name.c_str(), IFNAMSIZ - 1);

  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  memcpy(request.ifr_hwaddr.sa_data, options.mac, 6);
  if (ioctl(control, SIOCSIFHWADDR, &request) < 0) return failed("set MAC address");

  request.ifr_mtu = static_cast<int>(options.mtu);
  if (ioctl(control, SIOCSIFMTU, &request) < 0) return failed("set MTU");

  if (ioctl(control, SIOCGIFFLAGS, &request) < 0) return failed("read interface flags");
  request.ifr_flags |= IFF_UP | IFF_MULTICAST;
  if (ioctl(control, SIOCSIFFLAGS, &request) < 0) return failed("set interface up");

  if (ioctl(control, SIOCGIFINDEX, &request) < 0) return failed("read interface index");
  tap.interfaceIndex = request.ifr_ifindex;
  tap.mtu = options.mtu;
  return TapError{};
}

void enableOffloads(Tap& tap, bool uso) {
  constexpr unsigned tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  if (uso && ioctl(tap.fd, TUNSETOFFLOAD, tso | TUN_F_USO4 | TUN_F_USO6) == 0) {
    tap.checksum = tap.tso = tap.uso = true;
  } else if (ioctl(tap.fd, TUNSETOFFLOAD, tso) == 0) {
    tap.checksum = tap.tso = true;
  } else if (ioctl(tap.fd, TUNSETOFFLOAD, TUN_F_CSUM) == 0) {
    tap.checksum = true;
  }
}

}  // namespace

TapError openTap(const TapOptions& options, Tap& tap) {
  if (options.name.size() >= IFNAMSIZ) return TapError{ENAMETOOLONG, "interface name"};
  tap.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tap.fd < 0) return failed("open /dev/net/tun");

  TapError result;
  ifreq request = {};
  strncpy(request.ifr_name, options.name.c_str(), IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  int headerSize = sizeof(VnetHeader);
  if (ioctl(tap.fd, TUNSETIFF, &request) < 0) {
    result = failed("create TAP");
  } else if (ioctl(tap.fd, TUNSETVNETHDRSZ, &headerSize) < 0) {
    result = failed("set virtio header size");
  } else {
    tap.name = request.ifr_name;
    if (options.offload) enableOffloads(tap, options.uso);
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) control = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    result = control < 0 ? failed("control socket") : configure(control, options, tap);
    if (control >= 0) close(control);
  }
  if (result.error != 0) {
    close(tap.fd);
    tap.fd = -1;
  }
  return result;
}

}  // namespace etherloom

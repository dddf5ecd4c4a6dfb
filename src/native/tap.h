// Opens a Linux TAP with virtio-net headers and as many offloads as the kernel offers.
#pragma once

#include <cstdint>
#include <string>

namespace etherloom {

struct TapOptions {
  std::string name;  // "" or a name with %d lets the kernel choose
  uint32_t mtu = 1350;
  uint8_t mac[6] = {};
  bool offload = true;  // false: no TSO/USO/checksum offload, frames come finished
  bool uso = true;      // false: no USO, as with kernels before 6.2
};

struct Tap {
  int fd = -1;
  int interfaceIndex = 0;
  std::string name;
  uint32_t mtu = 0;
  bool tso = false;
  bool uso = false;
  bool checksum = false;
};

// What failed, for one clear line: `step` names the call, `error` is its errno (0 = success).
struct TapError {
  int error = 0;
  const char* step = "";
};

TapError openTap(const TapOptions& options, Tap& tap);

}  // namespace etherloom

// The header that Linux puts before each frame of a port opened with IFF_VNET_HDR or PACKET_VNET_HDR.
//
//  0       1          2         4          6            8             10
//  +-------+----------+---------+----------+------------+-------------+
//  | flags | gso type | hdr len | gso size | csum start | csum offset |   host byte order
//  +-------+----------+---------+----------+------------+-------------+
//
// Source: <linux/virtio_net.h>, virtio 1.2 §5.1.6.
#pragma once

#include <cstdint>

namespace etherloom {

struct __attribute__((packed)) VnetHeader {
  uint8_t flags;
  uint8_t gsoType;
  uint16_t hdrLen;
  uint16_t gsoSize;
  uint16_t csumStart;
  uint16_t csumOffset;
};
static_assert(sizeof(VnetHeader) == 10, "struct virtio_net_hdr has 10 bytes");

constexpr uint8_t kVnetNeedsCsum = 1;  // the checksum field holds the pseudo-header sum only
constexpr uint8_t kVnetDataValid = 2;  // the checksum was verified

constexpr uint8_t kGsoNone = 0;
constexpr uint8_t kGsoTcp4 = 1;
constexpr uint8_t kGsoUdpFragments = 3;  // legacy UFO: IP fragments, not datagrams
constexpr uint8_t kGsoTcp6 = 4;
constexpr uint8_t kGsoUdpSegments = 5;  // USO: datagrams of equal size
constexpr uint8_t kGsoEcn = 0x80;       // a bit on top: the first segment carries CWR

}  // namespace etherloom

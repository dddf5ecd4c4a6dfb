// Random TCP and UDP frames, and what must hold when they are segmented and coalesced.
#pragma once

#include <cstring>

#include "../bytes.h"
#include "../coalesce.h"
#include "../frame.h"
#include "../segment.h"
#include "harness.h"

namespace etherloom::test {

struct Shape {
  uint8_t version = 4;
  uint8_t protocol = kProtocolTcp;
  uint32_t tags = 0;
  uint32_t ipOptions = 0;   // bytes, multiple of 4
  uint32_t tcpOptions = 0;  // bytes, multiple of 4
  uint8_t tcpFlags = 0x10;
  uint32_t payload = 1000;
  uint32_t flow = 0;  // varies addresses and ports
};

inline uint32_t headerLength(const Shape& shape) {
  return 14 + 4 * shape.tags + (shape.version == 4 ? 20 + shape.ipOptions : 40) +
         (shape.protocol == kProtocolTcp ? 20 + shape.tcpOptions : 8);
}

// Transport checksum of a frame by the slow way; 0 = right.
inline uint16_t transportRest(const Bytes& frame, const FrameView& view) {
  const uint8_t* ip = frame.data() + view.l3;
  const uint32_t length = view.end - view.l4;
  uint32_t sum = view.ipVersion == 4 ? slowSum(ip + 12, 8) : slowSum(ip + 8, 32);
  sum += view.l4Proto + (length & 0xffff) + (length >> 16);
  return static_cast<uint16_t>(~slowSum(frame.data() + view.l4, length, sum));
}

// A frame of the shape; transport checksum field 0.
inline Bytes buildFrame(Random& random, const Shape& shape) {
  Bytes frame(headerLength(shape) + shape.payload);
  for (uint8_t& byte : frame) byte = random.byte();
  uint8_t* p = frame.data();
  std::memset(p, 2, 12);
  p += 12;
  for (uint32_t i = 0; i < shape.tags; i++) {
    storeBe16(p, i == 0 && shape.tags == 2 ? kEtherTypeQinQ : kEtherTypeVlan);
    storeBe16(p + 2, static_cast<uint16_t>(100 + i));
    p += 4;
  }
  storeBe16(p, shape.version == 4 ? kEtherTypeIp4 : kEtherTypeIp6);
  p += 2;
  uint8_t* ip = p;
  const uint32_t ipHeader = shape.version == 4 ? 20 + shape.ipOptions : 40;
  const uint32_t rest = static_cast<uint32_t>(frame.data() + frame.size() - ip);
  if (shape.version == 4) {
    ip[0] = static_cast<uint8_t>(0x40 | ipHeader / 4);
    storeBe16(ip + 2, static_cast<uint16_t>(rest));
    storeBe16(ip + 6, random.chance(50) ? 0x4000 : 0);
    ip[9] = shape.protocol;
    storeBe32(ip + 12, 0x0a000001);
    storeBe32(ip + 16, 0x0a000100 + shape.flow);
    storeBe16(ip + 10, 0);
    storeBe16(ip + 10, static_cast<uint16_t>(~slowSum(ip, ipHeader)));
  } else {
    ip[0] = static_cast<uint8_t>(0x60 | (ip[0] & 15));
    storeBe16(ip + 4, static_cast<uint16_t>(rest - 40));
    ip[6] = shape.protocol;
    std::memset(ip + 8, 0xfd, 32);
    storeBe32(ip + 36, shape.flow);
  }
  uint8_t* l4 = ip + ipHeader;
  storeBe16(l4, 40000);
  storeBe16(l4 + 2, static_cast<uint16_t>(5000 + shape.flow));
  if (shape.protocol == kProtocolTcp) {
    l4[12] = static_cast<uint8_t>((20 + shape.tcpOptions) / 4 << 4 | (l4[12] & 15));
    l4[13] = shape.tcpFlags;
    storeBe16(l4 + 16, 0);
  } else {
    storeBe16(l4 + 4, static_cast<uint16_t>(rest - ipHeader));
    storeBe16(l4 + 6, 0);
  }
  return frame;
}

inline Shape randomShape(Random& random) {
  Shape shape;
  shape.version = random.chance(50) ? 4 : 6;
  shape.protocol = random.chance(60) ? kProtocolTcp : kProtocolUdp;
  shape.tags = random.below(3);
  shape.ipOptions = random.chance(30) ? 4 * random.below(11) : 0;
  shape.tcpOptions = random.chance(70) ? 4 * random.below(11) : 0;
  shape.flow = random.below(4);
  return shape;
}

inline VnetHeader superVnet(const Bytes& frame, const FrameView& view, uint16_t gsoSize) {
  VnetHeader vnet{};
  vnet.flags = kVnetNeedsCsum;
  vnet.csumStart = view.l4;
  vnet.csumOffset = view.l4Proto == kProtocolTcp ? 16 : 6;
  vnet.gsoType = view.l4Proto == kProtocolUdp ? kGsoUdpSegments : view.ipVersion == 4 ? kGsoTcp4 : kGsoTcp6;
  vnet.gsoSize = gsoSize;
  vnet.hdrLen = static_cast<uint16_t>(frame.size() < 64 ? frame.size() : 64);
  return vnet;
}

inline Bytes segmentAt(const SegmentPlan& plan, uint32_t i) {
  uint8_t header[kMaxSegmentHeader];
  uint32_t offset = 0;
  uint32_t length = 0;
  writeSegment(plan, i, header, offset, length);
  REQUIRE(plan.headerLen <= kMaxSegmentHeader);
  REQUIRE(offset <= plan.frameLen && length <= plan.frameLen - offset);
  Bytes frame(header, header + plan.headerLen);
  frame.insert(frame.end(), plan.frame + offset, plan.frame + offset + length);
  return frame;
}

// What holds for every plan that planSegments() accepts, judged without its help.
inline void checkSegments(const Bytes& super, const SegmentPlan& plan) {
  const FrameView& view = plan.view;
  const uint8_t* first = super.data();
  Bytes joined;
  for (uint32_t i = 0; i < plan.count; i++) {
    const bool last = i + 1 == plan.count;
    const Bytes segment = segmentAt(plan, i);
    FrameView own;
    REQUIRE(parseFrame(segment.data(), static_cast<uint32_t>(segment.size()), own));
    REQUIRE(own.l4 == view.l4 && own.l3 == view.l3 && own.end == segment.size());
    REQUIRE(own.l4Proto == view.l4Proto && own.ipVersion == view.ipVersion);
    const uint32_t transport = transportHeaderLength(segment.data(), own);
    REQUIRE(transport != 0 && view.l4 + transport == plan.headerLen);
    const uint32_t payload = static_cast<uint32_t>(segment.size()) - plan.headerLen;
    REQUIRE(last ? payload <= plan.gsoSize : payload == plan.gsoSize);
    const uint8_t* ip = segment.data() + view.l3;
    const uint8_t* ip0 = first + view.l3;
    REQUIRE(std::memcmp(segment.data(), first, view.l3) == 0);
    if (view.ipVersion == 4) {
      REQUIRE(slowSum(ip, view.l4 - view.l3) == 0xffff);
      REQUIRE(loadBe16(ip + 4) == static_cast<uint16_t>(loadBe16(ip0 + 4) + i));
      REQUIRE(std::memcmp(ip + 6, ip0 + 6, 4) == 0);
      REQUIRE(std::memcmp(ip + 12, ip0 + 12, view.l4 - view.l3 - 12u) == 0);
    } else {
      REQUIRE(std::memcmp(ip, ip0, 4) == 0);
      REQUIRE(std::memcmp(ip + 6, ip0 + 6, 34) == 0);
    }
    const uint8_t* l4 = segment.data() + view.l4;
    const uint8_t* l40 = first + view.l4;
    REQUIRE(loadBe32(l4) == loadBe32(l40));
    if (plan.tcp) {
      REQUIRE(loadBe32(l4 + 4) == loadBe32(l40 + 4) + static_cast<uint32_t>(joined.size()));
      uint8_t expected = l40[13];
      if (!last) expected = static_cast<uint8_t>(expected & ~0x09);
      if (i > 0) expected = static_cast<uint8_t>(expected & ~0x80);
      REQUIRE(l4[13] == expected);
      REQUIRE(std::memcmp(l4 + 8, l40 + 8, 5) == 0 && loadBe16(l4 + 14) == loadBe16(l40 + 14));
      REQUIRE(std::memcmp(l4 + 18, l40 + 18, transport - 18) == 0);
    }
    joined.insert(joined.end(), segment.begin() + plan.headerLen, segment.end());
  }
  REQUIRE(joined.size() == super.size() - plan.headerLen);
  REQUIRE(std::memcmp(joined.data(), first + plan.headerLen, joined.size()) == 0);
}

// A super-frame as a port delivers it, with its gso_size.
inline Bytes randomSuper(Random& random, Shape shape, uint16_t& gsoSize) {
  gsoSize = static_cast<uint16_t>(random.between(1, 1500));
  const uint32_t most = shape.protocol == kProtocolTcp ? kMaxTcpPieces : kMaxUdpPieces;
  const uint32_t room = kMaxSuperLength - headerLength(shape);
  uint32_t payload = random.between(1, gsoSize * most);
  if (random.chance(20)) payload = gsoSize * random.between(1, most);
  shape.payload = payload < room ? payload : room;
  return buildFrame(random, shape);
}

inline SegmentPlan planned(const Bytes& super, uint16_t gsoSize) {
  FrameView view;
  const uint32_t len = static_cast<uint32_t>(super.size());
  REQUIRE(parseFrame(super.data(), len, view));
  SegmentPlan plan;
  REQUIRE(planSegments(super.data(), len, superVnet(super, view, gsoSize), plan));
  return plan;
}

}  // namespace etherloom::test

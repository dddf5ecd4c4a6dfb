// Checksums and the frame parser.
#include "../checksum.h"
#include "cases.h"
#include "frames.h"

namespace etherloom::test {

void sumsAgreeWithTheSlowWay() {
  Random random(1);
  for (uint32_t round = 0; round < 3000; round++) {
    const uint32_t length = round < 300 ? round : random.below(9000);
    const uint32_t offset = random.below(16);
    Bytes bytes(offset + length);
    const bool ones = random.chance(10);
    for (uint8_t& byte : bytes) byte = ones ? 0xff : random.byte();
    const uint16_t fast = foldSum(sumBytes(bytes.data() + offset, length, 0));
    REQUIRE(__builtin_bswap16(fast) == slowSum(bytes.data() + offset, length));
    REQUIRE(sumBytes(bytes.data() + offset, length, 0xffffffff) < 1u << 17);
  }
  const Bytes large(1 << 20, 0xff);
  REQUIRE(foldSum(sumBytes(large.data(), large.size(), 0)) == 0xffff);
}

void parserFindsHeaders() {
  Random random(2);
  for (uint32_t round = 0; round < 3000; round++) {
    Shape shape = randomShape(random);
    shape.payload = random.below(200);
    Bytes frame = buildFrame(random, shape);
    const uint32_t padding = random.chance(30) ? random.below(20) : 0;
    const uint32_t end = static_cast<uint32_t>(frame.size());
    frame.resize(end + padding);
    FrameView view;
    REQUIRE(parseFrame(frame.data(), static_cast<uint32_t>(frame.size()), view));
    REQUIRE(view.tags == shape.tags && view.l3 == 14 + 4 * shape.tags);
    REQUIRE(view.outerVlan == (shape.tags == 0 ? kNoVlan : 100));
    REQUIRE(view.etherType == (shape.version == 4 ? kEtherTypeIp4 : kEtherTypeIp6));
    REQUIRE(view.ipVersion == shape.version && view.l4Proto == shape.protocol && view.end == end);
    REQUIRE(!view.fragment && !view.ipv6Extension);
    const uint32_t transport = transportHeaderLength(frame.data(), view);
    REQUIRE(view.l4 + transport == headerLength(shape));
  }
}

// Each prefix lies in a buffer of its own, so that the address sanitizer sees every read past the end.
void parserReadsNothingBeyondTheFrame() {
  Random random(3);
  for (uint32_t round = 0; round < 60; round++) {
    Shape shape = randomShape(random);
    shape.payload = 20;
    const Bytes frame = buildFrame(random, shape);
    for (size_t length = 0; length <= frame.size(); length++) {
      Bytes prefix(frame.begin(), frame.begin() + static_cast<long>(length));
      prefix.shrink_to_fit();
      FrameView view;
      const uint32_t len = static_cast<uint32_t>(length);
      if (!parseFrame(prefix.data(), len, view)) continue;
      REQUIRE(view.end <= len && view.l3 <= len && view.l4 <= view.end);
      if (length < frame.size()) REQUIRE(view.ipVersion == 0 && view.l4 == 0);
      VnetHeader vnet;
      recomputeTransportChecksum(prefix.data(), len, view);
      preparePartialChecksum(prefix.data(), len, view, vnet);
      completeChecksum(prefix.data(), len, static_cast<uint16_t>(random.below(120)), 16);
    }
  }
}

void parserHidesTheTransportOfFragmentsAndExtensions() {
  Random random(4);
  Shape shape;
  Bytes frame = buildFrame(random, shape);
  const uint32_t len = static_cast<uint32_t>(frame.size());
  FrameView view;
  for (const uint16_t offset : {0x2000, 0x0001, 0x3fff}) {
    storeBe16(frame.data() + 20, offset);
    REQUIRE(parseFrame(frame.data(), len, view));
    REQUIRE(view.fragment && view.l4 == 0 && view.ipVersion == 4);
    REQUIRE(!checksumOffsetIsPlain(frame.data(), len, 34, 16, view));
    REQUIRE(!recomputeTransportChecksum(frame.data(), len, view));
  }
  shape.version = 6;
  frame = buildFrame(random, shape);
  for (const uint8_t next : {0, 43, 44, 50, 51, 60, 135}) {
    frame[20] = next;
    REQUIRE(parseFrame(frame.data(), static_cast<uint32_t>(frame.size()), view));
    REQUIRE(view.ipv6Extension && view.l4 == 0);
    REQUIRE(!checksumOffsetIsPlain(frame.data(), static_cast<uint32_t>(frame.size()), 54, 16, view));
  }
}

void brokenIpIsAnOpaqueFrame() {
  Random random(5);
  const auto version = [&](Bytes frame) {
    FrameView view;
    REQUIRE(parseFrame(frame.data(), static_cast<uint32_t>(frame.size()), view));
    REQUIRE(view.end == frame.size() || view.ipVersion != 0);
    return view.ipVersion;
  };
  const Bytes good = buildFrame(random, Shape{});
  REQUIRE(version(good) == 4);
  Bytes frame = good;
  frame[14] = 0x44;  // header of 16 bytes
  REQUIRE(version(frame) == 0);
  frame = good;
  frame[14] = 0x65;  // version 6 behind type 0x0800
  REQUIRE(version(frame) == 0);
  frame = good;
  storeBe16(frame.data() + 16, 19);  // total below the header
  REQUIRE(version(frame) == 0);
  frame = good;
  storeBe16(frame.data() + 16, static_cast<uint16_t>(good.size() - 13));  // total beyond the frame
  REQUIRE(version(frame) == 0);
  const Bytes cutTag = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x81, 0x00, 0, 1, 8};
  FrameView view;
  REQUIRE(!parseFrame(cutTag.data(), static_cast<uint32_t>(cutTag.size()), view));
  REQUIRE(!parseFrame(good.data(), 13, view));
}

void checksumsAreRight() {
  Random random(6);
  for (uint32_t round = 0; round < 3000; round++) {
    Shape shape = randomShape(random);
    shape.payload = random.below(1600);
    Bytes frame = buildFrame(random, shape);
    FrameView view;
    if (random.chance(30)) {
      frame.resize(frame.size() + 1 + random.below(9));  // padding, made visible
      frame.back() = 0x77;
    }
    const uint32_t len = static_cast<uint32_t>(frame.size());
    REQUIRE(parseFrame(frame.data(), len, view));
    storeBe16(frame.data() + view.l4 + (view.l4Proto == kProtocolTcp ? 16 : 6), random.byte());
    Bytes whole = frame;
    REQUIRE(recomputeTransportChecksum(whole.data(), len, view));
    REQUIRE(transportRest(whole, view) == 0);

    Bytes partial = frame;
    VnetHeader vnet;
    REQUIRE(preparePartialChecksum(partial.data(), len, view, vnet));
    REQUIRE(vnet.gsoType == kGsoNone);
    if (view.end != len) {
      REQUIRE(vnet.flags == 0);  // done here: the port would sum the padding
    } else {
      REQUIRE(vnet.flags == kVnetNeedsCsum);
      REQUIRE(checksumOffsetIsPlain(partial.data(), len, vnet.csumStart, vnet.csumOffset, view));
      REQUIRE(!checksumOffsetIsPlain(partial.data(), len, vnet.csumStart + 1, vnet.csumOffset, view));
      REQUIRE(!checksumOffsetIsPlain(partial.data(), len, vnet.csumStart, vnet.csumOffset + 2, view));
      REQUIRE(completeChecksum(partial.data(), len, vnet.csumStart, vnet.csumOffset));
    }
    REQUIRE(transportRest(partial, view) == 0);
    REQUIRE(partial == whole || view.l4Proto == kProtocolTcp);
  }
}

void udpChecksumIsNeverZero() {
  Random random(7);
  Shape shape;
  shape.protocol = kProtocolUdp;
  shape.payload = 2;
  Bytes frame = buildFrame(random, shape);
  FrameView view;
  const uint32_t len = static_cast<uint32_t>(frame.size());
  REQUIRE(parseFrame(frame.data(), len, view));
  // Choose the payload so that the sum becomes 0xffff.
  storeBe16(frame.data() + len - 2, 0);
  storeBe16(frame.data() + len - 2, transportRest(frame, view));
  REQUIRE(transportRest(frame, view) == 0);
  REQUIRE(recomputeTransportChecksum(frame.data(), len, view));
  REQUIRE(loadBe16(frame.data() + view.l4 + 6) == 0xffff);
  VnetHeader vnet;
  REQUIRE(preparePartialChecksum(frame.data(), len, view, vnet));
  REQUIRE(completeChecksum(frame.data(), len, vnet.csumStart, vnet.csumOffset));
  REQUIRE(loadBe16(frame.data() + view.l4 + 6) == 0xffff);
}

void partialChecksumsOutsideTheFrameAreRefused() {
  Random random(8);
  Bytes frame = buildFrame(random, Shape{});
  const uint32_t len = static_cast<uint32_t>(frame.size());
  const Bytes before = frame;
  REQUIRE(!completeChecksum(frame.data(), len, static_cast<uint16_t>(len), 0));
  REQUIRE(!completeChecksum(frame.data(), len, static_cast<uint16_t>(len - 2), 1));
  REQUIRE(!completeChecksum(frame.data(), len, 65535, 65535));
  REQUIRE(!completeChecksum(frame.data(), len, 0, 0));
  REQUIRE(!completeChecksum(frame.data(), 13, 0, 0));
  REQUIRE(frame == before);
}

}  // namespace etherloom::test

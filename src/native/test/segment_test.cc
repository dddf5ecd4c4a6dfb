// Segmentation, and the speed of the hot path.
#include <chrono>

#include "cases.h"
#include "frames.h"

namespace etherloom::test {

void segmentsCarryTheRightHeaders() {
  Random random(20);
  for (uint32_t round = 0; round < 800; round++) {
    Shape shape = randomShape(random);
    const uint8_t flags[] = {0x10, 0x18, 0x11, 0x19, 0x90, 0x50, 0xd9, 0x38};
    shape.tcpFlags = flags[random.below(8)];
    uint16_t gsoSize;
    const Bytes super = randomSuper(random, shape, gsoSize);
    checkSegments(super, planned(super, gsoSize));
  }
}

void segmentationRefusesWhatTheHeadersDoNotSay() {
  Random random(21);
  Shape shape;
  shape.payload = 5000;
  const Bytes super = buildFrame(random, shape);
  FrameView view;
  const uint32_t len = static_cast<uint32_t>(super.size());
  REQUIRE(parseFrame(super.data(), len, view));
  const VnetHeader good = superVnet(super, view, 1000);
  SegmentPlan plan;
  REQUIRE(planSegments(super.data(), len, good, plan) && plan.count == 5);
  VnetHeader vnet = good;
  vnet.gsoType = kGsoTcp4 | kGsoEcn;
  REQUIRE(planSegments(super.data(), len, vnet, plan));
  for (const uint8_t type : {0, 2, 3, 4, 5, 0x80, 0x83, 0x85, 255}) {
    vnet.gsoType = type;
    REQUIRE(!planSegments(super.data(), len, vnet, plan));
  }
  vnet = good;
  vnet.gsoSize = 0;
  REQUIRE(!planSegments(super.data(), len, vnet, plan));
  vnet.gsoSize = 1;
  REQUIRE(!planSegments(super.data(), len, vnet, plan));  // 5000 segments
  vnet = good;
  vnet.csumStart++;
  REQUIRE(!planSegments(super.data(), len, vnet, plan));
  vnet.flags = 0;
  REQUIRE(!planSegments(super.data(), len, vnet, plan));
  vnet.flags = kVnetDataValid;
  REQUIRE(planSegments(super.data(), len, vnet, plan));
  REQUIRE(!planSegments(super.data(), len - 1, good, plan));
  Bytes padded = super;
  padded.push_back(0);
  REQUIRE(!planSegments(padded.data(), len + 1, good, plan));
  Bytes syn = super;
  syn[view.l4 + 13u] = 0x12;
  REQUIRE(!planSegments(syn.data(), len, good, plan));
}

void speed() {
  Random random(29);
  Shape shape;
  shape.tcpOptions = 12;
  shape.payload = 45 * 1310;
  Bytes super = buildFrame(random, shape);
  const SegmentPlan plan = planned(super, 1310);
  Coalescer coalescer(4096);
  std::vector<Bytes> frames;
  for (uint32_t i = 0; i < plan.count; i++) frames.push_back(segmentAt(plan, i));
  const uint32_t rounds = 20000;
  const auto rate = [&](auto start) {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    return rounds * plan.count / spent.count() / 1e6;
  };

  FrameView view;
  REQUIRE(parseFrame(super.data(), static_cast<uint32_t>(super.size()), view));
  uint8_t headers[64][kMaxSegmentHeader];
  auto start = std::chrono::steady_clock::now();
  for (uint32_t round = 0; round < rounds; round++) {
    SegmentPlan again;
    REQUIRE(planSegments(super.data(), static_cast<uint32_t>(super.size()), superVnet(super, view, 1310), again));
    uint32_t offset = 0;
    uint32_t length = 0;
    for (uint32_t i = 0; i < again.count; i++) writeSegment(again, i, headers[i], offset, length);
    asm volatile("" ::"r"(headers) : "memory");
  }
  std::printf("speed: segment %.1f million/s\n", rate(start));

  start = std::chrono::steady_clock::now();
  for (uint32_t round = 0; round < rounds; round++) {
    coalescer.reset();
    for (Bytes& frame : frames) coalescer.add(1, frame.data(), static_cast<uint32_t>(frame.size()), true);
    uint32_t headerLen = 0;
    VnetHeader vnet;
    REQUIRE(coalescer.count() == 1 && finishSuper(coalescer.at(0), headers[0], headerLen, vnet));
  }
  std::printf("speed: coalesce %.1f million/s\n", rate(start));

  start = std::chrono::steady_clock::now();
  for (uint32_t round = 0; round < rounds / 10; round++) {
    REQUIRE(recomputeTransportChecksum(super.data(), static_cast<uint32_t>(super.size()), view));
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  std::printf("speed: checksum %.1f GB/s\n", rounds / 10 * static_cast<double>(super.size()) / spent.count() / 1e9);
}

}  // namespace etherloom::test

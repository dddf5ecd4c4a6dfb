// Coalescing: the reverse of segmentation, and never anything else.
#include "cases.h"
#include "coalesce_model.h"

namespace etherloom::test {

namespace {

// Three segments of one TCP flow.
std::vector<Input> threeSegments(Random& random, Shape shape = {}) {
  shape.payload = 300;
  std::vector<Input> inputs;
  addSegments(buildFrame(random, shape), 100, 1, inputs);
  REQUIRE(inputs.size() == 3);
  return inputs;
}

void rewriteIp4Checksum(Bytes& frame) {
  storeBe16(frame.data() + 24, 0);
  storeBe16(frame.data() + 24, static_cast<uint16_t>(~slowSum(frame.data() + 14, (frame[14] & 15) * 4u)));
}

}  // namespace

void coalescingReversesSegmentation() {
  Random random(22);
  Coalescer coalescer(4096);
  uint32_t joined = 0;
  for (uint32_t round = 0; round < 500; round++) {
    Shape shape = randomShape(random);
    const uint8_t flags[] = {0x10, 0x18, 0x50, 0x58};
    shape.tcpFlags = flags[random.below(4)];
    uint16_t gsoSize;
    const Bytes super = randomSuper(random, shape, gsoSize);
    std::vector<Input> inputs;
    addSegments(super, gsoSize, 7, inputs);
    REQUIRE(checkBatch(coalescer, inputs) == 1);
    const SuperFrame& out = coalescer.at(0);
    REQUIRE(out.pieces == inputs.size() && out.key == 7);
    if (out.pieces > 1) joined++;

    uint8_t header[kSuperHeaderCapacity];
    uint32_t headerLen = 0;
    VnetHeader vnet;
    REQUIRE(finishSuper(out, header, headerLen, vnet));
    Bytes whole(header, header + headerLen);
    for (int32_t i = out.first; i >= 0; i = coalescer.piece(i).next) {
      whole.insert(whole.end(), coalescer.piece(i).data, coalescer.piece(i).data + coalescer.piece(i).len);
    }
    REQUIRE(withoutTransportChecksum(whole, out.view) == withoutTransportChecksum(super, out.view));
    if (out.pieces > 1) {
      const VnetHeader expected = superVnet(super, out.view, gsoSize);
      REQUIRE(vnet.gsoType == expected.gsoType && vnet.gsoSize == gsoSize && vnet.hdrLen == headerLen);
      REQUIRE(vnet.csumStart == expected.csumStart && vnet.csumOffset == expected.csumOffset);
    }
  }
  REQUIRE(joined > 300);
}

void interleavedFlowsJoinEachToItsOwn() {
  Random random(23);
  Coalescer coalescer(4096);
  for (uint32_t round = 0; round < 100; round++) {
    std::vector<std::vector<Input>> flows;
    size_t left = 0;
    const uint32_t flowCount = random.between(2, 16);
    for (uint32_t flow = 0; flow < flowCount; flow++) {
      Shape shape = randomShape(random);
      shape.flow = flow;
      shape.payload = random.between(500, 2000);
      flows.emplace_back();
      addSegments(buildFrame(random, shape), 500, flow % 2, flows.back());
      left += flows.back().size();
    }
    std::vector<size_t> taken(flowCount);
    std::vector<Input> inputs;
    while (left > 0) {
      const uint32_t flow = random.below(flowCount);
      if (taken[flow] == flows[flow].size()) continue;
      inputs.push_back(flows[flow][taken[flow]++]);
      left--;
    }
    REQUIRE(checkBatch(coalescer, inputs) == flowCount);
  }
}

void onlySegmentsThatBelongTogetherJoin() {
  Random random(24);
  Coalescer coalescer(64);
  // Changes one thing in the second of three segments and tells how many super-frames come out.
  const auto after = [&](Shape shape, const auto& change) {
    std::vector<Input> inputs = threeSegments(random, shape);
    change(inputs[1]);
    return checkBatch(coalescer, inputs);
  };
  const Shape tcp4;
  Shape tcp6;
  tcp6.version = 6;
  Shape udp4;
  udp4.protocol = kProtocolUdp;
  Shape options;
  options.tcpOptions = 12;
  options.ipOptions = 8;
  REQUIRE(after(tcp4, [](Input&) {}) == 1);
  REQUIRE(after(tcp6, [](Input&) {}) == 1);
  REQUIRE(after(udp4, [](Input&) {}) == 1);
  REQUIRE(after(options, [](Input&) {}) == 1);
  const auto at = [](size_t offset) {
    return [offset](Input& input) { input.frame[offset] ^= 1; };
  };
  const auto ipAt = [](size_t offset) {
    return [offset](Input& input) {
      input.frame[offset] ^= 4;
      rewriteIp4Checksum(input.frame);
    };
  };
  REQUIRE(after(tcp4, [](Input& input) { input.partial = false; }) == 3);
  REQUIRE(after(tcp4, at(0)) == 3);                                     // Ethernet destination
  REQUIRE(after(tcp4, at(11)) == 3);                                    // Ethernet source
  REQUIRE(after(tcp4, ipAt(15)) == 3);                                  // DSCP
  REQUIRE(after(tcp4, ipAt(19)) == 3);                                  // identification
  REQUIRE(after(tcp4, [](Input& input) {                                // DF
            input.frame[20] ^= 0x40;
            rewriteIp4Checksum(input.frame);
          }) == 3);
  REQUIRE(after(tcp4, ipAt(22)) == 3);                                  // TTL
  REQUIRE(after(tcp4, at(24)) == 3);                                    // IPv4 checksum
  REQUIRE(after(tcp4, at(41)) == 3);                                    // sequence
  REQUIRE(after(tcp4, at(45)) == 3);                                    // acknowledgment
  REQUIRE(after(tcp4, at(46)) == 3);                                    // reserved bits
  REQUIRE(after(tcp4, at(48)) == 3);                                    // window
  REQUIRE(after(tcp4, at(53)) == 3);                                    // urgent pointer
  REQUIRE(after(options, ipAt(14 + 20)) == 3);                          // IPv4 option
  REQUIRE(after(options, at(14 + 28 + 20)) == 3);                       // TCP option
  REQUIRE(after(tcp6, at(17)) == 3);                                    // flow label
  REQUIRE(after(tcp6, at(21)) == 3);                                    // hop limit
  for (const uint8_t flags : {0x11, 0x12, 0x14, 0x30, 0x90, 0x50, 0x00}) {
    REQUIRE(after(tcp4, [&](Input& input) { input.frame[47] = flags; }) == 3);
  }
  REQUIRE(after(tcp4, [](Input& input) { input.frame[47] = 0x18; }) == 2);  // PSH joins, and closes
  // Another flow or another key in between leaves the first one open.
  REQUIRE(after(tcp4, [](Input& input) { input.key = 2; }) == 3);
  REQUIRE(after(tcp6, at(53)) == 3);  // destination address; the third misses a sequence number
  // Padding behind the IP packet.
  REQUIRE(after(tcp4, [](Input& input) { input.frame.push_back(0); }) == 3);
}

void nothingOvertakesItsOwnFlow() {
  Random random(25);
  Coalescer coalescer(64);
  const auto between = [&](const Input& stranger) {
    std::vector<Input> inputs = threeSegments(random);
    inputs.insert(inputs.begin() + 1, stranger);
    return checkBatch(coalescer, inputs);
  };
  Shape shape;
  shape.payload = 0;
  REQUIRE(between(Input{buildFrame(random, shape), 1, true}) == 3);  // a pure acknowledgment
  REQUIRE(between(Input{buildFrame(random, shape), 2, true}) == 2);  // of another port
  shape.payload = 100;
  REQUIRE(between(Input{buildFrame(random, shape), 1, false}) == 3);
  Bytes fragment = buildFrame(random, shape);
  fragment[20] = 0x20;
  REQUIRE(between(Input{fragment, 1, false}) == 3);
  shape.flow = 1;
  REQUIRE(between(Input{buildFrame(random, shape), 1, true}) == 2);
}

void aShorterSegmentCloses() {
  Random random(26);
  Coalescer coalescer(64);
  for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
    Shape shape;
    shape.protocol = protocol;
    shape.payload = 250;
    std::vector<Input> inputs;
    addSegments(buildFrame(random, shape), 100, 1, inputs);  // 100 + 100 + 50
    Input more = inputs[2];
    storeBe16(more.frame.data() + 18, static_cast<uint16_t>(loadBe16(more.frame.data() + 18) + 1));
    rewriteIp4Checksum(more.frame);
    if (protocol == kProtocolTcp) storeBe32(more.frame.data() + 38, loadBe32(more.frame.data() + 38) + 50);
    inputs.push_back(more);
    REQUIRE(checkBatch(coalescer, inputs) == 2);
    REQUIRE(coalescer.at(0).pieces == 3 && coalescer.at(1).pieces == 1);
  }
}

void shufflesAndMutationsKeepThePromises() {
  Random random(27);
  Coalescer coalescer(4096);
  for (uint32_t round = 0; round < 1500; round++) {
    std::vector<Input> inputs;
    for (uint32_t flow = 0; flow < 3; flow++) {
      Shape shape = randomShape(random);
      if (random.chance(50)) shape.flow = 0;
      if (random.chance(50)) shape.tcpFlags = 0x18;
      shape.payload = random.between(1, 900);
      addSegments(buildFrame(random, shape), 150, random.below(2), inputs);
    }
    for (uint32_t swaps = random.below(8); swaps-- > 0;) {
      const uint32_t i = random.below(static_cast<uint32_t>(inputs.size()));
      std::swap(inputs[i], inputs[random.below(static_cast<uint32_t>(inputs.size()))]);
    }
    for (uint32_t mutations = random.below(6); mutations-- > 0;) {
      Input& input = inputs[random.below(static_cast<uint32_t>(inputs.size()))];
      const uint32_t size = static_cast<uint32_t>(input.frame.size());
      switch (random.below(4)) {
        case 0:
          input.frame[random.below(size)] ^= static_cast<uint8_t>(1u << random.below(8));
          break;
        case 1:
          input.frame[random.below(size < 60 ? size : 60)] = random.byte();
          break;
        case 2:
          input.frame.resize(random.between(1, size));
          break;
        default:
          input.partial = !input.partial;
      }
      input.frame.shrink_to_fit();
    }
    checkBatch(coalescer, inputs);
  }
}

void aFullBatchIsRefused() {
  Random random(28);
  Coalescer coalescer(3);
  for (uint32_t round = 0; round < 2; round++) {
    coalescer.reset();
    Bytes frame = buildFrame(random, Shape{});
    const uint32_t len = static_cast<uint32_t>(frame.size());
    for (int32_t i = 0; i < 3; i++) REQUIRE(coalescer.add(1, frame.data(), len, true) == i);
    REQUIRE(coalescer.add(1, frame.data(), len, true) == -1);
    REQUIRE(coalescer.count() == 3);
  }
}

}  // namespace etherloom::test

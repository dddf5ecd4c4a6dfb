// Replay window, record headers, datagram classes and reassembly, each against an obvious model.
#include <map>
#include <memory>
#include <set>

#include "../reassembly.h"
#include "../record.h"
#include "../replay.h"
#include "cases.h"
#include "harness.h"

namespace etherloom::test {

void replayWindowAcceptsEachCounterOnce() {
  const auto window = std::make_unique<ReplayWindow>();
  REQUIRE(window->check(0) && window->accept(0));
  REQUIRE(!window->check(0) && !window->accept(0));
  REQUIRE(window->accept(65535) && window->accept(1) && !window->accept(1));
  REQUIRE(window->accept(65536));
  REQUIRE(!window->accept(0));  // 65 536 behind the newest: just out
  REQUIRE(window->accept(2) && !window->accept(1));
  REQUIRE(window->accept(1u << 30));
  REQUIRE(!window->accept(65537) && window->accept((1u << 30) - 65535) && !window->accept((1u << 30) - 65536));
  REQUIRE(!window->check(ReplayWindow::kLimit) && !window->accept(ReplayWindow::kLimit));
  REQUIRE(!window->accept(UINT64_MAX) && window->next() == (1u << 30) + 1);
  REQUIRE(window->accept(ReplayWindow::kLimit - 1) && !window->accept(ReplayWindow::kLimit - 1));
  REQUIRE(window->accept(ReplayWindow::kLimit - 2));
}

void replayWindowAgreesWithASet() {
  Random random(40);
  for (uint32_t round = 0; round < 20; round++) {
    const auto window = std::make_unique<ReplayWindow>();
    std::set<uint64_t> seen;
    uint64_t newest = 0;
    bool any = false;
    for (uint32_t step = 0; step < 20000; step++) {
      uint64_t counter = newest + random.below(4);
      if (random.chance(30)) counter = newest > 70000 ? newest - random.below(70000) : random.below(70000);
      if (random.chance(1)) counter = newest + random.below(140000);
      const bool fresh =
          seen.count(counter) == 0 && (!any || counter > newest || newest - counter < ReplayWindow::kSize);
      REQUIRE(window->check(counter) == fresh);
      REQUIRE(window->accept(counter) == fresh);
      if (fresh) {
        seen.insert(counter);
        if (!any || counter > newest) newest = counter;
        any = true;
      }
    }
  }
}

void recordHeadersRoundTrip() {
  Random random(41);
  for (uint32_t round = 0; round < 1000; round++) {
    uint8_t bytes[8];
    uint8_t again[8];
    for (uint8_t& byte : bytes) byte = random.byte();
    encodeRecordHeader(decodeRecordHeader(bytes), again);
    REQUIRE(std::memcmp(bytes, again, 8) == 0);
    encodeFragmentHeader(decodeFragmentHeader(bytes), again);
    REQUIRE(std::memcmp(bytes, again, 8) == 0);
  }
  const uint8_t bytes[8] = {0x14, 9, 0x12, 0x34, 0x56, 0x78, 0x05, 0xdc};
  const RecordHeader header = decodeRecordHeader(bytes);
  REQUIRE(header.kind == kKindFragment && header.flags == kFlagPartialChecksum && header.ttl == 9);
  REQUIRE(header.dst == 0x1234 && header.src == 0x5678 && header.length == 1500);
}

void datagramsAreClassified() {
  const auto judge = [](uint8_t type, uint32_t length, uint8_t inner = 4) {
    Bytes bytes(length);
    bytes.shrink_to_fit();
    if (length > 0) bytes[0] = type;
    if (length > 1) bytes[1] = 1;
    if (length > 40) bytes[40] = inner;
    return classify(bytes.data(), length);
  };
  const auto dropped = [](DatagramClass result, DatagramDrop drop) {
    return result.type == 0 && result.drop == drop;
  };
  const uint32_t least[] = {0, 192, 128, 64, 40, 80};
  for (uint8_t type = 1; type <= 5; type++) {
    for (uint32_t length = 1; length < 300; length++) {
      const DatagramClass result = judge(type, length);
      const bool good = type == 3 ? length == 64 : length >= least[type];
      REQUIRE((result.type == type) == good && (result.drop == DatagramDrop::none) == good);
    }
  }
  REQUIRE(dropped(judge(4, 0), DatagramDrop::tooShort));
  REQUIRE(dropped(judge(4, 39), DatagramDrop::tooShort));
  REQUIRE(dropped(judge(3, 65), DatagramDrop::badLength));
  REQUIRE(dropped(judge(5, 79), DatagramDrop::innerTooShort));
  for (const uint8_t inner : {0, 5, 255}) REQUIRE(dropped(judge(5, 200, inner), DatagramDrop::innerType));
  for (const uint8_t type : {0, 6, 255}) REQUIRE(dropped(judge(type, 200), DatagramDrop::unknownType));
  for (uint32_t i = 1; i < 4; i++) {
    Bytes bytes(200);
    bytes[0] = 4;
    bytes[1] = 1;
    bytes[i] = static_cast<uint8_t>(bytes[i] + 1);
    REQUIRE(dropped(classify(bytes.data(), 200), DatagramDrop::badReserved));
  }
}

namespace {

Bytes randomBytes(Random& random, uint32_t length) {
  Bytes bytes(length);
  for (uint8_t& byte : bytes) byte = random.byte();
  return bytes;
}

const Reassembled* give(Reassembler& reassembler, uint32_t key, uint32_t id, const Bytes& frame, uint32_t from,
                        uint32_t to, uint64_t now, uint8_t flags = 0) {
  const FragmentHeader header{id, static_cast<uint16_t>(from), static_cast<uint16_t>(frame.size())};
  const Bytes piece(frame.begin() + from, frame.begin() + to);
  return reassembler.add(key, header, flags, piece.data(), to - from, now);
}

}  // namespace

void framesAreReassembledInAnyOrder() {
  Random random(42);
  Reassembler reassembler;
  for (uint32_t round = 0; round < 400; round++) {
    const Bytes frame = randomBytes(random, random.chance(10) ? 65535 : random.between(2, 9000));
    const uint32_t size = static_cast<uint32_t>(frame.size());
    std::set<uint32_t> cuts = {0, size};
    for (uint32_t i = random.below(12); i-- > 0;) cuts.insert(random.below(size));
    std::vector<std::pair<uint32_t, uint32_t>> pieces;
    for (auto cut = cuts.begin(); std::next(cut) != cuts.end(); cut++) pieces.emplace_back(*cut, *std::next(cut));
    for (size_t i = pieces.size(); i-- > 1;) std::swap(pieces[i], pieces[random.below(static_cast<uint32_t>(i + 1))]);
    for (size_t i = 0; i < pieces.size(); i++) {
      const Reassembled* whole =
          give(reassembler, round % 5, round, frame, pieces[i].first, pieces[i].second, round, 0x10);
      REQUIRE((whole != nullptr) == (i + 1 == pieces.size()));
      if (whole == nullptr) continue;
      REQUIRE(whole->len == size && whole->flags == 0x10);
      REQUIRE(std::memcmp(whole->data, frame.data(), size) == 0);
    }
    if (random.chance(30)) reassembler.releaseCompleted();
  }
  reassembler.releaseCompleted();
  REQUIRE(reassembler.pending() == 0 && reassembler.heldBytes() == 0);
  REQUIRE(reassembler.counters().completed == 400);
}

void badPiecesDropTheirFrame() {
  Random random(43);
  Reassembler reassembler;
  const Bytes frame = randomBytes(random, 1000);
  const ReassemblyCounters& counters = reassembler.counters();
  give(reassembler, 1, 1, frame, 0, 500, 0);
  REQUIRE(give(reassembler, 1, 1, frame, 499, 1000, 0) == nullptr && counters.overlap == 1);
  REQUIRE(give(reassembler, 1, 1, frame, 500, 1000, 0) == nullptr);  // the first half is gone
  REQUIRE(give(reassembler, 1, 2, frame, 0, 500, 0) == nullptr);
  REQUIRE(give(reassembler, 1, 2, frame, 0, 500, 0) == nullptr && counters.overlap == 2);
  give(reassembler, 1, 3, frame, 0, 500, 0, 0x10);
  REQUIRE(give(reassembler, 1, 3, frame, 500, 1000, 0) == nullptr && counters.mismatch == 1);
  give(reassembler, 1, 4, frame, 0, 500, 0);
  const FragmentHeader other{4, 500, 1001};
  REQUIRE(reassembler.add(1, other, 0, frame.data(), 501, 0) == nullptr && counters.mismatch == 2);
  const FragmentHeader outside{5, 501, 1000};
  REQUIRE(reassembler.add(1, outside, 0, frame.data(), 500, 0) == nullptr && counters.badPiece == 1);
  REQUIRE(reassembler.add(1, outside, 0, frame.data(), 0, 0) == nullptr && counters.badPiece == 2);
  // The same id of another session is another frame.
  give(reassembler, 1, 6, frame, 0, 500, 0);
  REQUIRE(give(reassembler, 2, 6, frame, 500, 1000, 0) == nullptr);
  REQUIRE(give(reassembler, 1, 6, frame, 500, 1000, 0) != nullptr);
  for (uint32_t i = 0; i < 17; i++) give(reassembler, 3, 7, frame, i * 2, i * 2 + 1, 0);
  REQUIRE(counters.tooManyGaps == 1);
}

void reassemblyIsBounded() {
  Random random(44);
  Reassembler reassembler;
  const ReassemblyCounters& counters = reassembler.counters();
  const Bytes frame = randomBytes(random, 1000);
  for (uint32_t id = 0; id < 100; id++) give(reassembler, 1, id, frame, 0, 500, 0);
  REQUIRE(reassembler.pending() == kFramesPerSession && counters.evicted == 100 - kFramesPerSession);
  REQUIRE(give(reassembler, 1, 99, frame, 500, 1000, 0) != nullptr);
  for (uint32_t key = 2; key < 100; key++) {
    for (uint32_t id = 0; id < 64; id++) give(reassembler, key, id, frame, 0, 500, 1);
  }
  REQUIRE(reassembler.pending() == kFramesInAll);
  reassembler.dropSession(99);
  REQUIRE(reassembler.pending() == kFramesInAll - 64 && counters.sessionGone == 64);
  reassembler.expire(500);
  REQUIRE(reassembler.pending() == kFramesInAll - 64);
  reassembler.expire(501);
  REQUIRE(reassembler.pending() == 0 && counters.expired == kFramesInAll - 64);
  const Bytes large = randomBytes(random, 65535);
  // Who claims much loses his own frames, not those of others.
  give(reassembler, 7, 1, frame, 0, 500, 550);
  for (uint32_t id = 0; id < 64; id++) give(reassembler, 8, id, large, 0, 500, 550);
  REQUIRE(reassembler.heldBytes() <= kSessionBytes + 2000);
  REQUIRE(give(reassembler, 7, 1, frame, 500, 1000, 560) != nullptr);
  reassembler.releaseCompleted();
  reassembler.expire(1100);
  REQUIRE(reassembler.pending() == 0 && reassembler.heldBytes() == 0);
  for (uint32_t key = 0; key < 100; key++) {
    for (uint32_t id = 0; id < 10; id++) give(reassembler, key, id, large, 0, 500, 1100);
    REQUIRE(reassembler.heldBytes() <= kReassemblyBytes);
  }
  reassembler.expire(2000);
  // Completed frames hold their room until they are released.
  for (uint32_t id = 0; id < 300; id++) give(reassembler, 1, id, large, 0, 65535, 2000);
  REQUIRE(counters.noRoom > 0 && reassembler.heldBytes() <= kReassemblyBytes && reassembler.pending() == 0);
  reassembler.releaseCompleted();
  REQUIRE(reassembler.heldBytes() == 0 && give(reassembler, 1, 1, large, 0, 65535, 2000) != nullptr);
}

}  // namespace etherloom::test

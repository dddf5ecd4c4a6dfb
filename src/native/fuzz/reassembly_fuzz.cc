// Input: steps of 10 bytes: what (1), session (1), id (1), flags (1), offset (2), length (2), total (2). The
// content of a frame follows from its place, so a completed frame can be judged byte by byte; a model that
// remembers each byte says when a frame is complete or must be dropped.
#include <map>
#include <memory>

#include "../reassembly.h"
#include "../test/harness.h"

using namespace etherloom;

namespace {

constexpr size_t kMaxSteps = 100;  // the model walks every byte of a frame at each

struct Model {
  test::Bytes have;  // 1 for each byte received
  uint8_t flags;
  uint64_t born;
};

uint8_t contentAt(uint32_t key, uint32_t id, uint32_t at) {
  return static_cast<uint8_t>(key * 7 + id * 31 + at * 13 + (at >> 8));
}

uint32_t rangesOf(const test::Bytes& have) {
  uint32_t count = 0;
  for (size_t i = 0; i < have.size(); i++) count += have[i] != 0 && (i == 0 || have[i - 1] == 0);
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Reassembler reassembler;  // building one costs more than an input does; each leaves it empty
  const uint64_t noRoomBefore = reassembler.counters().noRoom;
  std::map<std::pair<uint32_t, uint32_t>, Model> model;
  uint64_t now = 1000;
  if (size > kMaxSteps * 10) size = kMaxSteps * 10;
  for (; size >= 10; data += 10, size -= 10) {
    if (data[0] % 16 == 1) now += data[1];
    for (auto at = model.begin(); at != model.end();) {
      at = now - at->second.born >= kReassemblyTimeoutMs ? model.erase(at) : std::next(at);
    }
    if (data[0] % 16 == 2) reassembler.releaseCompleted();
    if (data[0] % 16 == 3) reassembler.expire(now);
    const uint32_t key = data[1] % 3;
    if (data[0] % 16 == 4) {
      reassembler.dropSession(key);
      for (uint32_t id = 0; id < 256; id++) model.erase({key, id});
    }
    if (data[0] % 16 < 5 && data[0] % 16 > 0) {
      reassembler.expire(now);
      REQUIRE(reassembler.pending() == model.size());
      continue;
    }
    const uint32_t id = data[2] % 8;
    const uint8_t flags = data[3] & 0x30;
    const FragmentHeader header{id, loadLe16(data + 4), loadLe16(data + 8)};
    const uint32_t length = loadLe16(data + 6);
    test::Bytes piece(length);
    for (uint32_t i = 0; i < length; i++) piece[i] = contentAt(key, id, header.offset + i);
    const Reassembled* whole = reassembler.add(key, header, flags, piece.data(), length, now);

    bool complete = false;
    const bool good = length > 0 && uint32_t{header.offset} + length <= header.total;
    if (good) {
      auto at = model.find({key, id});
      // A full batch of completed frames is the one bound these few sessions can reach.
      if (at == model.end() && reassembler.counters().noRoom > noRoomBefore) break;
      if (at == model.end()) at = model.emplace(std::pair{key, id}, Model{test::Bytes(header.total), flags, now}).first;
      Model& frame = at->second;
      bool keep = frame.have.size() == header.total && frame.flags == flags;
      for (uint32_t i = 0; keep && i < length; i++) keep = frame.have[header.offset + i] == 0;
      if (keep) std::fill_n(frame.have.begin() + header.offset, length, uint8_t{1});
      complete = keep && rangesOf(frame.have) == 1 && frame.have.front() != 0 && frame.have.back() != 0;
      if (!keep || complete || rangesOf(frame.have) > 16) model.erase(at);
    }
    REQUIRE((whole != nullptr) == complete);
    REQUIRE(reassembler.pending() == model.size());
    if (whole == nullptr) continue;
    REQUIRE(whole->len == header.total && whole->flags == flags);
    for (uint32_t i = 0; i < whole->len; i++) REQUIRE(whole->data[i] == contentAt(key, id, i));
  }
  REQUIRE(reassembler.heldBytes() <= kReassemblyBytes);
  for (uint32_t key = 0; key < 3; key++) reassembler.dropSession(key);
  reassembler.releaseCompleted();
  REQUIRE(reassembler.pending() == 0 && reassembler.heldBytes() == 0);
  return 0;
}

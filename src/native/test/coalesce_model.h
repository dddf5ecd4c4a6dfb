// The promises of the coalescer, checked after a batch against the frames that went in.
#pragma once

#include <algorithm>

#include "frames.h"

namespace etherloom::test {

struct Input {
  Bytes frame;  // where the coalescer sees it
  uint32_t key;
  bool partial;
};

inline void addSegments(const Bytes& super, uint16_t gsoSize, uint32_t key, std::vector<Input>& inputs) {
  const SegmentPlan plan = planned(super, gsoSize);
  for (uint32_t i = 0; i < plan.count; i++) inputs.push_back(Input{segmentAt(plan, i), key, true});
}

inline Bytes withoutTransportChecksum(Bytes frame, const FrameView& view) {
  storeBe16(frame.data() + view.l4 + (view.l4Proto == kProtocolTcp ? 16 : 6), 0);
  return frame;
}

// Do the two frames have to leave in the order they came? Same key and addresses, and the same ports unless
// one of them does not show its ports.
inline bool ordered(const Input& a, const Input& b) {
  FrameView va;
  FrameView vb;
  const auto parse = [](const Input& input, FrameView& view) {
    return parseFrame(input.frame.data(), static_cast<uint32_t>(input.frame.size()), view) &&
           view.ipVersion != 0;
  };
  if (a.key != b.key || !parse(a, va) || !parse(b, vb) || va.ipVersion != vb.ipVersion) return false;
  const uint32_t at = va.ipVersion == 4 ? 12 : 8;
  const uint32_t length = va.ipVersion == 4 ? 8 : 32;
  if (std::memcmp(a.frame.data() + va.l3 + at, b.frame.data() + vb.l3 + at, length) != 0) return false;
  const auto hidden = [](const FrameView& view) { return view.l4 == 0 || view.end - view.l4 < 4; };
  if (hidden(va) || hidden(vb)) return true;
  if (va.l4Proto != vb.l4Proto || (va.l4Proto != kProtocolTcp && va.l4Proto != kProtocolUdp)) return false;
  return loadLe32(a.frame.data() + va.l4) == loadLe32(b.frame.data() + vb.l4);
}

// One super-frame with more than one piece: written to a port and segmented there, its frames come back.
inline void checkReversible(const Coalescer& coalescer, const SuperFrame& super) {
  uint8_t header[kSuperHeaderCapacity];
  uint32_t headerLen = 0;
  VnetHeader vnet;
  REQUIRE(finishSuper(super, header, headerLen, vnet));
  REQUIRE(headerLen == super.headerLen && headerLen <= kSuperHeaderCapacity);
  Bytes whole(header, header + headerLen);
  for (int32_t i = super.first; i >= 0; i = coalescer.piece(i).next) {
    const Piece& piece = coalescer.piece(i);
    whole.insert(whole.end(), piece.data, piece.data + piece.len);
  }
  REQUIRE(whole.size() == headerLen + super.payload && whole.size() <= kMaxSuperLength);
  FrameView view;
  REQUIRE(parseFrame(whole.data(), static_cast<uint32_t>(whole.size()), view) && view.end == whole.size());
  REQUIRE(checksumOffsetIsPlain(whole.data(), static_cast<uint32_t>(whole.size()), vnet.csumStart,
                                vnet.csumOffset, view));
  // The port completes the checksum from the pseudo-header's sum; the result must be the real one.
  Bytes completed = whole;
  REQUIRE(completeChecksum(completed.data(), static_cast<uint32_t>(completed.size()), vnet.csumStart,
                           vnet.csumOffset));
  REQUIRE(transportRest(completed, view) == 0);

  const auto original = [&](const Piece& piece) {
    const uint8_t* start = piece.data - super.headerLen;
    return withoutTransportChecksum(Bytes(start, start + super.headerLen + piece.len), super.view);
  };
  if (super.pieces == 1) {
    REQUIRE(vnet.gsoType == kGsoNone && vnet.gsoSize == 0);
    REQUIRE(withoutTransportChecksum(whole, view) == original(coalescer.piece(super.first)));
    return;
  }
  SegmentPlan plan;
  REQUIRE(planSegments(whole.data(), static_cast<uint32_t>(whole.size()), vnet, plan));
  REQUIRE(plan.count == super.pieces && plan.headerLen == super.headerLen);
  uint32_t i = 0;
  for (int32_t at = super.first; at >= 0; at = coalescer.piece(at).next, i++) {
    REQUIRE(segmentAt(plan, i) == original(coalescer.piece(at)));
  }
  REQUIRE(i == super.pieces);
}

// Runs a batch and checks every promise. Returns the number of super-frames.
inline uint32_t checkBatch(Coalescer& coalescer, std::vector<Input>& inputs) {
  coalescer.reset();
  for (Input& input : inputs) {
    const int32_t index =
        coalescer.add(input.key, input.frame.data(), static_cast<uint32_t>(input.frame.size()), input.partial);
    REQUIRE(index >= 0 && static_cast<uint32_t>(index) < coalescer.count());
  }
  // Where each frame leaves: super-frames in order, pieces in order. Every frame exactly once.
  std::vector<uint32_t> position(inputs.size(), UINT32_MAX);
  uint32_t next = 0;
  const auto leave = [&](const uint8_t* start, uint32_t length, uint32_t key, const SuperFrame& super) {
    const auto input = std::find_if(inputs.begin(), inputs.end(), [&](const Input& candidate) {
      return candidate.frame.data() == start && candidate.frame.size() == length;
    });
    REQUIRE(input != inputs.end() && input->key == key && input->partial == super.partial);
    uint32_t& place = position[static_cast<size_t>(input - inputs.begin())];
    REQUIRE(place == UINT32_MAX);
    place = next++;
  };
  for (uint32_t s = 0; s < coalescer.count(); s++) {
    const SuperFrame& super = coalescer.at(s);
    if (super.headerLen == 0) {
      REQUIRE(super.pieces == 1 && super.first == -1);
      leave(super.frame, super.len, super.key, super);
      continue;
    }
    REQUIRE(super.partial);
    for (int32_t i = super.first; i >= 0; i = coalescer.piece(i).next) {
      const Piece& piece = coalescer.piece(i);
      leave(piece.data - super.headerLen, piece.len + super.headerLen, super.key, super);
    }
    checkReversible(coalescer, super);
  }
  REQUIRE(next == inputs.size());
  for (size_t a = 0; a < inputs.size(); a++) {
    for (size_t b = a + 1; b < inputs.size(); b++) {
      if (position[a] > position[b]) REQUIRE(!ordered(inputs[a], inputs[b]));
    }
  }
  return coalescer.count();
}

}  // namespace etherloom::test

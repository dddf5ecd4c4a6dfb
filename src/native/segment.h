// Cuts a TCP or UDP super-frame (one read of a port with segmentation offload) into frames of at most
// gso_size payload bytes each, headers only: payloads stay where they are.
#pragma once

#include <cstdint>

#include "frame.h"
#include "vnet.h"

namespace etherloom {

constexpr uint32_t kMaxSegments = 4096;     // per super-frame
constexpr uint32_t kMaxSegmentHeader = 142;  // Ethernet 14, two tags 8, IPv4 60, TCP 60

struct SegmentPlan {
  const uint8_t* frame;
  uint32_t frameLen;
  FrameView view;
  uint16_t gsoSize;    // payload bytes of each segment but the last
  uint16_t headerLen;  // Ethernet to the end of the TCP/UDP header, <= kMaxSegmentHeader
  uint32_t count;      // segments, >= 1
  uint32_t payload;    // payload bytes in all
  uint32_t ip4Base;    // sum of the IPv4 header without total length, identification and checksum
  bool tcp;
};

/// Checks the super-frame against its virtio header and fills the plan. False when gso_type is not what the
/// headers say, is UFO (3) or none, gso_size is 0, a header or IP length is wrong (the IP packet must fill the
/// frame), the checksum is neither partial (NEEDS_CSUM at the right place) nor verified (DATA_VALID), or there
/// would be more than kMaxSegments segments.
bool planSegments(const uint8_t* frame, uint32_t len, const VnetHeader& vnet, SegmentPlan& plan);

/// Writes the headers (plan.headerLen bytes) of segment i < plan.count to `out`; its payload is
/// plan.frame[payloadOffset, payloadOffset + payloadLen). IPv4 identification counts up, TCP sequence
/// advances, FIN and PSH stay on the last, CWR on the first. The transport checksum is 0: it is left to the
/// receiver (flag 0x10). `out` may not overlap the frame.
void writeSegment(const SegmentPlan& plan, uint32_t i, uint8_t* out, uint32_t& payloadOffset,
                  uint32_t& payloadLen);

}  // namespace etherloom

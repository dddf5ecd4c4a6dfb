#include "segment.h"

#include "bytes.h"
#include "checksum.h"

namespace etherloom {

namespace {

constexpr uint8_t kFin = 0x01;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kRst = 0x04;
constexpr uint8_t kPsh = 0x08;
constexpr uint8_t kCwr = 0x80;

// Does gso_type say what the headers say?
bool typeMatches(uint8_t gsoType, const FrameView& view) {
  const uint8_t type = gsoType & static_cast<uint8_t>(~kGsoEcn);
  if (type == kGsoTcp4) return view.ipVersion == 4 && view.l4Proto == kProtocolTcp;
  if (type == kGsoTcp6) return view.ipVersion == 6 && view.l4Proto == kProtocolTcp;
  if (type == kGsoUdpSegments) return gsoType == type && view.ipVersion != 0 && view.l4Proto == kProtocolUdp;
  return false;
}

}  // namespace

bool planSegments(const uint8_t* frame, uint32_t len, const VnetHeader& vnet, SegmentPlan& plan) {
  if (vnet.gsoSize == 0 || (vnet.flags & (kVnetNeedsCsum | kVnetDataValid)) == 0) return false;
  FrameView& view = plan.view;
  if (!parseFrame(frame, len, view) || !typeMatches(vnet.gsoType, view) || view.end != len) return false;
  const uint32_t transport = transportHeaderLength(frame, view);
  if (transport == 0) return false;
  if ((vnet.flags & kVnetNeedsCsum) != 0 &&
      !checksumOffsetIsPlain(frame, len, vnet.csumStart, vnet.csumOffset, view)) {
    return false;
  }
  const uint32_t headerLen = view.l4 + transport;
  const uint32_t payload = len - headerLen;
  const uint32_t count = payload == 0 ? 1 : (payload + vnet.gsoSize - 1) / vnet.gsoSize;
  if (count > kMaxSegments) return false;
  plan.tcp = view.l4Proto == kProtocolTcp;
  // Nobody offloads a connection's first or last breath; copying SYN or RST to each segment would be wrong.
  if (plan.tcp && count > 1 && (frame[view.l4 + 13] & (kSyn | kRst)) != 0) return false;
  plan.frame = frame;
  plan.frameLen = len;
  plan.gsoSize = vnet.gsoSize;
  plan.headerLen = static_cast<uint16_t>(headerLen);
  plan.count = count;
  plan.payload = payload;
  plan.ip4Base = 0;
  if (view.ipVersion == 4) {
    const uint8_t* ip = frame + view.l3;
    const uint32_t sum = sumBytes(ip + 12, view.l4 - view.l3 - 12, 0);
    plan.ip4Base = sum + loadLe16(ip) + loadLe16(ip + 6) + loadLe16(ip + 8);
  }
  return true;
}

void writeSegment(const SegmentPlan& plan, uint32_t i, uint8_t* out, uint32_t& payloadOffset,
                  uint32_t& payloadLen) {
  const FrameView& view = plan.view;
  const uint32_t done = i * plan.gsoSize;
  const uint32_t left = plan.payload - done;
  const bool last = i + 1 == plan.count;
  payloadOffset = plan.headerLen + done;
  payloadLen = last ? left : plan.gsoSize;

  std::memcpy(out, plan.frame, plan.headerLen);
  uint8_t* ip = out + view.l3;
  const uint32_t end = plan.headerLen + payloadLen;
  if (view.ipVersion == 4) {
    const uint16_t total = static_cast<uint16_t>(end - view.l3);
    const uint16_t id = static_cast<uint16_t>(loadBe16(ip + 4) + i);
    storeBe16(ip + 2, total);
    storeBe16(ip + 4, id);
    storeLe16(ip + 10, foldChecksum(uint64_t{plan.ip4Base} + loadLe16(ip + 2) + loadLe16(ip + 4)));
  } else {
    storeBe16(ip + 4, static_cast<uint16_t>(end - view.l4));
  }

  uint8_t* l4 = out + view.l4;
  if (plan.tcp) {
    storeBe32(l4 + 4, loadBe32(l4 + 4) + done);
    uint8_t flags = l4[13];
    if (!last) flags &= static_cast<uint8_t>(~(kFin | kPsh));
    if (i != 0) flags &= static_cast<uint8_t>(~kCwr);
    l4[13] = flags;
    storeLe16(l4 + 16, 0);
  } else {
    storeBe16(l4 + 4, static_cast<uint16_t>(end - view.l4));
    storeLe16(l4 + 6, 0);
  }
}

}  // namespace etherloom

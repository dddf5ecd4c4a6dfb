#include "frame.h"

#include "bytes.h"
#include "checksum.h"

namespace etherloom {

namespace {

constexpr uint32_t kTcpChecksum = 16;  // offset in the TCP header
constexpr uint32_t kUdpChecksum = 6;

// Next-header values behind which the transport header is not at a fixed place (RFC 8200 §4, RFC 6275,
// RFC 7401, RFC 5533), and ESP, whose content nobody here can read.
bool isExtensionHeader(uint8_t next) {
  switch (next) {
    case 0:    // hop-by-hop options
    case 43:   // routing
    case 44:   // fragment
    case 50:   // ESP
    case 51:   // AH
    case 60:   // destination options
    case 135:  // mobility
    case 139:  // HIP
    case 140:  // shim6
      return true;
    default:
      return false;
  }
}

void parseIp4(const uint8_t* frame, uint32_t len, FrameView& view) {
  const uint32_t l3 = view.l3;
  if (len - l3 < 20) return;
  const uint8_t* ip = frame + l3;
  if (ip[0] >> 4 != 4) return;
  const uint32_t headerLength = (ip[0] & 0x0f) * 4u;
  const uint32_t total = loadBe16(ip + 2);
  if (headerLength < 20 || total < headerLength || total > len - l3) return;
  view.ipVersion = 4;
  view.l4Proto = ip[9];
  view.end = l3 + total;
  view.fragment = (loadBe16(ip + 6) & 0x3fff) != 0;
  if (!view.fragment && total > headerLength) view.l4 = static_cast<uint16_t>(l3 + headerLength);
}

void parseIp6(const uint8_t* frame, uint32_t len, FrameView& view) {
  const uint32_t l3 = view.l3;
  if (len - l3 < 40) return;
  const uint8_t* ip = frame + l3;
  if (ip[0] >> 4 != 6) return;
  const uint32_t payload = loadBe16(ip + 4);
  if (payload > len - l3 - 40) return;
  view.ipVersion = 6;
  view.l4Proto = ip[6];
  view.end = l3 + 40 + payload;
  view.ipv6Extension = isExtensionHeader(ip[6]);
  if (!view.ipv6Extension && payload > 0) view.l4 = static_cast<uint16_t>(l3 + 40);
}

uint32_t checksumField(const FrameView& view) {
  return view.l4 + (view.l4Proto == kProtocolTcp ? kTcpChecksum : kUdpChecksum);
}

uint32_t pseudoHeaderSum(const uint8_t* frame, const FrameView& view) {
  const uint32_t length = view.end - view.l4;
  return view.ipVersion == 4 ? pseudoHeaderSum4(frame + view.l3, view.l4Proto, length)
                             : pseudoHeaderSum6(frame + view.l3, view.l4Proto, length);
}

}  // namespace

bool parseFrame(const uint8_t* frame, uint32_t len, FrameView& view) {
  view = FrameView{};
  view.outerVlan = kNoVlan;
  if (len < kEthernetHeader) return false;
  uint32_t l3 = kEthernetHeader;
  uint16_t type = loadBe16(frame + 12);
  while (view.tags < 2 && (type == kEtherTypeVlan || type == kEtherTypeQinQ)) {
    if (len - l3 < 4) return false;
    if (view.tags == 0) view.outerVlan = loadBe16(frame + l3) & 0x0fff;
    type = loadBe16(frame + l3 + 2);
    l3 += 4;
    view.tags++;
  }
  view.l3 = static_cast<uint16_t>(l3);
  view.etherType = type;
  view.end = len;
  if (type == kEtherTypeIp4) {
    parseIp4(frame, len, view);
  } else if (type == kEtherTypeIp6) {
    parseIp6(frame, len, view);
  }
  return true;
}

uint32_t transportHeaderLength(const uint8_t* frame, const FrameView& view) {
  if (view.l4 == 0) return 0;
  const uint32_t room = view.end - view.l4;
  const uint8_t* l4 = frame + view.l4;
  if (view.l4Proto == kProtocolTcp) {
    if (room < 20) return 0;
    const uint32_t length = (l4[12] >> 4) * 4u;
    return length >= 20 && length <= room ? length : 0;
  }
  if (view.l4Proto == kProtocolUdp) return room >= 8 && loadBe16(l4 + 4) == room ? 8 : 0;
  return 0;
}

bool checksumOffsetIsPlain(const uint8_t* frame, uint32_t len, uint16_t csumStart, uint16_t csumOffset,
                           const FrameView& view) {
  return view.end <= len && transportHeaderLength(frame, view) != 0 && csumStart == view.l4 &&
         uint32_t{csumStart} + csumOffset == checksumField(view);
}

bool completeChecksum(uint8_t* frame, uint32_t len, uint16_t csumStart, uint16_t csumOffset) {
  FrameView view;
  if (!parseFrame(frame, len, view)) return false;
  const uint32_t field = uint32_t{csumStart} + csumOffset;
  if (csumStart < view.l3 || csumStart >= view.end || field + 2 > view.end) return false;
  // The field takes part in the sum: it holds the pseudo-header's.
  const uint16_t checksum = foldChecksum(sumBytes(frame + csumStart, view.end - csumStart, 0));
  storeLe16(frame + field, checksum == 0 ? 0xffff : checksum);  // 0 would mean "none" in UDP; equal elsewhere
  return true;
}

bool recomputeTransportChecksum(uint8_t* frame, uint32_t len, const FrameView& view) {
  if (view.end > len || transportHeaderLength(frame, view) == 0) return false;
  uint8_t* field = frame + checksumField(view);
  storeLe16(field, 0);
  const uint16_t checksum =
      foldChecksum(sumBytes(frame + view.l4, view.end - view.l4, pseudoHeaderSum(frame, view)));
  storeLe16(field, checksum == 0 && view.l4Proto == kProtocolUdp ? 0xffff : checksum);
  return true;
}

bool preparePartialChecksum(uint8_t* frame, uint32_t len, const FrameView& view, VnetHeader& vnet) {
  vnet = VnetHeader{};
  if (view.end != len) return recomputeTransportChecksum(frame, len, view);
  if (transportHeaderLength(frame, view) == 0) return false;
  const uint32_t field = checksumField(view);
  storeLe16(frame + field, static_cast<uint16_t>(pseudoHeaderSum(frame, view)));
  vnet.flags = kVnetNeedsCsum;
  vnet.csumStart = view.l4;
  vnet.csumOffset = static_cast<uint16_t>(field - view.l4);
  return true;
}

void writeIp4Checksum(uint8_t* header, uint32_t length) {
  storeLe16(header + 10, 0);
  storeLe16(header + 10, foldChecksum(sumBytes(header, length, 0)));
}

}  // namespace etherloom

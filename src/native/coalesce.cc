#include "coalesce.h"

#include "bytes.h"
#include "checksum.h"

namespace etherloom {

namespace {

constexpr uint8_t kPsh = 0x08;
constexpr uint8_t kAck = 0x10;
constexpr uint8_t kEce = 0x40;

// The IPv4 header checksum is exactly what segmentation would write (0xffff, though valid, would not be).
bool ip4ChecksumIsCanonical(const uint8_t* ip, uint32_t headerLength) {
  uint64_t sum;
  if (headerLength == 20) {
    sum = uint64_t{loadLe32(ip)} + loadLe32(ip + 4) + loadLe16(ip + 8) + loadLe32(ip + 12) + loadLe32(ip + 16);
  } else {
    sum = uint64_t{loadLe32(ip)} + loadLe32(ip + 4) + loadLe16(ip + 8) +
          sumBytes(ip + 12, headerLength - 12, 0);
  }
  return loadLe16(ip + 10) == foldChecksum(sum);
}

// May this frame be part of a super-frame at all? Its flow and order are another question.
bool isCoalescible(const uint8_t* frame, uint32_t len, const FrameView& view, uint32_t transport) {
  if (transport == 0 || view.end != len || view.l4 + transport >= len) return false;
  if (len > kMaxSuperLength) return false;
  if (view.l4Proto == kProtocolTcp) {
    const uint8_t flags = frame[view.l4 + 13] & static_cast<uint8_t>(~(kPsh | kEce));
    if (flags != kAck) return false;
  }
  return view.ipVersion == 6 || ip4ChecksumIsCanonical(frame + view.l3, view.l4 - view.l3);
}

// Exact for IPv4; for IPv6 a mix, so that equality has to be confirmed.
uint64_t addressWord(const uint8_t* ip, uint8_t version) {
  if (version == 4) return loadLe64(ip + 12);
  const uint64_t a = loadLe64(ip + 8) ^ (loadLe64(ip + 16) * 0x9e3779b97f4a7c15);
  const uint64_t b = loadLe64(ip + 24) ^ (loadLe64(ip + 32) * 0xc2b2ae3d27d4eb4f);
  return a + (b << 31 | b >> 33);
}

}  // namespace

Coalescer::Coalescer(uint32_t capacity)
    : capacity_(capacity), supers_(new SuperFrame[capacity]), pieces_(new Piece[capacity]) {}

void Coalescer::reset() {
  added_ = 0;
  superCount_ = 0;
  pieceCount_ = 0;
  openCount_ = 0;
}

int32_t Coalescer::find(const OpenFlow& flow) const {
  for (uint32_t i = openCount_; i-- > 0;) {
    const OpenFlow& open = open_[i];
    if (open.ports == flow.ports && open.addresses == flow.addresses && open.key == flow.key &&
        open.protocol == flow.protocol && open.ipVersion == flow.ipVersion) {
      return static_cast<int32_t>(i);
    }
  }
  return -1;
}

bool Coalescer::joins(const OpenFlow& flow, const SuperFrame& super, const uint8_t* frame,
                      const FrameView& view, uint32_t headerLen, uint32_t payload) const {
  const bool tcp = view.l4Proto == kProtocolTcp;
  if (headerLen != super.headerLen || view.l4 != super.view.l4 || view.l3 != super.view.l3) return false;
  if (payload > super.gsoSize || headerLen + super.payload + payload > kMaxSuperLength) return false;
  if (super.pieces >= (tcp ? kMaxTcpPieces : kMaxUdpPieces)) return false;

  const uint8_t* other = super.frame;
  const uint8_t* ip = frame + view.l3;
  const uint8_t* otherIp = other + view.l3;
  if (view.ipVersion == 4) {
    if (loadBe16(ip + 4) != flow.nextId) return false;
    if (loadLe16(ip) != loadLe16(otherIp)) return false;          // version, header length, DSCP, ECN
    if (loadLe32(ip + 6) != loadLe32(otherIp + 6)) return false;  // DF, TTL, protocol
    if (loadLe64(ip + 12) != loadLe64(otherIp + 12)) return false;
    const uint32_t options = view.l4 - view.l3 - 20u;
    if (options != 0 && std::memcmp(ip + 20, otherIp + 20, options) != 0) return false;
  } else {
    if (loadLe32(ip) != loadLe32(otherIp)) return false;          // version, traffic class, flow label
    if (loadLe16(ip + 6) != loadLe16(otherIp + 6)) return false;  // next header, hop limit
    if (std::memcmp(ip + 8, otherIp + 8, 32) != 0) return false;
  }

  const uint8_t* l4 = frame + view.l4;
  const uint8_t* otherL4 = other + view.l4;
  if (loadLe32(l4) != loadLe32(otherL4)) return false;
  if (tcp) {
    if (loadBe32(l4 + 4) != flow.nextSequence) return false;
    if (loadLe32(l4 + 8) != loadLe32(otherL4 + 8)) return false;  // acknowledgment
    if (l4[12] != otherL4[12]) return false;                      // data offset, reserved bits
    if (((l4[13] ^ otherL4[13]) & ~kPsh) != 0) return false;
    if (loadLe16(l4 + 14) != loadLe16(otherL4 + 14)) return false;  // window
    if (loadLe16(l4 + 18) != loadLe16(otherL4 + 18)) return false;  // urgent pointer
    const uint32_t options = headerLen - view.l4 - 20;
    if (options != 0 && std::memcmp(l4 + 20, otherL4 + 20, options) != 0) return false;
  }
  return std::memcmp(frame, other, view.l3) == 0;  // Ethernet addresses, tags, type
}

void Coalescer::append(SuperFrame& super, uint8_t* data, uint32_t payload) {
  const int32_t index = static_cast<int32_t>(pieceCount_++);
  pieces_[index] = Piece{data, payload, -1};
  if (super.last >= 0) {
    pieces_[super.last].next = index;
  } else {
    super.first = index;
  }
  super.last = index;
  super.payload += payload;
  super.pieces++;
}

void Coalescer::close(uint32_t slot) {
  openCount_--;
  for (uint32_t i = slot; i < openCount_; i++) open_[i] = open_[i + 1];
}

void Coalescer::closeAddresses(const OpenFlow& flow) {
  for (uint32_t i = openCount_; i-- > 0;) {
    const OpenFlow& open = open_[i];
    if (open.addresses == flow.addresses && open.key == flow.key && open.ipVersion == flow.ipVersion) close(i);
  }
}

void Coalescer::makeMostRecent(uint32_t slot) {
  if (slot + 1 == openCount_) return;
  const OpenFlow flow = open_[slot];
  for (uint32_t i = slot; i + 1 < openCount_; i++) open_[i] = open_[i + 1];
  open_[openCount_ - 1] = flow;
}

int32_t Coalescer::add(uint32_t key, uint8_t* frame, uint32_t len, bool partialChecksum) {
  if (added_ == capacity_) return -1;
  added_++;

  FrameView view;
  const bool parsed = parseFrame(frame, len, view);
  OpenFlow flow{};
  bool hasFlow = false;
  uint32_t transport = 0;
  if (parsed && view.ipVersion != 0) {
    flow.key = key;
    flow.ipVersion = view.ipVersion;
    flow.protocol = view.l4Proto;
    flow.addresses = addressWord(frame + view.l3, view.ipVersion);
    if (view.l4 == 0 || view.end - view.l4 < 4) {
      // A fragment or an extension header: its ports are unknown, so it may belong to any flow between the two.
      if (openCount_ != 0) closeAddresses(flow);
    } else if (view.l4Proto == kProtocolTcp || view.l4Proto == kProtocolUdp) {
      hasFlow = true;
      flow.ports = loadLe32(frame + view.l4);
      transport = transportHeaderLength(frame, view);
    }
  }
  const bool coalescible = hasFlow && partialChecksum && isCoalescible(frame, len, view, transport);
  const uint32_t headerLen = view.l4 + transport;
  const uint32_t payload = coalescible ? len - headerLen : 0;
  const bool tcp = view.l4Proto == kProtocolTcp;
  const bool push = coalescible && tcp && (frame[view.l4 + 13] & kPsh) != 0;

  const int32_t slot = hasFlow ? find(flow) : -1;
  if (slot >= 0) {
    OpenFlow& open = open_[slot];
    SuperFrame& super = supers_[open.super];
    if (coalescible && joins(open, super, frame, view, headerLen, payload)) {
      const int32_t index = static_cast<int32_t>(open.super);
      append(super, frame + headerLen, payload);
      super.gsoType = tcp ? (view.ipVersion == 4 ? kGsoTcp4 : kGsoTcp6) : kGsoUdpSegments;
      super.push = push;
      open.nextSequence += payload;
      open.nextId++;
      if (push || payload < super.gsoSize) {
        close(static_cast<uint32_t>(slot));
      } else {
        makeMostRecent(static_cast<uint32_t>(slot));
      }
      return index;
    }
    close(static_cast<uint32_t>(slot));
  }

  const uint32_t index = superCount_++;
  SuperFrame& super = supers_[index];
  super = SuperFrame{};
  super.frame = frame;
  super.len = len;
  super.key = key;
  super.first = -1;
  super.last = -1;
  super.partial = partialChecksum;
  super.parsed = parsed;
  super.view = view;
  if (!coalescible) {
    super.pieces = 1;
    return static_cast<int32_t>(index);
  }
  super.headerLen = static_cast<uint16_t>(headerLen);
  super.gsoSize = static_cast<uint16_t>(payload);
  super.push = push;
  append(super, frame + headerLen, payload);
  if (!push) {
    if (openCount_ == kOpenFlows) close(0);
    flow.super = index;
    if (tcp) flow.nextSequence = loadBe32(frame + view.l4 + 4) + payload;
    if (view.ipVersion == 4) flow.nextId = static_cast<uint16_t>(loadBe16(frame + view.l3 + 4) + 1);
    open_[openCount_++] = flow;
  }
  return static_cast<int32_t>(index);
}

bool finishSuper(const SuperFrame& super, uint8_t* headerOut, uint32_t& headerLen, VnetHeader& vnet) {
  headerLen = super.headerLen;
  vnet = VnetHeader{};
  if (super.headerLen == 0) return false;
  const FrameView& view = super.view;
  std::memcpy(headerOut, super.frame, headerLen);
  uint8_t* ip = headerOut + view.l3;
  uint8_t* l4 = headerOut + view.l4;
  const uint32_t end = headerLen + super.payload;
  const uint32_t transportLength = end - view.l4;
  const bool tcp = view.l4Proto == kProtocolTcp;
  uint32_t pseudo;
  if (view.ipVersion == 4) {
    if (super.pieces > 1) {
      storeBe16(ip + 2, static_cast<uint16_t>(end - view.l3));
      writeIp4Checksum(ip, view.l4 - view.l3);
    }
    pseudo = pseudoHeaderSum4(ip, view.l4Proto, transportLength);
  } else {
    storeBe16(ip + 4, static_cast<uint16_t>(transportLength));
    pseudo = pseudoHeaderSum6(ip, view.l4Proto, transportLength);
  }
  if (tcp) {
    if (super.push) l4[13] |= kPsh;
  } else {
    storeBe16(l4 + 4, static_cast<uint16_t>(transportLength));
  }
  vnet.flags = kVnetNeedsCsum;
  vnet.csumStart = view.l4;
  vnet.csumOffset = tcp ? 16 : 6;
  storeLe16(l4 + vnet.csumOffset, static_cast<uint16_t>(pseudo));
  if (super.pieces > 1) {
    vnet.gsoType = super.gsoType;
    vnet.gsoSize = super.gsoSize;
    vnet.hdrLen = static_cast<uint16_t>(headerLen);
  }
  return true;
}

}  // namespace etherloom

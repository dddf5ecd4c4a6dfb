// From the port arena to UDP.
//
//  1. segment a super-frame (headers written anew, payload copied once, behind them)
//  2. seal header and frame with the session to the destination, in place
//  3. through a relay: put a transit header in front, sealed with the session to the next hop
//  4. equal datagrams to one link leave as one train
#include <string.h>

#include "bytes.h"
#include "engine.h"
#include "segment.h"

namespace etherloom {

namespace {

// Pieces of one frame: as many separate ranges as a receiver keeps of a frame that comes out of order.
constexpr uint32_t kMaxFragments = 16;
// Longest payload or handshake that comes from JavaScript.
constexpr uint32_t kMaxControl = 2048;

}  // namespace

UdpSocket* Engine::socketFor(const SocketAddress& to) {
  UdpSocket& socket = to.generic.sa_family == AF_INET6 ? udp_.v6 : udp_.v4;
  return socket.fd >= 0 ? &socket : nullptr;
}

uint8_t* Engine::reserve(uint32_t length) {
  if (sendCursor_ + length > kSendArena || trains_.full()) {
    trains_.flush();
    sendCursor_ = 0;
  }
  uint8_t* out = sendArena_.get() + sendCursor_;
  sendCursor_ += length;
  return out;
}

bool Engine::sealTransit(Keypair& hop, uint8_t* out, uint8_t kind, uint8_t ttl, uint16_t destination,
                         uint16_t source, uint32_t innerLength) {
  if (hop.sendCounter >= hop.sendLimit) return false;
  uint64_t counter = hop.sendCounter++;
  storeLe32(out, kTypeTransit | kMeshVersion << 8);
  storeLe32(out + kReceiverOffset, hop.remoteIndex);
  storeLe64(out + kCounterOffset, counter);
  uint8_t* plain = out + kOuterHeader;
  encodeRecordHeader(
      RecordHeader{static_cast<uint8_t>(kind & kKindMask), static_cast<uint8_t>(kind & kFlagMask), ttl, destination,
                   source, static_cast<uint16_t>(innerLength)},
      plain);
  // The associated data: this header's clear part and the first bytes of what it carries.
  uint8_t bound[kOuterHeader + kTransitInnerBound];
  memcpy(bound, out, kOuterHeader);
  memcpy(bound + kOuterHeader, out + kTransitHeader, kTransitInnerBound);
  hop.txBytes += kTransitHeader;
  return hop.sealer.seal(counter, bound, sizeof bound, plain, kPlainHeader, plain + kPlainHeader);
}

bool Engine::sendPiece(Keypair& keypair, const Way& way, uint8_t kind, const uint8_t* a, uint32_t aLength,
                       const uint8_t* b, uint32_t bLength) {
  if (keypair.sendCounter >= keypair.sendLimit) return false;
  uint32_t payload = aLength + bLength;
  uint32_t record = kRecordOverhead + payload;
  uint32_t total = record + (way.hop != nullptr ? kTransitHeader : 0);
  uint8_t* out = reserve(total);
  uint8_t* head = out + (way.hop != nullptr ? kTransitHeader : 0);

  uint64_t counter = keypair.sendCounter++;
  storeLe32(head, kTypeRecord | kMeshVersion << 8);
  storeLe32(head + kReceiverOffset, keypair.remoteIndex);
  storeLe64(head + kCounterOffset, counter);
  uint8_t* plain = head + kOuterHeader;
  encodeRecordHeader(
      RecordHeader{static_cast<uint8_t>(kind & kKindMask), static_cast<uint8_t>(kind & kFlagMask), way.ttl,
                   keypair.peer, ownNode_, static_cast<uint16_t>(payload)},
      plain);
  memcpy(plain + kPlainHeader, a, aLength);
  if (bLength > 0) memcpy(plain + kPlainHeader + aLength, b, bLength);
  uint32_t sealed = kPlainHeader + payload;
  if (!keypair.sealer.seal(counter, head, kOuterHeader, plain, sealed, plain + sealed) ||
      (way.hop != nullptr &&
       !sealTransit(*way.hop, out, kTypeRecord | way.hopFlags, way.ttl, keypair.peer, ownNode_, record))) {
    sendCursor_ -= total;
    return false;
  }
  keypair.txBytes += record;
  shared_.counters[recordsSent]++;
  trains_.add(way.socket, way.to, out, total);
  return true;
}

void Engine::sendMaybeSplit(Keypair& keypair, const Way& way, uint8_t flags, uint32_t maxFrame, const uint8_t* a,
                            uint32_t aLength, const uint8_t* b, uint32_t bLength) {
  uint32_t length = aLength + bLength;
  if (length <= maxFrame) {
    bool sent = sendPiece(keypair, way, flags | kKindFrame, a, aLength, b, bLength);
    shared_.counters[sent ? framesSealed : dropCounterLimit]++;
    return;
  }
  // As few pieces as there can be, of equal sizes: those travel in one train.
  uint32_t room = maxFrame > kFragmentHeader ? maxFrame - kFragmentHeader : 0;
  uint32_t pieces = room > 0 ? (length + room - 1) / room : kMaxFragments + 1;
  if (pieces > kMaxFragments || length > UINT16_MAX) {
    shared_.counters[dropTooBig]++;
    return;
  }
  uint32_t share = (length + pieces - 1) / pieces;
  // All or none: a part of a frame is of use to nobody.
  if (keypair.sendCounter + pieces > keypair.sendLimit ||
      (way.hop != nullptr && way.hop->sendCounter + pieces > way.hop->sendLimit)) {
    shared_.counters[dropCounterLimit]++;
    return;
  }
  uint8_t piece[kFragmentHeader + 32768 + 1];
  uint32_t id = fragmentId_++;
  bool sent = true;
  for (uint32_t offset = 0; offset < length; offset += share) {
    uint32_t size = length - offset < share ? length - offset : share;
    encodeFragmentHeader(FragmentHeader{id, static_cast<uint16_t>(offset), static_cast<uint16_t>(length)}, piece);
    uint32_t fromA = offset < aLength ? (aLength - offset < size ? aLength - offset : size) : 0;
    if (fromA > 0) memcpy(piece + kFragmentHeader, a + offset, fromA);
    if (size > fromA) memcpy(piece + kFragmentHeader + fromA, b + (offset + fromA - aLength), size - fromA);
    if (sendPiece(keypair, way, flags | kKindFragment, piece, kFragmentHeader + size, nullptr, 0)) {
      shared_.counters[fragmentsSent]++;
    } else {
      sent = false;
    }
  }
  shared_.counters[sent ? framesSealed : dropCounterLimit]++;
}

void Engine::sendFrame(const PortFrame& frame, const int32_t* entry) {
  Keypair* keypair = keypairs_.at(entry[1]);
  Keypair* hop = entry[2] >= 0 ? keypairs_.at(entry[2]) : nullptr;
  uint32_t maxFrame = static_cast<uint32_t>(entry[5]);

  bool segmented = frame.header.gsoType != kGsoNone;
  SegmentPlan plan;
  if (segmented) planSegments(frame.data, frame.length, frame.header, plan);
  uint32_t frames = segmented ? plan.count : 1;

  if (keypair == nullptr || (entry[2] >= 0 && hop == nullptr)) {
    shared_.counters[dropNoSession] += frames;
    return;
  }
  Link* used = usedLink(entry[3]);
  UdpSocket* socket = used == nullptr ? nullptr : socketFor(used->to.address);
  if (socket == nullptr) {
    shared_.counters[dropNoEndpoint] += frames;
    return;
  }
  Way way{socket, &used->to, hop, static_cast<uint8_t>(entry[6]), static_cast<uint8_t>(entry[4])};
  if (!segmented) {
    uint8_t flags = frame.header.flags & kVnetNeedsCsum ? kFlagPartialChecksum : 0;
    sendMaybeSplit(*keypair, way, flags, maxFrame, frame.data, frame.length, nullptr, 0);
    return;
  }
  uint8_t header[kMaxSegmentHeader];
  for (uint32_t i = 0; i < plan.count; i++) {
    uint32_t offset = 0;
    uint32_t length = 0;
    writeSegment(plan, i, header, offset, length);
    sendMaybeSplit(*keypair, way, kFlagPartialChecksum, maxFrame, header, plan.headerLen, frame.data + offset, length);
  }
}

void Engine::send(uint32_t count) {
  if (count > kMaxSends) count = kMaxSends;
  // Entries of one link are taken together, in their order, so that their datagrams form trains.
  int32_t* entries = shared_.sends;
  uint32_t left = count;
  for (uint32_t start = 0; left > 0 && start < count; start++) {
    if (entries[start * kSendWords] < 0) continue;
    int32_t link = entries[start * kSendWords + 3];
    for (uint32_t i = start; i < count; i++) {
      int32_t* entry = entries + i * kSendWords;
      if (entry[0] < 0 || entry[3] != link) continue;
      if (entry[0] < static_cast<int32_t>(portFrameCount_)) sendFrame(portFrames_[entry[0]], entry);
      entry[0] = -1;
      left--;
    }
  }
  trains_.flush();
  sendCursor_ = 0;
}

bool Engine::sendRecord(uint8_t kind, int32_t keypairSlot, int32_t hopSlot, int32_t link, const SocketAddress* to,
                        uint8_t ttl, const uint8_t* payload, uint32_t length, uint8_t hopFlags) {
  Keypair* keypair = keypairs_.at(keypairSlot);
  Keypair* hop = hopSlot >= 0 ? keypairs_.at(hopSlot) : nullptr;
  if (keypair == nullptr || (hopSlot >= 0 && hop == nullptr) || length > kMaxControl) return false;
  Destination explicitTo;
  if (to != nullptr) explicitTo.address = *to;
  Link* used = usedLink(link);
  Destination* destination = to != nullptr ? &explicitTo : used != nullptr ? &used->to : nullptr;
  UdpSocket* socket = destination == nullptr ? nullptr : socketFor(destination->address);
  if (socket == nullptr) return false;
  bool sent = sendPiece(*keypair, Way{socket, destination, hop, hopFlags, ttl}, kind, payload, length, nullptr, 0);
  trains_.flush();
  sendCursor_ = 0;
  return sent;
}

bool Engine::sendDatagram(const uint8_t* data, uint32_t length, int32_t link, const SocketAddress* to) {
  Destination explicitTo;
  if (to != nullptr) explicitTo.address = *to;
  Link* used = usedLink(link);
  Destination* destination = to != nullptr ? &explicitTo : used != nullptr ? &used->to : nullptr;
  UdpSocket* socket = destination == nullptr ? nullptr : socketFor(destination->address);
  if (socket == nullptr || length > kMaxControl) return false;
  uint8_t* out = reserve(length);
  memcpy(out, data, length);
  trains_.add(socket, destination, out, length);
  shared_.counters[handshakesSent]++;
  trains_.flush();
  sendCursor_ = 0;
  return true;
}

bool Engine::sendTransit(const uint8_t* data, uint32_t length, int32_t hopSlot, int32_t link, uint16_t destination,
                         uint8_t ttl, uint8_t hopFlags) {
  Keypair* hop = keypairs_.at(hopSlot);
  Link* used = usedLink(link);
  UdpSocket* socket = used == nullptr ? nullptr : socketFor(used->to.address);
  if (hop == nullptr || socket == nullptr || length < kMinInner || length > kMaxControl) return false;
  uint8_t* out = reserve(kTransitHeader + length);
  memcpy(out + kTransitHeader, data, length);
  bool sealed = sealTransit(*hop, out, data[0] | hopFlags, ttl, destination, ownNode_, length);
  if (sealed) {
    trains_.add(socket, &used->to, out, kTransitHeader + length);
    shared_.counters[handshakesSent]++;
  }
  trains_.flush();
  sendCursor_ = 0;
  return sealed;
}

void Engine::forward(uint32_t count) {
  if (count > kMaxReceived) count = kMaxReceived;
  for (uint32_t i = 0; i < count; i++) {
    const int32_t* entry = shared_.forwards + i * kForwardWords;
    const int32_t* run = shared_.runs + entry[0] * kRunWords;
    Keypair* hop = entry[1] >= 0 ? keypairs_.at(entry[1]) : nullptr;
    uint32_t items = static_cast<uint32_t>(run[1]);
    if (entry[1] >= 0 && hop == nullptr) {
      shared_.counters[dropTransitKeypairGone] += items;
      continue;
    }
    Link* used = usedLink(entry[2]);
    UdpSocket* socket = used == nullptr ? nullptr : socketFor(used->to.address);
    if (socket == nullptr) {
      shared_.counters[dropTransitNoEndpoint] += items;
      continue;
    }
    uint8_t ttl = static_cast<uint8_t>(entry[3]);
    uint8_t kind = static_cast<uint8_t>(entry[4]);
    for (uint32_t k = 0; k < items; k++) {
      TransitItem& item = transit_[static_cast<uint32_t>(run[0]) + k];
      uint8_t* data = item.data;
      uint32_t length = item.length;
      if (hop == nullptr) {
        data += kTransitHeader;
        length -= kTransitHeader;
      } else if (!sealTransit(*hop, data, kind, ttl, static_cast<uint16_t>(run[3]), static_cast<uint16_t>(run[4]),
                              length - kTransitHeader)) {
        shared_.counters[dropTransitCounterLimit]++;
        continue;
      }
      if (trains_.full()) trains_.flush();
      trains_.add(socket, &used->to, data, length);
      shared_.counters[transitForwarded]++;
    }
  }
  trains_.flush();
}

}  // namespace etherloom

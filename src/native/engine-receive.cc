// From UDP to frames, transit runs and messages.
//
//  1. one recvmmsg, trains (GRO) cut into datagrams
//  2. type 4: find the keypair, check the replay window, open in place, check who speaks to whom
//       frame -> coalesced into super-frames · fragment -> reassembled · probe, control -> messages
//  3. type 5: open the 8 header bytes; equal neighbours form one run, which is decided on once: sent on at once where the
//     tables leave nothing to decide (relay.h), handed up otherwise
//  4. types 1-3: check mac1, hand up
//
// Every datagram ends in exactly one counter: datagramsReceived = recordsReceived + transitReceived (to be sent on) +
// handshakesReceived (direct or in transit) + the drops of steps 1-4. What becomes of a record, a run or a handshake
// afterwards is counted once more, with reasons of its own.
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <time.h>
#include <openssl/crypto.h>

#include <algorithm>

#include "arrival.h"
#include "bytes.h"
#include "engine.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace etherloom {

namespace {

constexpr uint32_t kMacLength = 16;
// Longest initiation or response: what IPv6's least MTU carries. The mac over more would be work for nothing.
constexpr uint32_t kMaxHandshake = 1232;
// Of a batch's messages, what handshakes leave to probes and control: those come from members.
constexpr uint32_t kMemberMessages = 64;
// And what one of them leaves to the others.
constexpr uint32_t kMessagesEach = 64;

// Flags of a frame descriptor.
constexpr int32_t kFramePartial = 1;
constexpr int32_t kFrameMoved = 2;

Counter dropCounter(DatagramDrop drop) {
  switch (drop) {
    case DatagramDrop::tooShort:
      return dropShort;
    case DatagramDrop::unknownType:
      return dropUnknownType;
    case DatagramDrop::badReserved:
      return dropReserved;
    default:
      return dropBadLength;
  }
}

// Field order: dataplane/descriptors.ts.
void writeMessage(int32_t* out, int32_t kind, uint32_t offset, uint32_t length, int32_t keypair, int32_t flags, uint32_t slot,
                  int32_t hopKeypair, uint16_t source) {
  out[0] = kind;
  out[1] = static_cast<int32_t>(offset);
  out[2] = static_cast<int32_t>(length);
  out[3] = keypair;
  out[4] = flags;
  out[5] = static_cast<int32_t>(slot);
  out[6] = hopKeypair;
  out[7] = source;
}

}  // namespace

ReceiveResult Engine::receive() {
  ReceiveResult result = isHeld_ ? held_ : readBatch();
  isHeld_ = false;
  if (later_.count() > 0) handUpLater(result);
  return result;
}

bool Engine::receiveAlone() {
  // Nobody has come for the last batch: whatever kept JavaScript from it, it is told once more.
  if (isHeld_ || tables_.meter == nullptr) return false;
  for (uint32_t round = 0; round < kRoundsAlone; round++) {
    isAlone_ = true;
    ReceiveResult result = readBatch();
    isAlone_ = false;
    if (result.frames > 0 || result.runs > 0 || result.messages > 0) {
      isHeld_ = true;
      held_ = result;
      return false;
    }
    if (result.datagrams == 0) return true;
    double* meter = tables_.meter;
    meter[meterLeastWaitUs] = std::min(meter[meterLeastWaitUs], result.waitedUs);
    meter[meterReadUs] = result.readUs;
    if (!receiveMore()) return true;
  }
  return true;
}

ReceiveResult Engine::readBatch() {
  ReceiveResult result;
  batch_++;
  coalescer_.reset();
  transit_.clear();
  auxCursor_ = kReceiveSlots * kMaxFrame;
  uint32_t slot = 0;
  // By turns, so that a flood over one address family does not starve the other.
  ipv6First_ = !ipv6First_;
  if (ipv6First_) receiveFrom(udp_.v6, readable6_, result, slot);
  receiveFrom(udp_.v4, readable4_, result, slot);
  if (!ipv6First_) receiveFrom(udp_.v6, readable6_, result, slot);
  if (result.datagrams > 0) result.waitedUs = result.readUs - shared_.arrivals[0];
  if (result.runs > 0 && tables_.meter != nullptr) relayRuns(result);
  if (result.datagrams > 0) emitFrames(result);
  reassembler_.releaseCompleted();
  reassembler_.expire(static_cast<uint64_t>(result.readUs / 1000));
  const ReassemblyCounters& lost = reassembler_.counters();
  shared_.counters[dropFragment] = static_cast<double>(lost.badPiece + lost.noRoom + lost.overlap + lost.mismatch +
                                                       lost.tooManyGaps + lost.evicted + lost.expired +
                                                       lost.sessionGone + wholeWithoutRoom_);
  return result;
}

void Engine::receiveFrom(UdpSocket& socket, bool& readable, ReceiveResult& result, uint32_t& slot) {
  if (socket.fd < 0) {
    readable = false;
    return;
  }
  if (!readable || slot == kReceiveSlots) return;
  uint32_t room = kReceiveSlots - slot;
  mmsghdr messages[kReceiveSlots];
  iovec vectors[kReceiveSlots];
  alignas(cmsghdr) uint8_t control[kReceiveSlots][CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(timespec))];
  memset(messages, 0, sizeof(mmsghdr) * room);
  for (uint32_t i = 0; i < room; i++) {
    vectors[i] = iovec{shared_.receiveArena + (slot + i) * kMaxFrame, kMaxFrame};
    msghdr& header = messages[i].msg_hdr;
    header.msg_name = &slotAddress_[slot + i].v6;
    header.msg_namelen = sizeof(sockaddr_in6);
    header.msg_iov = &vectors[i];
    header.msg_iovlen = 1;
    header.msg_control = control[i];
    header.msg_controllen = sizeof control[i];
  }
  Moment looked = momentNow();
  int received = recvmmsg(socket.fd, messages, room, MSG_DONTWAIT, nullptr);
  shared_.counters[receiveCalls]++;
  Moment now = momentNow();
  Moment emptied = socket.emptied;
  result.readUs = now.rawUs;
  if (received < static_cast<int>(room)) {
    readable = false;
    socket.emptied = looked;
  }
  for (int i = 0; i < received; i++, slot++) {
    slotAddress_[slot].length = messages[i].msg_hdr.msg_namelen;
    slotAddress_[slot].toPacked(shared_.addresses + slot * kPackedAddressLength);
    uint32_t length = messages[i].msg_len;
    uint32_t segment = length;
    shared_.arrivals[slot] = now.rawUs;
    for (cmsghdr* entry = CMSG_FIRSTHDR(&messages[i].msg_hdr); entry != nullptr;
         entry = CMSG_NXTHDR(&messages[i].msg_hdr, entry)) {
      if (entry->cmsg_level == SOL_SOCKET && entry->cmsg_type == SCM_TIMESTAMPNS) {
        timespec stamp;
        memcpy(&stamp, CMSG_DATA(entry), sizeof stamp);
        shared_.arrivals[slot] -= waitedUs(stamp, emptied, now);
      }
      if (entry->cmsg_level != SOL_UDP || entry->cmsg_type != UDP_GRO) continue;
      int size = 0;
      memcpy(&size, CMSG_DATA(entry), sizeof size);
      if (size > 0) segment = static_cast<uint32_t>(size);
    }
    uint8_t* data = static_cast<uint8_t*>(vectors[i].iov_base);
    if (messages[i].msg_hdr.msg_flags & MSG_TRUNC) {
      shared_.counters[datagramsReceived]++;
      shared_.counters[dropTruncated]++;
      result.datagrams++;
      continue;
    }
    countArrivals(slot, segment == 0 ? 1 : (length + segment - 1) / segment);
    if (length == 0) takeDatagram(data, 0, slot, result);
    for (uint32_t offset = 0; offset < length; offset += segment) {
      uint32_t size = length - offset < segment ? length - offset : segment;
      takeDatagram(data + offset, size, slot, result);
    }
  }
}

void Engine::countArrivals(uint32_t slot, uint32_t datagrams) {
  const SocketAddress& from = slotAddress_[slot];
  // Trains come in rows from one neighbour: the last one found is the first one tried.
  Link* last = usedLink(lastArrivalLink_);
  if (last != nullptr && !last->shadowed && last->to.address.sameAs(from)) {
    last->received += datagrams;
    return;
  }
  for (int32_t link = 0; link <= highestLink_; link++) {
    if (!links_[link].used || links_[link].shadowed || !links_[link].to.address.sameAs(from)) continue;
    links_[link].received += datagrams;
    lastArrivalLink_ = link;
    return;
  }
}

void Engine::takeDatagram(uint8_t* data, uint32_t length, uint32_t slot, ReceiveResult& result) {
  result.datagrams++;
  shared_.counters[datagramsReceived]++;
  shared_.counters[bytesReceived] += length;
  if (result.datagrams > kMaxReceived) {
    shared_.counters[dropBatchFull]++;
    return;
  }
  DatagramClass kind = classify(data, length);
  switch (kind.type) {
    case kTypeRecord:
      takeRecord(data, length, slot, result);
      return;
    case kTypeTransit:
      takeTransit(data, length, slot, result);
      return;
    case 0:
      shared_.counters[dropCounter(kind.drop)]++;
      return;
    default:
      takeHandshake(data, length, slot, -1, 0, result);
  }
}

bool Engine::movedAddress(const Keypair& keypair, uint32_t slot) {
  if (keypair.link < 0) return false;
  const Link* used = usedLink(keypair.link);
  return used == nullptr || !used->to.address.sameAs(slotAddress_[slot]);
}

void Engine::takeRecord(uint8_t* data, uint32_t length, uint32_t slot, ReceiveResult& result) {
  int32_t keypairSlot = keypairs_.find(loadLe32(data + kReceiverOffset));
  Keypair* keypair = keypairs_.at(keypairSlot);
  if (keypair == nullptr) {
    shared_.counters[dropUnknownIndex]++;
    return;
  }
  uint64_t counter = loadLe64(data + kCounterOffset);
  if (!keypair->window.check(counter)) {
    shared_.counters[dropReplay]++;
    return;
  }
  uint8_t* plain = data + kOuterHeader;
  uint32_t sealed = length - kOuterHeader - kTag;
  if (!keypair->opener.open(counter, data, kOuterHeader, plain, sealed, plain + sealed)) {
    shared_.counters[dropAuth]++;
    return;
  }
  keypair->window.accept(counter);
  RecordHeader header = decodeRecordHeader(plain);
  if (header.src != keypair->peer || header.dst != ownNode_ || header.length != sealed - kPlainHeader ||
      (header.kind == kKindFragment && header.length < kFragmentHeader)) {
    shared_.counters[dropHeader]++;
    return;
  }
  keypair->rxRecords++;
  keypair->rxBytes += length;
  shared_.counters[recordsReceived]++;

  uint8_t* payload = plain + kPlainHeader;
  switch (header.kind) {
    case kKindFrame:
      if (header.length == 0) {
        shared_.counters[keepalivesReceived]++;
        addMessage(result, kKindFrame, payload, 0, keypairSlot, slot, -1, header.src);
      } else {
        takeFrame(keypairSlot, *keypair, payload, header.length, header.flags, slot);
      }
      return;
    case kKindFragment: {
      shared_.counters[fragmentsReceived]++;
      const Reassembled* whole =
          reassembler_.add(keypair->peer, decodeFragmentHeader(payload), header.flags,
                           payload + kFragmentHeader, header.length - kFragmentHeader,
                           static_cast<uint64_t>(result.readUs / 1000));
      if (whole == nullptr) return;
      if (auxCursor_ + whole->len > kLaterArena) {
        wholeWithoutRoom_++;
        return;
      }
      // JavaScript sees one arena only.
      uint8_t* copy = shared_.receiveArena + auxCursor_;
      memcpy(copy, whole->data, whole->len);
      auxCursor_ += whole->len;
      takeFrame(keypairSlot, *keypair, copy, whole->len, whole->flags, slot);
      return;
    }
    case kKindProbe:
      shared_.counters[probesReceived]++;
      // Behind a message of its own batch it would be seen before that one.
      if (result.messages == 0 && putOff(*keypair, keypairSlot, payload, header.length, slot)) return;
      addMessage(result, kKindProbe, payload, header.length, keypairSlot, slot, -1, header.src);
      return;
    case kKindControl:
      shared_.counters[controlReceived]++;
      addMessage(result, kKindControl, payload, header.length, keypairSlot, slot, -1, header.src);
      return;
    case kKindPathMtu:
      shared_.counters[pathMtuProbesReceived]++;
      addMessage(result, kKindPathMtu, payload, header.length, keypairSlot, slot, -1, header.src);
      return;
    case kKindPathProbe:
      shared_.counters[pathProbesReceived]++;
      addMessage(result, kKindPathProbe, payload, header.length, keypairSlot, slot, -1, header.src);
      return;
    default:
      shared_.counters[dropKind]++;
  }
}

// What changes nothing when it is seen a little later: a probe over a link that is up, from where it should come, that
// nobody waits for an answer to.
bool Engine::putOff(const Keypair& keypair, int32_t keypairSlot, const uint8_t* payload, uint32_t length, uint32_t slot) {
  if (!isAlone_ || tables_.patient[0] == 0 || length == 0 || (payload[0] & kProbeReplyWanted) != 0) return false;
  if (keypairSlot >= static_cast<int32_t>(kMaxSlots) || tables_.confirmed[keypairSlot] == 0) return false;
  if (tables_.linkState[keypair.peer] != kLinkUp || movedAddress(keypair, slot)) return false;
  const Link* link = usedLink(keypair.link);
  if (link == nullptr || link->shadowed) return false;
  LaterProbe* probe = later_.add(payload, length);
  if (probe == nullptr) return false;
  probe->keypair = keypairSlot;
  probe->localIndex = keypair.localIndex;
  probe->arrivalUs = shared_.arrivals[slot];
  probe->received = link->received;
  memcpy(probe->address, shared_.addresses + slot * kPackedAddressLength, kPackedAddressLength);
  return true;
}

// They came before what is in the batch, so they stand before it.
void Engine::handUpLater(ReceiveResult& result) {
  uint32_t count = later_.count();
  int32_t* words = shared_.messages;
  memmove(words + count * kMessageWords, words, result.messages * kMessageWords * sizeof(int32_t));
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    const LaterProbe& probe = later_.at(i);
    const Keypair* keypair = keypairs_.at(probe.keypair);
    // Its session ended in between, and the slot may be another's.
    if (keypair == nullptr || keypair->localIndex != probe.localIndex) {
      shared_.counters[dropMessageQueue]++;
      continue;
    }
    uint32_t offset = kLaterArena + kept * kMaxLaterBytes;
    memcpy(shared_.receiveArena + offset, probe.payload, probe.length);
    uint32_t slot = kReceiveSlots + kept;
    memcpy(shared_.addresses + slot * kPackedAddressLength, probe.address, kPackedAddressLength);
    shared_.arrivals[slot] = probe.arrivalUs;
    shared_.received[kept] = probe.received;
    writeMessage(words + kept * kMessageWords, kKindProbe, offset, probe.length, probe.keypair, 0, slot, -1, keypair->peer);
    kept++;
  }
  if (kept < count) memmove(words + kept * kMessageWords, words + count * kMessageWords, result.messages * kMessageWords * sizeof(int32_t));
  later_.clear();
  result.messages += kept;
  result.later = kept;
}

void Engine::takeFrame(int32_t keypairSlot, const Keypair& keypair, uint8_t* frame, uint32_t length, uint8_t flags,
                       uint32_t slot) {
  shared_.counters[framesOpened]++;
  if (length < kEthernetHeader) {
    shared_.counters[dropRunt]++;
    return;
  }
  FrameView view;
  bool partial = (flags & kFlagPartialChecksum) != 0;
  // Flag 0x10 promises a TCP or UDP header behind Ethernet; a frame that breaks the promise cannot be completed.
  if (partial && (!parseFrame(frame, length, view) || transportHeaderLength(frame, view) == 0)) {
    shared_.counters[dropPortFrame]++;
    return;
  }
  // Keyed by node, not by keypair, so that order within a flow survives a rekey.
  uint32_t before = coalescer_.count();
  int32_t index =
      coalescer_.add(keypair.peer, frame, length, partial);
  if (index < 0) {
    shared_.counters[dropBatchFull]++;
    return;
  }
  if (static_cast<uint32_t>(index) == before) superInfo_[index] = SuperInfo{keypairSlot, slot};
}

void Engine::emitFrames(ReceiveResult& result) {
  result.frames = coalescer_.count();
  for (uint32_t i = 0; i < result.frames; i++) {
    const SuperFrame& super = coalescer_.at(i);
    int32_t keypairSlot = superInfo_[i].keypair;
    uint32_t slot = superInfo_[i].slot;
    bool moved = movedAddress(*keypairs_.at(keypairSlot), slot);
    int32_t* out = shared_.frames + i * kFrameWords;
    out[0] = static_cast<int32_t>(super.frame - shared_.receiveArena);
    out[1] = static_cast<int32_t>(super.len);
    out[2] = keypairSlot;
    out[3] = (super.partial ? kFramePartial : 0) | (moved ? kFrameMoved : 0);
    out[4] = static_cast<int32_t>(super.pieces);
    out[5] = static_cast<int32_t>(slot);
  }
}

void Engine::takeTransit(uint8_t* data, uint32_t length, uint32_t slot, ReceiveResult& result) {
  int32_t keypairSlot = keypairs_.find(loadLe32(data + kReceiverOffset));
  Keypair* keypair = keypairs_.at(keypairSlot);
  if (keypair == nullptr) {
    shared_.counters[dropUnknownIndex]++;
    return;
  }
  uint64_t counter = loadLe64(data + kCounterOffset);
  if (!keypair->window.check(counter)) {
    shared_.counters[dropReplay]++;
    return;
  }
  uint8_t bound[kOuterHeader + kTransitInnerBound];
  memcpy(bound, data, kOuterHeader);
  memcpy(bound + kOuterHeader, data + kTransitHeader, kTransitInnerBound);
  uint8_t* plain = data + kOuterHeader;
  if (!keypair->opener.open(counter, bound, sizeof bound, plain, kPlainHeader, plain + kPlainHeader)) {
    shared_.counters[dropAuth]++;
    return;
  }
  keypair->window.accept(counter);
  RecordHeader header = decodeRecordHeader(plain);
  uint32_t inner = length - kTransitHeader;
  if (header.length != inner || header.kind != data[kTransitHeader]) {
    shared_.counters[dropHeader]++;
    return;
  }
  keypair->rxRecords++;
  keypair->rxBytes += kTransitHeader;

  if (header.dst == ownNode_) {
    // The last relay takes the header off a record, so only handshakes may arrive in one.
    if (header.kind == kTypeRecord) {
      shared_.counters[dropTransitSelf]++;
    } else {
      takeHandshake(data + kTransitHeader, inner, slot, keypairSlot, header.src, result);
    }
    return;
  }
  shared_.counters[transitReceived]++;
  int32_t kindAndFlags = header.kind | header.flags;
  if (result.runs > 0) {
    int32_t* last = shared_.runs + (result.runs - 1) * kRunWords;
    if (last[2] == keypairSlot && last[3] == header.dst && last[4] == header.src && last[5] == header.ttl &&
        last[6] == kindAndFlags) {
      last[1]++;
      last[7] += static_cast<int32_t>(length);
      transit_.push_back(TransitItem{data, length});
      return;
    }
  }
  int32_t* run = shared_.runs + result.runs * kRunWords;
  result.runs++;
  run[0] = static_cast<int32_t>(transit_.size());
  run[1] = 1;
  run[2] = keypairSlot;
  run[3] = header.dst;
  run[4] = header.src;
  run[5] = header.ttl;
  run[6] = kindAndFlags;
  run[7] = static_cast<int32_t>(length);
  transit_.push_back(TransitItem{data, length});
}

// From the first run that is JavaScript's to decide on, all are: none may overtake an earlier one of its flow.
void Engine::relayRuns(ReceiveResult& result) {
  uint32_t relayed = 0;
  for (; relayed < result.runs; relayed++) {
    const int32_t* words = shared_.runs + relayed * kRunWords;
    const Keypair* keypair = keypairs_.at(words[2]);
    TransitRun run{static_cast<uint32_t>(words[1]), words[2],
                   keypair->peer,                   static_cast<uint16_t>(words[3]),
                   static_cast<uint16_t>(words[4]), static_cast<uint8_t>(words[5]),
                   static_cast<uint8_t>(words[6])};
    RelayedTo to;
    if (!relay(tables_, ownNode_, run, to)) break;
    int32_t* out = shared_.forwards + relayed * kForwardWords;
    out[0] = static_cast<int32_t>(relayed);
    out[1] = to.hop;
    out[2] = to.link;
    out[3] = to.ttl;
    out[4] = run.kindAndFlags;
  }
  if (relayed == 0) return;
  forward(relayed);
  result.runs -= relayed;
  memmove(shared_.runs, shared_.runs + relayed * kRunWords, result.runs * kRunWords * sizeof(int32_t));
  tables_.meter[meterBatches]++;
  tables_.meter[meterTotalUs] += momentNow().rawUs - result.readUs;
}

void Engine::takeHandshake(uint8_t* data, uint32_t length, uint32_t slot, int32_t hopKeypair, uint16_t source,
                           ReceiveResult& result) {
  // In transit the inner datagram was judged by its type only.
  DatagramClass kind = classify(data, length);
  if (kind.type < kTypeInitiation || kind.type > kTypeCookieReply) {
    shared_.counters[kind.type == 0 ? dropCounter(kind.drop) : dropUnknownType]++;
    return;
  }
  if (length > kMaxHandshake) {
    shared_.counters[dropBadLength]++;
    return;
  }
  if (kind.type != kTypeCookieReply) {
    uint8_t expected[kMacLength];
    uint32_t covered = length - 2 * kMacLength;
    if (!mac_.compute(mac1Key_, sizeof mac1Key_, data, covered, expected) ||
        CRYPTO_memcmp(expected, data + covered, kMacLength) != 0) {
      shared_.counters[dropMac1]++;
      return;
    }
  }
  shared_.counters[handshakesReceived]++;
  addMessage(result, 16 + kind.type, data, length, -1, slot, hopKeypair, source);
}

void Engine::addMessage(ReceiveResult& result, int32_t kind, uint8_t* data, uint32_t length, int32_t keypairSlot,
                        uint32_t slot, int32_t hopKeypair, uint16_t source) {
  if (result.messages >= (keypairSlot < 0 ? kMaxMessages - kMemberMessages : kMaxMessages)) {
    shared_.counters[dropMessageQueue]++;
    return;
  }
  Keypair* keypair = keypairs_.at(keypairSlot);
  if (keypair != nullptr) {
    if (keypair->messageBatch != batch_) keypair->messages = 0;
    keypair->messageBatch = batch_;
    if (++keypair->messages > kMessagesEach) {
      shared_.counters[dropMessageQueue]++;
      return;
    }
  }
  writeMessage(shared_.messages + result.messages * kMessageWords, kind, static_cast<uint32_t>(data - shared_.receiveArena), length,
               keypairSlot, keypair != nullptr && movedAddress(*keypair, slot) ? kFrameMoved : 0, slot, hopKeypair, source);
  result.messages++;
}

}  // namespace etherloom

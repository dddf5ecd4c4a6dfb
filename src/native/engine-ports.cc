// Between ports and the arenas.
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bytes.h"
#include "engine.h"
#include "segment.h"

namespace etherloom {

namespace {

constexpr uint32_t kMaxVector = kMaxTcpPieces + 2;

}  // namespace

uint32_t Engine::readPort(int32_t number) {
  portFrameCount_ = 0;
  portCursor_ = 0;
  if (number < 0 || number >= static_cast<int32_t>(kMaxPorts) || ports_[number].fd < 0) return 0;
  Port& port = ports_[number];
  while (portFrameCount_ < kMaxPortFrames && portCursor_ + sizeof(VnetHeader) + kMaxFrame <= kPortArena) {
    uint8_t* at = shared_.portArena + portCursor_;
    ssize_t n = read(port.fd, at, sizeof(VnetHeader) + kMaxFrame);
    if (n < 0) break;
    VnetHeader header = {};
    uint32_t skip = 0;
    if (port.vnet) {
      if (n < static_cast<ssize_t>(sizeof header)) break;
      memcpy(&header, at, sizeof header);
      skip = sizeof header;
    }
    uint32_t length = static_cast<uint32_t>(n) - skip;
    if (acceptPortFrame(number, at + skip, length, header)) {
      // Frames start 64 bytes apart at least, so that neighbours share no cache line.
      portCursor_ += (static_cast<uint32_t>(n) + 63) & ~63u;
    }
  }
  return portFrameCount_;
}

bool Engine::acceptPortFrame(int32_t number, uint8_t* data, uint32_t length, const VnetHeader& given) {
  VnetHeader header = given;
  uint32_t frames = 1;
  double* counters = shared_.counters;
  Counter drop = kCounterCount;
  if (length < kEthernetHeader) {
    drop = dropRunt;
  } else if (header.gsoType != kGsoNone) {
    SegmentPlan plan;
    if (planSegments(data, length, header, plan)) {
      frames = plan.count;
    } else {
      drop = dropUnsegmentable;
    }
  } else if (header.flags & kVnetNeedsCsum) {
    FrameView view;
    bool plain = parseFrame(data, length, view) &&
                 checksumOffsetIsPlain(data, length, header.csumStart, header.csumOffset, view);
    if (!plain) {
      if (!completeChecksum(data, length, header.csumStart, header.csumOffset)) drop = dropPortFrame;
      header.flags = 0;
    }
  }
  counters[framesFromPorts] += frames;
  if (number >= 0) {
    shared_.portStats[number * kPortStats + portFramesIn] += frames;
    shared_.portStats[number * kPortStats + portBytesIn] += length;
  }
  if (drop != kCounterCount) {
    counters[drop] += frames;
    return false;
  }
  int32_t* out = shared_.portFrames + portFrameCount_ * kPortFrameWords;
  out[0] = static_cast<int32_t>(data - shared_.portArena);
  out[1] = static_cast<int32_t>(length);
  out[2] = static_cast<int32_t>(frames);
  out[3] = number;
  portFrames_[portFrameCount_++] = PortFrame{data, length, header};
  return true;
}

bool Engine::inject(const uint8_t* frame, uint32_t length) {
  portFrameCount_ = 0;
  portCursor_ = 0;
  if (length > kMaxFrame) {
    shared_.counters[framesFromPorts]++;
    shared_.counters[dropPortFrame]++;
    return false;
  }
  memcpy(shared_.portArena, frame, length);
  return acceptPortFrame(-1, shared_.portArena, length, VnetHeader{});
}

void Engine::writePorts(uint32_t count) {
  if (count > kMaxReceived) count = kMaxReceived;
  for (uint32_t i = 0; i < count; i++) {
    const int32_t* entry = shared_.writes + i * kWriteWords;
    uint32_t index = static_cast<uint32_t>(entry[1]);
    int32_t number = entry[2];
    bool fromMesh = entry[0] == 0;
    if (index >= (fromMesh ? coalescer_.count() : portFrameCount_)) continue;
    if (number < 0 || number >= static_cast<int32_t>(kMaxPorts) || ports_[number].fd < 0) {
      const int32_t* frame = fromMesh ? shared_.frames + index * kFrameWords + 4 : shared_.portFrames + index * kPortFrameWords + 2;
      shared_.counters[dropPortError] += *frame;
    } else if (fromMesh) {
      writeSuper(ports_[number], number, index);
    } else {
      writeFrame(ports_[number], number, portFrames_[index]);
    }
  }
}

bool Engine::writeVector(Port& port, int32_t number, const iovec* vector, int pieces, uint32_t frames,
                         uint32_t bytes) {
  double* stats = shared_.portStats + number * kPortStats;
  if (writev(port.fd, vector, pieces) < 0) {
    Counter reason = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? dropPortFull
                     : errno == EINVAL                                      ? dropPortFrame
                                                                            : dropPortError;
    shared_.counters[reason] += frames;
    stats[portDrops] += frames;
    return false;
  }
  shared_.counters[framesToPorts] += frames;
  stats[portFramesOut] += frames;
  stats[portBytesOut] += bytes;
  return true;
}

void Engine::writeSuper(Port& port, int32_t number, uint32_t index) {
  SuperFrame& super = coalescer_.at(index);
  VnetHeader header = {};
  iovec vector[kMaxVector];
  // Kernels before 6.2 take no UDP super-frames.
  const bool refused = super.pieces > 1 && super.gsoType == kGsoUdpSegments && !port.uso;
  if (port.vnet && !refused) {
    int used = 0;
    vector[used++] = iovec{&header, sizeof header};
    uint8_t headers[kSuperHeaderCapacity];
    uint32_t headerLength = 0;
    uint32_t bytes = super.len;
    if (super.headerLen > 0 && finishSuper(super, headers, headerLength, header)) {
      vector[used++] = iovec{headers, headerLength};
      bytes = headerLength + super.payload;
      for (int32_t p = super.first; p >= 0; p = coalescer_.piece(p).next) {
        Piece& piece = coalescer_.piece(p);
        vector[used++] = iovec{piece.data, piece.len};
      }
    } else {
      if (super.partial && !preparePartialChecksum(super.frame, super.len, super.view, header)) header = VnetHeader{};
      vector[used++] = iovec{super.frame, super.len};
    }
    writeVector(port, number, vector, used, super.pieces, bytes);
    return;
  }
  // Such a port, and one without virtio header, takes the frames one by one, as they came, checksums finished.
  uint32_t pieces = super.headerLen > 0 ? super.pieces : 1;
  int32_t p = super.first;
  for (uint32_t i = 0; i < pieces; i++) {
    uint8_t* frame = super.frame;
    uint32_t length = super.len;
    if (super.headerLen > 0) {
      Piece& piece = coalescer_.piece(p);
      frame = piece.data - super.headerLen;
      length = super.headerLen + piece.len;
      p = piece.next;
    }
    FrameView view;
    if (super.partial && parseFrame(frame, length, view)) recomputeTransportChecksum(frame, length, view);
    int used = 0;
    if (port.vnet) vector[used++] = iovec{&header, sizeof header};
    vector[used++] = iovec{frame, length};
    writeVector(port, number, vector, used, 1, length);
  }
}

void Engine::writeFrame(Port& port, int32_t number, const PortFrame& frame) {
  iovec vector[2];
  VnetHeader header = frame.header;
  uint32_t frames = 1;
  SegmentPlan plan;
  bool segmented = header.gsoType != kGsoNone && planSegments(frame.data, frame.length, header, plan);
  if (segmented) frames = plan.count;
  if (port.vnet) {
    vector[0] = iovec{&header, sizeof header};
    vector[1] = iovec{frame.data, frame.length};
    writeVector(port, number, vector, 2, frames, frame.length);
    return;
  }
  std::vector<uint8_t> copy;
  for (uint32_t i = 0; i < frames; i++) {
    if (segmented) {
      copy.resize(plan.headerLen);
      uint32_t offset = 0;
      uint32_t length = 0;
      writeSegment(plan, i, copy.data(), offset, length);
      copy.insert(copy.end(), frame.data + offset, frame.data + offset + length);
    } else {
      copy.assign(frame.data, frame.data + frame.length);
    }
    FrameView view;
    uint32_t length = static_cast<uint32_t>(copy.size());
    if ((segmented || (header.flags & kVnetNeedsCsum)) && parseFrame(copy.data(), length, view)) {
      recomputeTransportChecksum(copy.data(), length, view);
    }
    vector[0] = iovec{copy.data(), length};
    writeVector(port, number, vector, 1, 1, length);
  }
}

uint32_t Engine::exportFrames(int32_t source, uint32_t index, uint8_t* out, uint32_t capacity) {
  uint32_t used = 0;
  auto append = [&](const uint8_t* a, uint32_t aLength, const uint8_t* b, uint32_t bLength, bool finish) {
    uint32_t length = aLength + bLength;
    if (used + 4 + length > capacity) return;
    uint8_t* frame = out + used + 4;
    storeLe32(out + used, length);
    memcpy(frame, a, aLength);
    if (bLength > 0) memcpy(frame + aLength, b, bLength);
    FrameView view;
    if (finish && parseFrame(frame, length, view)) recomputeTransportChecksum(frame, length, view);
    used += 4 + length;
  };
  if (source == 0) {
    if (index >= coalescer_.count()) return 0;
    const SuperFrame& super = coalescer_.at(index);
    if (super.headerLen == 0) {
      append(super.frame, super.len, nullptr, 0, super.partial);
      return used;
    }
    for (int32_t p = super.first; p >= 0; p = coalescer_.piece(p).next) {
      const Piece& piece = coalescer_.piece(p);
      append(piece.data - super.headerLen, super.headerLen + piece.len, nullptr, 0, super.partial);
    }
    return used;
  }
  if (index >= portFrameCount_) return 0;
  const PortFrame& frame = portFrames_[index];
  SegmentPlan plan;
  if (frame.header.gsoType != kGsoNone && planSegments(frame.data, frame.length, frame.header, plan)) {
    uint8_t headers[kMaxSegmentHeader];
    for (uint32_t i = 0; i < plan.count; i++) {
      uint32_t offset = 0;
      uint32_t length = 0;
      writeSegment(plan, i, headers, offset, length);
      append(headers, plan.headerLen, frame.data + offset, length, true);
    }
  } else {
    append(frame.data, frame.length, nullptr, 0, (frame.header.flags & kVnetNeedsCsum) != 0);
  }
  return used;
}

}  // namespace etherloom

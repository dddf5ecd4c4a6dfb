// Joins consecutive segments of one TCP or UDP flow into super-frames before a port with segmentation offload
// is written: the reverse of segment.h, and exactly so (re-segmenting gives the original frames back, the
// transport checksum aside, which nobody computed yet). Zero copy: a super-frame is a list of payload pieces
// that stay in the buffer they were opened in.
//
//   SuperFrame  frame ---> [ headers | payload ]                first piece
//               first -> Piece -> Piece -> ... -> last          each: [ its own headers | data ... len ]
//
// A super-frame stays open for joining while it is among the 16 most recently used flows and nothing of its
// flow came that could not join; so frames of one flow leave in the order they came.
#pragma once

#include <cstdint>
#include <memory>

#include "frame.h"
#include "vnet.h"

namespace etherloom {

constexpr uint32_t kMaxTcpPieces = 128;
constexpr uint32_t kMaxUdpPieces = 64;           // UDP_MAX_SEGMENTS of all but the newest kernels
constexpr uint32_t kMaxSuperLength = 65000;      // bytes, headers included
constexpr uint32_t kSuperHeaderCapacity = 192;   // bytes finishSuper() may write

struct Piece {
  uint8_t* data;  // payload; the frame it came in starts at data - headerLen, headers intact
  uint32_t len;
  int32_t next;  // index of the next piece, or -1
};

struct SuperFrame {
  uint8_t* frame;      // the first frame
  uint32_t len;        // length of the first frame
  uint32_t key;        // the caller's, e.g. source and port; only equal keys join
  uint16_t headerLen;  // 0: never coalescible; write frame/len alone (preparePartialChecksum() if `partial`)
  uint16_t gsoSize;    // payload bytes of the first piece
  uint32_t payload;    // payload bytes of all pieces; 0 with headerLen 0
  uint16_t pieces;     // frames joined, >= 1
  int32_t first;       // first piece, -1 with headerLen 0
  int32_t last;
  uint8_t gsoType;   // virtio type for two pieces and more; kGsoNone with one
  bool partial;      // came with flag 0x10: the transport checksum is to be computed or offloaded
  bool push;         // PSH of the last piece
  bool parsed;       // view is valid: frame is Ethernet
  FrameView view;    // of the first frame
};

class Coalescer {
 public:
  /// Room for `capacity` frames a batch, allocated here once.
  explicit Coalescer(uint32_t capacity);

  /// Forgets everything; call before each batch.
  void reset();

  /// Adds a frame, which must stay in place until the batch is written. Returns the index of the super-frame
  /// it joined or opened, -1 when `capacity` frames were added already.
  int32_t add(uint32_t key, uint8_t* frame, uint32_t len, bool partialChecksum);

  uint32_t count() const { return superCount_; }
  SuperFrame& at(uint32_t index) { return supers_[index]; }
  const SuperFrame& at(uint32_t index) const { return supers_[index]; }
  Piece& piece(int32_t index) { return pieces_[index]; }
  const Piece& piece(int32_t index) const { return pieces_[index]; }

 private:
  static constexpr uint32_t kOpenFlows = 16;

  // One super-frame that may still grow. The first words reject a foreign flow cheaply.
  struct OpenFlow {
    uint64_t addresses;  // mix of the IP addresses
    uint32_t ports;      // both ports as they lie in memory
    uint32_t key;
    uint32_t super;        // index
    uint32_t nextSequence;  // TCP: of the next segment
    uint16_t nextId;        // IPv4 identification of the next segment
    uint8_t protocol;
    uint8_t ipVersion;
  };

  int32_t find(const OpenFlow& flow) const;
  bool joins(const OpenFlow& flow, const SuperFrame& super, const uint8_t* frame, const FrameView& view,
             uint32_t headerLen, uint32_t payload) const;
  void append(SuperFrame& super, uint8_t* data, uint32_t payload);
  void close(uint32_t slot);
  void closeAddresses(const OpenFlow& flow);
  void makeMostRecent(uint32_t slot);

  uint32_t capacity_;
  uint32_t added_ = 0;
  uint32_t superCount_ = 0;
  uint32_t pieceCount_ = 0;
  uint32_t openCount_ = 0;
  std::unique_ptr<SuperFrame[]> supers_;
  std::unique_ptr<Piece[]> pieces_;
  OpenFlow open_[kOpenFlows];  // most recently used last
};

/// Writes the header of a super-frame for a port with a virtio header: lengths, IPv4 checksum, PSH of the last
/// piece, pseudo-header sum in the checksum field. The frame to write is `vnet`, headerOut[0, headerLen), then
/// the pieces' data. False when headerLen is 0 (see SuperFrame).
bool finishSuper(const SuperFrame& super, uint8_t* headerOut, uint32_t& headerLen, VnetHeader& vnet);

}  // namespace etherloom

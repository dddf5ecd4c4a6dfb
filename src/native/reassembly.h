// Frames put together again from overlay fragments (record kind 4), bounded in number, bytes and time.
//
// A frame is dropped whole when pieces overlap or disagree on its length or flags. When a bound is reached the
// oldest incomplete frame (of the session, then of all) gives way: after loss it is the one least likely to
// complete.
#pragma once

#include <cstdint>
#include <memory>

#include "record.h"

namespace etherloom {

constexpr uint32_t kFramesPerSession = 64;        // incomplete
constexpr uint32_t kSessionBytes = 512 << 10;      // incomplete; what they say their frames are long
constexpr uint32_t kFramesInAll = 1024;           // incomplete
constexpr uint32_t kReassemblyBytes = 16 << 20;   // incomplete and completed, in all
constexpr uint64_t kReassemblyTimeoutMs = 500;

struct Reassembled {
  uint8_t* data;
  uint32_t len;
  uint8_t flags;
};

struct ReassemblyCounters {
  uint64_t completed;
  // Pieces not taken:
  uint64_t badPiece;  // empty, or beyond the frame's total
  uint64_t noRoom;    // more frames completed in one batch than there is room for
  // Frames given up:
  uint64_t overlap;
  uint64_t mismatch;    // total or flags differ between pieces
  uint64_t tooManyGaps;  // more than 16 separate ranges
  uint64_t evicted;      // a bound was reached
  uint64_t expired;
  uint64_t sessionGone;
};

class Reassembler {
 public:
  Reassembler();

  /// Adds a piece of `len` bytes from session `key`. Returns the whole frame when it is complete, valid until
  /// releaseCompleted(); otherwise nullptr. The clock is the caller's, monotonic, in milliseconds.
  const Reassembled* add(uint32_t key, const FragmentHeader& header, uint8_t flags, const uint8_t* piece,
                         uint32_t len, uint64_t nowMs);

  /// Frees the frames that add() returned; call once per batch.
  void releaseCompleted();
  /// Gives up frames whose first piece came 500 ms ago or longer.
  void expire(uint64_t nowMs);
  /// Gives up the session's frames.
  void dropSession(uint32_t key);

  const ReassemblyCounters& counters() const { return counters_; }
  /// Frames incomplete now, and bytes held for them and for completed ones.
  uint32_t pending() const { return pending_; }
  uint32_t heldBytes() const { return heldBytes_; }

 private:
  static constexpr uint32_t kSlots = 2 * kFramesInAll;  // incomplete and completed
  static constexpr uint32_t kBuckets = 1024;
  static constexpr uint32_t kMaxRanges = 16;
  static constexpr uint32_t kSmallBuffer = 2048;  // bytes; kept with its slot, larger ones are freed
  static constexpr int32_t kNone = -1;

  struct Range {
    uint16_t start;
    uint16_t end;
  };

  struct Slot {
    Reassembled frame;
    uint64_t bornMs;
    uint32_t key;
    uint32_t id;
    int32_t chain;  // next in the bucket; next completed or free slot
    int32_t older;
    int32_t newer;
    uint32_t rangeCount;
    Range ranges[kMaxRanges];  // received, sorted, neither touching nor overlapping
    std::unique_ptr<uint8_t[]> buffer;
    uint32_t capacity;
  };

  enum class Mark : uint8_t { added, overlap, full };

  static uint32_t bucketOf(uint32_t key);
  static Mark mark(Slot& slot, uint16_t start, uint16_t end);
  int32_t open(uint32_t key, const FragmentHeader& header, uint8_t flags, uint64_t nowMs);
  void unlink(int32_t index);
  void release(int32_t index);
  void giveUp(int32_t index, uint64_t& counter);

  std::unique_ptr<Slot[]> slots_;
  int32_t buckets_[kBuckets];
  int32_t free_;
  int32_t completed_ = kNone;
  int32_t oldest_ = kNone;
  int32_t newest_ = kNone;
  uint32_t pending_ = 0;
  uint32_t heldBytes_ = 0;
  ReassemblyCounters counters_{};
};

}  // namespace etherloom

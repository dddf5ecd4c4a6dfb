#include "reassembly.h"

namespace etherloom {

Reassembler::Reassembler() : slots_(new Slot[kSlots]), free_(kNone) {
  for (int32_t& head : buckets_) head = kNone;
  for (int32_t i = kSlots; i-- > 0;) {
    slots_[i].capacity = 0;
    slots_[i].chain = free_;
    free_ = i;
  }
}

uint32_t Reassembler::bucketOf(uint32_t key) { return (key * 0x9e3779b1u) >> 22; }

// All frames of a session hang in one bucket, newest first: at most kFramesPerSession, and usually one.
int32_t Reassembler::open(uint32_t key, const FragmentHeader& header, uint8_t flags, uint64_t nowMs) {
  // The newest ones that leave room for this one stay.
  uint32_t ofSession = 0;
  uint32_t bytes = header.total;
  for (int32_t i = buckets_[bucketOf(key)]; i != kNone;) {
    const int32_t next = slots_[i].chain;
    if (slots_[i].key == key) {
      ofSession++;
      bytes += slots_[i].frame.len;
      if (ofSession >= kFramesPerSession || bytes > kSessionBytes) giveUp(i, counters_.evicted);
    }
    i = next;
  }
  if (pending_ >= kFramesInAll) giveUp(oldest_, counters_.evicted);
  while (heldBytes_ + header.total > kReassemblyBytes && oldest_ != kNone) giveUp(oldest_, counters_.evicted);
  if (heldBytes_ + header.total > kReassemblyBytes || free_ == kNone) {
    counters_.noRoom++;
    return kNone;
  }

  const int32_t index = free_;
  Slot& slot = slots_[index];
  free_ = slot.chain;
  if (slot.capacity < header.total) {
    slot.capacity = header.total <= kSmallBuffer ? kSmallBuffer : header.total;
    slot.buffer.reset(new uint8_t[slot.capacity]);
  }
  slot.frame = Reassembled{slot.buffer.get(), header.total, flags};
  slot.bornMs = nowMs;
  slot.key = key;
  slot.id = header.id;
  slot.rangeCount = 0;
  int32_t& head = buckets_[bucketOf(key)];
  slot.chain = head;
  head = index;
  slot.older = newest_;
  slot.newer = kNone;
  if (newest_ != kNone) slots_[newest_].newer = index;
  newest_ = index;
  if (oldest_ == kNone) oldest_ = index;
  pending_++;
  heldBytes_ += header.total;
  return index;
}

// Takes an incomplete frame out of its bucket and the list of ages.
void Reassembler::unlink(int32_t index) {
  Slot& slot = slots_[index];
  int32_t* link = &buckets_[bucketOf(slot.key)];
  while (*link != index) link = &slots_[*link].chain;
  *link = slot.chain;
  if (slot.older != kNone) slots_[slot.older].newer = slot.newer;
  if (slot.newer != kNone) slots_[slot.newer].older = slot.older;
  if (oldest_ == index) oldest_ = slot.newer;
  if (newest_ == index) newest_ = slot.older;
  pending_--;
}

// Returns an unlinked slot to the free ones.
void Reassembler::release(int32_t index) {
  Slot& slot = slots_[index];
  heldBytes_ -= slot.frame.len;
  if (slot.capacity > kSmallBuffer) {
    slot.buffer.reset();
    slot.capacity = 0;
  }
  slot.chain = free_;
  free_ = index;
}

void Reassembler::giveUp(int32_t index, uint64_t& counter) {
  counter++;
  unlink(index);
  release(index);
}

Reassembler::Mark Reassembler::mark(Slot& slot, uint16_t start, uint16_t end) {
  uint32_t at = 0;
  while (at < slot.rangeCount && slot.ranges[at].start < start) at++;
  if (at > 0 && slot.ranges[at - 1].end > start) return Mark::overlap;
  if (at < slot.rangeCount && slot.ranges[at].start < end) return Mark::overlap;
  const bool touchesLeft = at > 0 && slot.ranges[at - 1].end == start;
  const bool touchesRight = at < slot.rangeCount && slot.ranges[at].start == end;
  if (touchesLeft && touchesRight) {
    slot.ranges[at - 1].end = slot.ranges[at].end;
    slot.rangeCount--;
    for (uint32_t i = at; i < slot.rangeCount; i++) slot.ranges[i] = slot.ranges[i + 1];
  } else if (touchesLeft) {
    slot.ranges[at - 1].end = end;
  } else if (touchesRight) {
    slot.ranges[at].start = start;
  } else {
    if (slot.rangeCount == kMaxRanges) return Mark::full;
    for (uint32_t i = slot.rangeCount; i > at; i--) slot.ranges[i] = slot.ranges[i - 1];
    slot.ranges[at] = Range{start, end};
    slot.rangeCount++;
  }
  return Mark::added;
}

const Reassembled* Reassembler::add(uint32_t key, const FragmentHeader& header, uint8_t flags,
                                    const uint8_t* piece, uint32_t len, uint64_t nowMs) {
  expire(nowMs);
  if (len == 0 || len > header.total || header.offset > header.total - len) {
    counters_.badPiece++;
    return nullptr;
  }
  int32_t index = buckets_[bucketOf(key)];
  while (index != kNone && (slots_[index].key != key || slots_[index].id != header.id)) {
    index = slots_[index].chain;
  }
  if (index == kNone) {
    index = open(key, header, flags, nowMs);
    if (index == kNone) return nullptr;
  }
  Slot& slot = slots_[index];
  if (slot.frame.len != header.total || slot.frame.flags != flags) {
    giveUp(index, counters_.mismatch);
    return nullptr;
  }
  const Mark result = mark(slot, header.offset, static_cast<uint16_t>(header.offset + len));
  if (result != Mark::added) {
    giveUp(index, result == Mark::overlap ? counters_.overlap : counters_.tooManyGaps);
    return nullptr;
  }
  std::memcpy(slot.frame.data + header.offset, piece, len);
  if (slot.rangeCount != 1 || slot.ranges[0].start != 0 || slot.ranges[0].end != header.total) return nullptr;
  unlink(index);
  slot.chain = completed_;
  completed_ = index;
  counters_.completed++;
  return &slot.frame;
}

void Reassembler::releaseCompleted() {
  while (completed_ != kNone) {
    const int32_t index = completed_;
    completed_ = slots_[index].chain;
    release(index);
  }
}

void Reassembler::expire(uint64_t nowMs) {
  while (oldest_ != kNone && nowMs >= slots_[oldest_].bornMs + kReassemblyTimeoutMs) {
    giveUp(oldest_, counters_.expired);
  }
}

void Reassembler::dropSession(uint32_t key) {
  int32_t index = buckets_[bucketOf(key)];
  while (index != kNone) {
    const int32_t next = slots_[index].chain;
    if (slots_[index].key == key) giveUp(index, counters_.sessionGone);
    index = next;
  }
}

}  // namespace etherloom

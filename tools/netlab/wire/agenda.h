// All packets on their way, the next to leave first; of equal times, the one that entered first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace netlab {

struct Due {
  int64_t atNs;
  uint64_t sequence;
  uint32_t slot;       // where the frame is
  uint32_t direction;
  uint32_t era;        // of its direction when it entered
};

class Agenda {
 public:
  explicit Agenda(size_t capacity) { heap_.reserve(capacity); }

  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  // INT64_MAX of nothing
  int64_t nextNs() const { return heap_.empty() ? INT64_MAX : heap_.front().atNs; }

  void add(int64_t atNs, uint32_t slot, uint32_t direction, uint32_t era) {
    heap_.push_back({atNs, sequence_++, slot, direction, era});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  Due take() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Due due = heap_.back();
    heap_.pop_back();
    return due;
  }

 private:
  static bool later(const Due& a, const Due& b) {
    return a.atNs != b.atNs ? a.atNs > b.atNs : a.sequence > b.sequence;
  }

  std::vector<Due> heap_;
  uint64_t sequence_ = 0;
};

}  // namespace netlab

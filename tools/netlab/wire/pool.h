// Where frames wait: slots of one size in one reservation, which takes memory only as far as it was ever used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace netlab {

class Pool {
 public:
  // Fails (ready() is false) when the address space cannot be reserved.
  Pool(uint32_t slots, uint32_t slotBytes);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  bool ready() const { return memory_ != nullptr; }
  uint32_t slotBytes() const { return slotBytes_; }

  uint8_t* data(uint32_t slot) { return memory_ + static_cast<size_t>(slot) * slotBytes_; }
  uint32_t& length(uint32_t slot) { return lengths_[slot]; }

  bool empty() const { return free_.empty(); }
  // The slot used last comes first, so that little memory stays warm. Not to be called when empty.
  uint32_t take() {
    uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void give(uint32_t slot) { free_.push_back(slot); }

 private:
  uint32_t slotBytes_;
  size_t bytes_;
  uint8_t* memory_;
  std::vector<uint32_t> lengths_;
  std::vector<uint32_t> free_;
};

}  // namespace netlab

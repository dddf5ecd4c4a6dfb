// The replay window of a session: which of the last 65 536 counters were seen (RFC 6479 in spirit: a ring
// bitmap that is cleared ahead instead of shifted).
//
//        next - 65536                       next - 1   next
//  ------+----------------------------------+----------+--------
//  too old | one bit each, at counter mod 65536        | new: the bits from next up to it are cleared
//
// check() before authentication is cheap; accept() only after it, or strangers could move the window.
#pragma once

#include <cstdint>
#include <cstring>

namespace etherloom {

class ReplayWindow {
 public:
  static constexpr uint64_t kSize = 65536;             // counters
  static constexpr uint64_t kLimit = uint64_t{1} << 63;  // counters from here on are refused

  ReplayWindow() { reset(); }

  void reset() {
    next_ = 0;
    std::memset(words_, 0, sizeof words_);
  }

  /// True if accept() would return true.
  bool check(uint64_t counter) const {
    if (counter >= kLimit) return false;
    if (counter >= next_) return true;
    if (next_ - counter > kSize) return false;
    return (words_[(counter / 64) % kWords] >> (counter % 64) & 1) == 0;
  }

  /// Marks the counter as seen. False: replayed, too old, or beyond kLimit; nothing changes then.
  bool accept(uint64_t counter) {
    if (!check(counter)) return false;
    if (counter >= next_) {
      if (counter != next_) clear(next_, counter);
      next_ = counter + 1;
    }
    words_[(counter / 64) % kWords] |= uint64_t{1} << (counter % 64);
    // The slot of a counter that is new may hold the bit of the one 65 536 earlier: set is what it must be.
    return true;
  }

  /// The lowest counter not yet exceeded.
  uint64_t next() const { return next_; }

 private:
  static constexpr uint64_t kWords = kSize / 64;

  // Clears the bits of counters [from, to).
  void clear(uint64_t from, uint64_t to) {
    if (to - from >= kSize) {
      std::memset(words_, 0, sizeof words_);
      return;
    }
    while (from < to) {
      const uint64_t bit = from % 64;
      const uint64_t left = to - from;
      const uint64_t span = left < 64 - bit ? left : 64 - bit;
      const uint64_t mask = span == 64 ? ~uint64_t{0} : ((uint64_t{1} << span) - 1) << bit;
      words_[(from / 64) % kWords] &= ~mask;
      from += span;
    }
  }

  uint64_t next_;
  uint64_t words_[kWords];
};

}  // namespace etherloom

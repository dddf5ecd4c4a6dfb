// When the wire need not look at what comes in: a frame that may not leave for two milliseconds can lie in the socket for
// one, since its time of arrival is the kernel's. Waking up for each costs a busy lab's processors half of what the wire
// uses, and stands in the way of those that the frames are for.
//
//   read ──────── lull ────────▶ read         not read: those that came since, due a whole delay after they came
//     └──────────── least delay of all directions ────────▶ the earliest that one of them may leave
#pragma once

#include <algorithm>
#include <cstdint>

#include "clock.h"

namespace netlab {

class Lull {
 public:
  // Frames were read at `nowNs`.
  void received(int64_t nowNs) {
    isBusy_ = nowNs - lastNs_ < kBusyNs;
    lastNs_ = nowNs;
  }

  // Until when nobody needs to look when everything was read at `nowNs`; that itself: look. Where little
  // comes in, waking up for nothing would cost more than it saves.
  int64_t untilNs(int64_t nowNs, int64_t leastDelayNs) const {
    if (!isBusy_ || nowNs - lastNs_ >= kBusyNs) return nowNs;
    return nowNs + std::clamp(leastDelayNs - kSpareNs, int64_t{0}, kLongestNs);
  }

 private:
  static constexpr int64_t kLongestNs = 2 * kMillisecond;
  // Frames so close to each other are worth it: a lull lies between two of them.
  static constexpr int64_t kBusyNs = 2 * kLongestNs;
  // For waking up, and for leaving early.
  static constexpr int64_t kSpareNs = kMillisecond / 2;

  int64_t lastNs_ = INT64_MIN / 2;
  bool isBusy_ = false;
};

}  // namespace netlab

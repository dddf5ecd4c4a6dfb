// How long before a frame is due the wire has to wake up, so that as many frames leave early as late. Waking up and
// sending take from thirty to two hundred microseconds, by the machine and by what else it does, so this is learned: each
// frame that was slept for moves the estimate a little, late ones up and early ones down, which makes it the median.
#pragma once

#include <algorithm>
#include <cstdint>

#include "clock.h"

namespace netlab {

class Punctuality {
 public:
  int64_t aheadNs() const { return aheadNs_; }

  // A frame that was due at `dueNs`, and slept for, had left at `leftNs`.
  void slept(int64_t dueNs, int64_t leftNs) {
    aheadNs_ += leftNs > dueNs ? kStepNs : -kStepNs;
    aheadNs_ = std::clamp(aheadNs_, int64_t{0}, kMostNs);
  }

 private:
  static constexpr int64_t kStepNs = kMicrosecond / 2;
  // What would be more is a machine that stands still: nothing may leave earlier than a delay's accuracy allows.
  static constexpr int64_t kMostNs = 150 * kMicrosecond;

  int64_t aheadNs_ = 50 * kMicrosecond;
};

}  // namespace netlab

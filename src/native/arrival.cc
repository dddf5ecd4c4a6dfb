#include "arrival.h"

#include <math.h>

namespace etherloom {

namespace {

// The kernel slews CLOCK_REALTIME by up to a tenth, and NTP's frequency correction comes on top.
constexpr double kSlewed = 0.12;
constexpr double kTogetherUs = 1000;
// A thread may lose the processor between two clocks.
constexpr double kOneMomentUs = 50;
constexpr int kTries = 4;

double inMicroseconds(const timespec& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

}  // namespace

double microseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return inMicroseconds(now);
}

Moment momentNow() {
  Moment moment;
  for (int i = 0; i < kTries; i++) {
    double before = microseconds(CLOCK_MONOTONIC_RAW);
    moment.wallUs = microseconds(CLOCK_REALTIME);
    moment.rawUs = microseconds(CLOCK_MONOTONIC_RAW);
    if (moment.rawUs - before < kOneMomentUs) break;
  }
  return moment;
}

double waitedUs(const timespec& stamp, const Moment& emptied, const Moment& now) {
  double passed = now.rawUs - emptied.rawUs;
  double tolerance = passed * kSlewed + kTogetherUs;
  if (fabs(now.wallUs - emptied.wallUs - passed) > tolerance) return 0;
  double waited = now.wallUs - inMicroseconds(stamp);
  return waited > 0 && waited < passed + tolerance ? waited : 0;
}

}  // namespace etherloom

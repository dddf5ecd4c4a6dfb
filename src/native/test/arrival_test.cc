// When a datagram came, by two clocks one of which may be set.
#include "../arrival.h"

#include <cmath>

#include "cases.h"
#include "harness.h"

namespace etherloom::test {

namespace {

constexpr double kWallUs = 1.8e15;
constexpr double kMs = 1000;
constexpr double kSecond = 1e6;

timespec stampAt(double wallUs) {
  timespec stamp;
  stamp.tv_sec = static_cast<time_t>(wallUs / 1e6);
  stamp.tv_nsec = static_cast<long>((wallUs - static_cast<double>(stamp.tv_sec) * 1e6) * 1e3);
  return stamp;
}

bool near(double a, double b) { return std::fabs(a - b) < 1; }

}  // namespace

void waitsAreReadOffTheStamp() {
  Moment emptied{5 * kSecond, kWallUs};
  // Read 20 ms after the socket was empty, or four seconds: the thread had no processor.
  for (double passed : {20 * kMs, 4 * kSecond}) {
    Moment now{emptied.rawUs + passed, kWallUs + passed};
    for (double part : {0.1, 0.5, 0.95}) {
      double waited = passed * part;
      REQUIRE(near(waitedUs(stampAt(now.wallUs - waited), emptied, now), waited));
    }
  }
}

void slewedWallClocksAreBelieved() {
  Moment emptied{0, kWallUs};
  Moment now{2 * kSecond, kWallUs + 2.2 * kSecond};
  REQUIRE(near(waitedUs(stampAt(now.wallUs - 2.1 * kSecond), emptied, now), 2.1 * kSecond));
}

void noWaitIsReadOffAWallClockThatWasSet() {
  Moment emptied{0, kWallUs};
  for (double step : {-3600 * kSecond, -0.5 * kSecond, 0.5 * kSecond, 3 * kSecond, 3600 * kSecond}) {
    Moment now{kSecond, kWallUs + kSecond + step};
    // Stamped before it was set, and after.
    REQUIRE(waitedUs(stampAt(kWallUs + 0.9 * kSecond), emptied, now) == 0);
    REQUIRE(waitedUs(stampAt(now.wallUs - 0.1 * kSecond), emptied, now) == 0);
  }
}

void nothingWaitedLongerThanItsSocketWasInUse() {
  Moment emptied{0, kWallUs};
  Moment now{10 * kMs, kWallUs + 10 * kMs};
  REQUIRE(waitedUs(stampAt(now.wallUs - 20 * kMs), emptied, now) == 0);
  REQUIRE(waitedUs(stampAt(now.wallUs + 5 * kMs), emptied, now) == 0);
}

void aMomentIsOneOfBothClocks() {
  Moment before = momentNow();
  for (int i = 0; i < 1000; i++) {
    Moment now = momentNow();
    REQUIRE(now.rawUs >= before.rawUs);
    // They run at the same rate but for slewing; 5 ms is what a busy machine may put between two readings, thrice.
    REQUIRE(std::fabs((now.wallUs - before.wallUs) - (now.rawUs - before.rawUs)) < 5 * kMs);
    before = now;
  }
}

}  // namespace etherloom::test

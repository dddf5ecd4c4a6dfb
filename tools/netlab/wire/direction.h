// One direction of a wire: what befalls a packet that enters, and when it leaves. Pure: the clock is an argument.
//
//   entered ──► cut? ──► too big? ──► rate (a queue) ──► lost? ──► delay ± jitter ──► in order ──► leaves, maybe twice
#pragma once

#include <cstdint>

namespace netlab {

struct Parameters {
  int64_t delayNs = 0;
  int64_t jitterNs = 0;   // each packet draws evenly from delay - jitter .. delay + jitter
  double loss = 0;        // shares, 0..1
  double duplicate = 0;
  double reorder = 0;     // held back by reorderNs, and overtaken
  int64_t reorderNs = 5'000'000;
  double nsPerByte = 0;   // of the IP packet; 0 = no limit
  int64_t queueNs = 200'000'000;  // at most this much waits for the rate
  uint32_t mtu = 65535;   // of the IP packet; larger ones vanish
};

struct Counters {
  uint64_t entered = 0;
  uint64_t left = 0;
  uint64_t leftBytes = 0;
  uint64_t duplicated = 0;
  uint64_t heldBack = 0;
  // Why others did not leave:
  uint64_t lost = 0;
  uint64_t tooBig = 0;
  uint64_t overflow = 0;  // the rate's queue or the wire's memory was full
  uint64_t cut = 0;
  uint64_t unsent = 0;    // the interface did not take it
};

// splitmix64 (Steele, Lea, Flood 2014): the same seed, the same losses.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // 0 <= value < 1
  double share() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
  }

 private:
  uint64_t state_;
};

constexpr int kMaxCopies = 2;

class Direction {
 public:
  explicit Direction(uint64_t seed) : random_(seed) {}

  // Decides about a packet of `bytes` (IP) that entered at `arrivalNs`: returns how many copies leave, and when each.
  // Without reorder the departures of one direction never decrease, whatever the jitter and however parameters change.
  int admit(int64_t arrivalNs, uint32_t bytes, int64_t departuresNs[kMaxCopies]);

  // Nothing enters and nothing on its way arrives any more, until restored.
  void cut();
  void restore() { isCut_ = false; }
  bool isCut() const { return isCut_; }
  // Grows with every cut: a packet that entered in an earlier era is not to leave.
  uint32_t era() const { return era_; }

  Parameters parameters;
  Counters counters;

 private:
  int64_t departure(int64_t sentNs);
  bool hits(double share) { return share > 0 && random_.share() < share; }

  Random random_;
  int64_t lineFreeNs_ = INT64_MIN;       // when the rate lets the next packet begin
  int64_t lastDepartureNs_ = INT64_MIN;  // of those in order
  bool isCut_ = false;
  uint32_t era_ = 0;
};

}  // namespace netlab

// What the tests and fuzzers of the pure native files share: a check that ends the process, randomness that a
// seed reproduces, and a second, slow and obvious opinion on checksums.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define REQUIRE(condition)                                                              \
  do {                                                                                  \
    if (!(condition)) {                                                                 \
      std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);      \
      std::abort();                                                                     \
    }                                                                                   \
  } while (0)

namespace etherloom::test {

using Bytes = std::vector<uint8_t>;

// splitmix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(next() % bound); }
  uint32_t between(uint32_t low, uint32_t high) { return low + below(high - low + 1); }
  bool chance(uint32_t percent) { return below(100) < percent; }
  uint8_t byte() { return static_cast<uint8_t>(next()); }

 private:
  uint64_t state_;
};

// RFC 1071 as written there: big-endian words, one by one.
inline uint16_t slowSum(const uint8_t* bytes, size_t length, uint32_t initial = 0) {
  uint64_t sum = initial;
  for (size_t i = 0; i < length; i += 2) {
    sum += static_cast<uint64_t>(bytes[i]) << 8;
    if (i + 1 < length) sum += bytes[i + 1];
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

}  // namespace etherloom::test

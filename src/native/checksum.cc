#include "checksum.h"

#include "bytes.h"

namespace etherloom {

namespace {

// 16 bytes as two 64-bit lanes. Each 64-bit word is split in halves and added to 64-bit accumulators, which
// cannot overflow: a carry chain would cost more than the extra addition.
typedef uint64_t Lanes __attribute__((vector_size(16)));

inline Lanes loadLanes(const uint8_t* p) {
  Lanes v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

}  // namespace

uint32_t sumBytes(const uint8_t* bytes, size_t length, uint32_t initial) {
  uint64_t sum = initial;
  const uint8_t* p = bytes;
  size_t left = length;
  if (left >= 64) {
    const Lanes low = {0xffffffff, 0xffffffff};
    Lanes a = {0, 0};
    Lanes b = {0, 0};
    do {
      const Lanes v0 = loadLanes(p);
      const Lanes v1 = loadLanes(p + 16);
      const Lanes v2 = loadLanes(p + 32);
      const Lanes v3 = loadLanes(p + 48);
      a += (v0 & low) + (v0 >> 32) + (v1 & low) + (v1 >> 32);
      b += (v2 & low) + (v2 >> 32) + (v3 & low) + (v3 >> 32);
      p += 64;
      left -= 64;
    } while (left >= 64);
    const Lanes both = a + b;
    // Each lane is below 2^34 * 2^20 for any length that fits memory here; the two add without overflow.
    sum += both[0] + both[1];
  }
  while (left >= 4) {
    sum += loadLe32(p);
    p += 4;
    left -= 4;
  }
  if (left >= 2) {
    sum += loadLe16(p);
    p += 2;
    left -= 2;
  }
  if (left != 0) sum += *p;  // low byte: the first of the pair in memory
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  return static_cast<uint32_t>((sum & 0xffff) + (sum >> 16));
}

uint32_t pseudoHeaderSum4(const uint8_t* header, uint8_t protocol, uint32_t length) {
  uint64_t sum = uint64_t{loadLe32(header + 12)} + loadLe32(header + 16);
  sum += __builtin_bswap16(protocol);
  sum += __builtin_bswap16(static_cast<uint16_t>(length));
  return foldSum(sum);
}

uint32_t pseudoHeaderSum6(const uint8_t* header, uint8_t protocol, uint32_t length) {
  uint64_t sum = __builtin_bswap32(length);
  for (uint32_t i = 8; i < 40; i += 4) sum += loadLe32(header + i);
  sum += __builtin_bswap16(protocol);
  return foldSum(sum);
}

}  // namespace etherloom

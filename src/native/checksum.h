// The Internet checksum (RFC 1071).
//
// A sum here is the ones' complement sum of 16-bit words *as they lie in memory*: byte order does not matter
// to such a sum (RFC 1071 §2 (B)) as long as the result is stored the way it was loaded: storeLe16().
#pragma once

#include <cstddef>
#include <cstdint>

namespace etherloom {

/// Adds `length` bytes to the sum `initial`. An odd last byte is padded with zero. The result is below 2^17,
/// so thousands of them may be added before folding.
uint32_t sumBytes(const uint8_t* bytes, size_t length, uint32_t initial);

/// Folds a sum to 16 bits, without inverting it.
inline uint16_t foldSum(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

/// Folds and inverts a sum: the value of a checksum field, in memory order.
inline uint16_t foldChecksum(uint64_t sum) { return static_cast<uint16_t>(~foldSum(sum)); }

/// Pseudo-header sums. `header` is the start of the IP header; `length` is the transport length in bytes,
/// transport header included (RFC 9293 §3.1, RFC 8200 §8.1).
uint32_t pseudoHeaderSum4(const uint8_t* header, uint8_t protocol, uint32_t length);
uint32_t pseudoHeaderSum6(const uint8_t* header, uint8_t protocol, uint32_t length);

}  // namespace etherloom

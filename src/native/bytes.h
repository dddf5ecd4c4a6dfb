// Unaligned loads and stores in a named byte order. Callers have checked the bounds.
#pragma once

#include <cstdint>
#include <cstring>

namespace etherloom {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "virtio headers and records assume a little-endian host");

inline uint16_t loadLe16(const uint8_t* p) { uint16_t v; std::memcpy(&v, p, 2); return v; }
inline uint32_t loadLe32(const uint8_t* p) { uint32_t v; std::memcpy(&v, p, 4); return v; }
inline uint64_t loadLe64(const uint8_t* p) { uint64_t v; std::memcpy(&v, p, 8); return v; }
inline void storeLe16(uint8_t* p, uint16_t v) { std::memcpy(p, &v, 2); }
inline void storeLe32(uint8_t* p, uint32_t v) { std::memcpy(p, &v, 4); }
inline void storeLe64(uint8_t* p, uint64_t v) { std::memcpy(p, &v, 8); }

inline uint16_t loadBe16(const uint8_t* p) { return __builtin_bswap16(loadLe16(p)); }
inline uint32_t loadBe32(const uint8_t* p) { return __builtin_bswap32(loadLe32(p)); }
inline uint64_t loadBe64(const uint8_t* p) { return __builtin_bswap64(loadLe64(p)); }
inline void storeBe16(uint8_t* p, uint16_t v) { storeLe16(p, __builtin_bswap16(v)); }
inline void storeBe32(uint8_t* p, uint32_t v) { storeLe32(p, __builtin_bswap32(v)); }
inline void storeBe64(uint8_t* p, uint64_t v) { storeLe64(p, __builtin_bswap64(v)); }

}  // namespace etherloom

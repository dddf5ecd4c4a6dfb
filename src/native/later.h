// Probes that can wait until JavaScript wakes up for something else: what they measure was stamped when they came. Waking a
// thread up for each costs a node of twenty links more than everything else that it does when idle.
#pragma once

#include <cstdint>
#include <cstring>

#include "udp.h"

namespace etherloom {

constexpr uint32_t kMaxLater = 32;
constexpr uint32_t kMaxLaterBytes = 256;

struct LaterProbe {
  uint8_t payload[kMaxLaterBytes];
  uint32_t length;
  int32_t keypair;      // slot …
  uint32_t localIndex;  // … and whose it was then
  uint8_t address[kPackedAddressLength];
  double arrivalUs;
  double received;  // datagrams on its link until then
};

class LaterProbes {
 public:
  // nullptr: there is no room, so it cannot wait.
  LaterProbe* add(const uint8_t* payload, uint32_t length) {
    if (count_ == kMaxLater || length > kMaxLaterBytes) return nullptr;
    LaterProbe* probe = &probes_[count_++];
    memcpy(probe->payload, payload, length);
    probe->length = length;
    return probe;
  }
  uint32_t count() const { return count_; }
  const LaterProbe& at(uint32_t i) const { return probes_[i]; }
  void clear() { count_ = 0; }

 private:
  LaterProbe probes_[kMaxLater];
  uint32_t count_ = 0;
};

}  // namespace etherloom

// The native side of sessions: keys, send counter and replay window of every keypair, found by receiver index.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "aead.h"
#include "replay.h"

namespace etherloom {

// AES-GCM may not seal more than 2^28 records with one key (DESIGN section 6); ChaCha20-Poly1305 stops where WireGuard does.
constexpr uint64_t kGcmRecordLimit = uint64_t{1} << 28;
constexpr uint64_t kChachaRecordLimit = UINT64_MAX - (uint64_t{1} << 13);

struct Keypair {
  uint32_t localIndex = 0;
  uint32_t remoteIndex = 0;
  uint16_t peer = 0;   // NodeID at the other end
  int32_t link = -1;   // the direct link to that node, -1 where there is none
  uint64_t sendLimit = 0;
  uint64_t sendCounter = 0;
  double rxRecords = 0;
  double rxBytes = 0;
  double txBytes = 0;
  uint64_t messageBatch = 0;  // the batch in which messages came last, and how many
  uint32_t messages = 0;
  Aead sealer;
  Aead opener;
  ReplayWindow window;
};

class KeypairTable {
 public:
  // Returns the slot, or -1 when the index is taken or OpenSSL refuses the keys.
  int32_t add(uint32_t localIndex, uint32_t remoteIndex, uint16_t peer, int32_t link, AeadKind kind,
              const uint8_t* sendKey, const uint8_t* receiveKey) {
    if (byIndex_.count(localIndex) != 0) return -1;
    auto entry = std::make_unique<Keypair>();
    if (!entry->sealer.init(kind, sendKey, true) || !entry->opener.init(kind, receiveKey, false)) return -1;
    entry->localIndex = localIndex;
    entry->remoteIndex = remoteIndex;
    entry->peer = peer;
    entry->link = link;
    entry->sendLimit = kind == AeadKind::aes256Gcm ? kGcmRecordLimit : kChachaRecordLimit;
    int32_t slot;
    if (free_.empty()) {
      slot = static_cast<int32_t>(slots_.size());
      slots_.push_back(std::move(entry));
    } else {
      slot = free_.back();
      free_.pop_back();
      slots_[slot] = std::move(entry);
    }
    byIndex_[localIndex] = slot;
    return slot;
  }

  void remove(int32_t slot) {
    Keypair* entry = at(slot);
    if (entry == nullptr) return;
    byIndex_.erase(entry->localIndex);
    slots_[slot].reset();
    free_.push_back(slot);
  }

  Keypair* at(int32_t slot) {
    return slot >= 0 && slot < static_cast<int32_t>(slots_.size()) ? slots_[slot].get() : nullptr;
  }

  // The slot of a receiver index, -1 when nobody has it.
  int32_t find(uint32_t localIndex) const {
    auto found = byIndex_.find(localIndex);
    return found == byIndex_.end() ? -1 : found->second;
  }

 private:
  std::vector<std::unique_ptr<Keypair>> slots_;
  std::vector<int32_t> free_;
  std::unordered_map<uint32_t, int32_t> byIndex_;
};

}  // namespace etherloom

// Frames in and out of all interfaces of the namespace, in batches: two packet sockets that are bound to none of them, so
// that one system call serves as many ports as have something.
#pragma once

#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>

#include "pool.h"

namespace netlab {

constexpr uint32_t kBatch = 64;

class Receiver {
 public:
  // Takes its slots from the pool and keeps them in hand for the next batch.
  explicit Receiver(Pool& pool);

  // 0, or the errno of what failed.
  int open();
  int fd() const { return fd_; }

  // Frames received at once, 0..kBatch, never waiting.
  uint32_t receive();

  uint32_t slot(uint32_t i) const { return slots_[i]; }
  int interfaceIndex(uint32_t i) const { return from_[i].sll_ifindex; }
  // 0 for a frame that did not fit.
  uint32_t length(uint32_t i) const { return messages_[i].msg_hdr.msg_flags & MSG_TRUNC ? 0 : messages_[i].msg_len; }
  // How long ago the kernel took the frame from its sender; `realtimeNs` is now.
  int64_t ageNs(uint32_t i, int64_t realtimeNs) const;

  // Frame i stays in its slot; `fresh` receives in its stead.
  void replace(uint32_t i, uint32_t fresh);

 private:
  int fd_ = -1;
  Pool& pool_;
  uint32_t slots_[kBatch];
  mmsghdr messages_[kBatch];
  iovec pieces_[kBatch];
  sockaddr_ll from_[kBatch];
  alignas(cmsghdr) uint8_t control_[kBatch][64];
};

class Sender {
 public:
  int open();

  bool full() const { return count_ == kBatch; }
  bool empty() const { return count_ == 0; }
  void add(int interfaceIndex, uint8_t* frame, uint32_t length);

  // Sends what was added and forgets it; `refused` gets true for the position of each that no interface took.
  void flush(bool refused[kBatch]);

 private:
  int fd_ = -1;
  uint32_t count_ = 0;
  mmsghdr messages_[kBatch];
  iovec pieces_[kBatch];
  sockaddr_ll to_[kBatch];
};

}  // namespace netlab

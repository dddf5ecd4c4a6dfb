#include "sockets.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "clock.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

namespace netlab {

namespace {

constexpr int kSocketBuffer = 16 << 20;
// A frame cannot have waited longer than this; more is a clock that was set.
constexpr int64_t kMaxAge = 100 * kMillisecond;

int setInt(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }

}  // namespace

Receiver::Receiver(Pool& pool) : pool_(pool) {
  memset(messages_, 0, sizeof messages_);
  for (uint32_t i = 0; i < kBatch; i++) {
    msghdr& header = messages_[i].msg_hdr;
    header.msg_iov = &pieces_[i];
    header.msg_iovlen = 1;
    header.msg_name = &from_[i];
    header.msg_control = control_[i];
    replace(i, pool.take());
  }
}

int Receiver::open() {
  // Deaf until everything is set: what came in before would lack its time.
  fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return errno;
  if (setInt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, kSocketBuffer) < 0) setInt(fd_, SOL_SOCKET, SO_RCVBUF, kSocketBuffer);
  if (setInt(fd_, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1) < 0) return errno;
  if (setInt(fd_, SOL_SOCKET, SO_TIMESTAMPNS, 1) < 0) return errno;
  sockaddr_ll all{};
  all.sll_family = AF_PACKET;
  all.sll_protocol = htons(ETH_P_ALL);
  return bind(fd_, reinterpret_cast<sockaddr*>(&all), sizeof all) < 0 ? errno : 0;
}

uint32_t Receiver::receive() {
  for (uint32_t i = 0; i < kBatch; i++) {
    messages_[i].msg_hdr.msg_namelen = sizeof from_[i];
    messages_[i].msg_hdr.msg_controllen = sizeof control_[i];
  }
  int count = recvmmsg(fd_, messages_, kBatch, MSG_DONTWAIT, nullptr);
  return count > 0 ? static_cast<uint32_t>(count) : 0;
}

int64_t Receiver::ageNs(uint32_t i, int64_t realtimeNs) const {
  const msghdr* header = &messages_[i].msg_hdr;
  for (cmsghdr* part = CMSG_FIRSTHDR(header); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(header), part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SO_TIMESTAMPNS) continue;
    timespec taken;
    memcpy(&taken, CMSG_DATA(part), sizeof taken);
    int64_t age = realtimeNs - nanoseconds(taken);
    return age < 0 || age > kMaxAge ? 0 : age;
  }
  return 0;
}

void Receiver::replace(uint32_t i, uint32_t fresh) {
  slots_[i] = fresh;
  pieces_[i] = {pool_.data(fresh), pool_.slotBytes()};
}

int Sender::open() {
  fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return errno;
  if (setInt(fd_, SOL_SOCKET, SO_SNDBUFFORCE, kSocketBuffer) < 0) setInt(fd_, SOL_SOCKET, SO_SNDBUF, kSocketBuffer);
  memset(messages_, 0, sizeof messages_);
  memset(to_, 0, sizeof to_);
  for (uint32_t i = 0; i < kBatch; i++) {
    to_[i].sll_family = AF_PACKET;
    msghdr& header = messages_[i].msg_hdr;
    header.msg_iov = &pieces_[i];
    header.msg_iovlen = 1;
    header.msg_name = &to_[i];
    header.msg_namelen = sizeof to_[i];
  }
  return setInt(fd_, SOL_PACKET, PACKET_QDISC_BYPASS, 1) < 0 ? errno : 0;
}

void Sender::add(int interfaceIndex, uint8_t* frame, uint32_t length) {
  to_[count_].sll_ifindex = interfaceIndex;
  pieces_[count_] = {frame, length};
  count_++;
}

void Sender::flush(bool refused[kBatch]) {
  std::fill(refused, refused + count_, false);
  uint32_t sent = 0;
  while (sent < count_) {
    int result = sendmmsg(fd_, messages_ + sent, count_ - sent, MSG_DONTWAIT);
    if (result > 0) sent += static_cast<uint32_t>(result);
    else if (result < 0 && errno == EINTR) continue;
    else refused[sent++] = true;  // the first one's fault; the others have their chance
  }
  count_ = 0;
}

}  // namespace netlab

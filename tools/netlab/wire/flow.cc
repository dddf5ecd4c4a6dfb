// A steady flow of numbered UDP datagrams from one place to another, each with the time it was sent.
//
//   flow send ADDRESS PORT ID PACKETS_PER_SECOND BYTES [COUNT]    until SIGTERM or COUNT; then prints "sent N failed N"
//   flow receive PORT ID                                          until SIGTERM; prints a line for each datagram
//
//   datagram: | id u64 | sequence u64 | sent, ns of the machine's clock u64 | zeroes |
//   line:     SEQUENCE SENT_US ARRIVED_US      (µs since 1970; arrival as the kernel stamped it)
//
// Datagrams of another ID are ignored. The clock is CLOCK_REALTIME, which all time namespaces share.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "clock.h"

namespace netlab {
namespace {

constexpr int kPriority = 5;
constexpr size_t kHeaderBytes = 24;
constexpr size_t kMaxBytes = 65507;
constexpr int kLook = 100;  // ms: a signal just before the wait is not overslept
// Whoever was stopped longer than this goes on from now instead of making up for it.
constexpr int64_t kMaxArrears = 20 * kMillisecond;

struct Header {
  uint64_t id;
  uint64_t sequence;
  int64_t sentNs;
};
static_assert(sizeof(Header) == kHeaderBytes);

volatile sig_atomic_t ended = 0;

void endOnSignals() {
  struct sigaction action {};
  action.sa_handler = [](int) { ended = 1; };  // without SA_RESTART: what waits returns
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
}

int fail(const char* what) {
  fprintf(stderr, "flow: %s: %s\n", what, strerror(errno));
  return 1;
}

int send(const char* address, uint16_t port, uint64_t id, double perSecond, size_t bytes, uint64_t count) {
  sockaddr_in6 to{};
  sockaddr_in to4{};
  bool v4 = inet_pton(AF_INET, address, &to4.sin_addr) == 1;
  if (!v4 && inet_pton(AF_INET6, address, &to.sin6_addr) != 1) {
    fprintf(stderr, "flow: bad address %s\n", address);
    return 2;
  }
  to4.sin_family = AF_INET;
  to.sin6_family = AF_INET6;
  to4.sin_port = to.sin6_port = htons(port);
  auto* target = v4 ? reinterpret_cast<sockaddr*>(&to4) : reinterpret_cast<sockaddr*>(&to);
  socklen_t targetLength = v4 ? sizeof to4 : sizeof to;
  int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail("socket");

  static uint8_t datagram[kMaxBytes];
  int64_t interval = static_cast<int64_t>(static_cast<double>(kSecond) / perSecond);
  int64_t next = now(CLOCK_MONOTONIC);
  uint64_t sent = 0;
  uint64_t failed = 0;
  puts("started");
  fflush(stdout);
  while (!ended && sent < count) {
    timespec wake = {next / kSecond, next % kSecond};
    if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr) != 0) continue;
    Header header{id, sent++, now(CLOCK_REALTIME)};
    memcpy(datagram, &header, sizeof header);
    if (sendto(fd, datagram, bytes, MSG_DONTWAIT, target, targetLength) < 0) failed++;
    next += interval;
    if (int64_t late = now(CLOCK_MONOTONIC); late - next > kMaxArrears) next = late;
  }
  printf("sent %" PRIu64 " failed %" PRIu64 "\n", sent, failed);
  return 0;
}

int64_t arrival(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SO_TIMESTAMPNS) continue;
    timespec time;
    memcpy(&time, CMSG_DATA(part), sizeof time);
    return nanoseconds(time);
  }
  return now(CLOCK_REALTIME);
}

int receive(uint16_t port, uint64_t id) {
  int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail("socket");
  int off = 0, on = 1, buffer = 8 << 20;
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  sockaddr_in6 here{};
  here.sin6_family = AF_INET6;
  here.sin6_port = htons(port);
  if (bind(fd, reinterpret_cast<sockaddr*>(&here), sizeof here) < 0) return fail("bind");
  puts("listening");
  fflush(stdout);
  while (!ended) {
    Header header{};
    iovec piece = {&header, sizeof header};
    alignas(cmsghdr) uint8_t control[64];
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
    if (length == static_cast<ssize_t>(sizeof header) && header.id == id) {
      int64_t arrivedNs = arrival(message);
      printf("%" PRIu64 " %" PRId64 " %" PRId64 "\n", header.sequence, header.sentNs / kMicrosecond,
             arrivedNs / kMicrosecond);
    } else if (length < 0 && errno == EAGAIN) {
      // Whole batches, but nothing is kept back while nothing comes.
      fflush(stdout);
      pollfd wait = {fd, POLLIN, 0};
      poll(&wait, 1, kLook);
    }
  }
  return 0;
}

int usage() {
  fprintf(stderr, "usage: flow send ADDRESS PORT ID PACKETS_PER_SECOND BYTES [COUNT] | flow receive PORT ID\n");
  return 2;
}

}  // namespace
}  // namespace netlab

int main(int count, char** words) {
  using namespace netlab;
  if (count < 4) return usage();
  endOnSignals();
  beUrgent(kPriority);
  auto port = [&](int i) { return static_cast<uint16_t>(strtoul(words[i], nullptr, 10)); };
  if (strcmp(words[1], "receive") == 0 && count == 4) return receive(port(2), strtoull(words[3], nullptr, 10));
  if (strcmp(words[1], "send") != 0 || count < 7 || count > 8) return usage();
  double perSecond = strtod(words[5], nullptr);
  size_t bytes = strtoul(words[6], nullptr, 10);
  if (!(perSecond > 0) || bytes < kHeaderBytes || bytes > kMaxBytes) return usage();
  uint64_t limit = count == 8 ? strtoull(words[7], nullptr, 10) : UINT64_MAX;
  return send(words[2], port(3), strtoull(words[4], nullptr, 10), perSecond, bytes, limit);
}

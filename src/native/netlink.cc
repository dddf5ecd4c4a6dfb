#include "netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

namespace etherloom {

namespace {

// A request of fixed size, grown by attributes; every caller knows its few attributes fit.
class Request {
 public:
  Request(uint16_t type, uint16_t flags, uint32_t bodySize) {
    memset(buffer_, 0, sizeof buffer_);
    header()->nlmsg_type = type;
    header()->nlmsg_flags = NLM_F_REQUEST | flags;
    header()->nlmsg_len = NLMSG_LENGTH(bodySize);
  }

  template <typename Body>
  Body* body() {
    return reinterpret_cast<Body*>(NLMSG_DATA(buffer_));
  }

  void attribute(uint16_t type, const void* data, uint16_t length) {
    auto* entry = reinterpret_cast<rtattr*>(buffer_ + NLMSG_ALIGN(header()->nlmsg_len));
    entry->rta_type = type;
    entry->rta_len = RTA_LENGTH(length);
    memcpy(RTA_DATA(entry), data, length);
    header()->nlmsg_len = NLMSG_ALIGN(header()->nlmsg_len) + RTA_ALIGN(entry->rta_len);
  }

  // For a request with NLM_F_ACK: sends it and waits for the kernel's acknowledgement.
  int run() {
    Answer answer;
    int error = ask(answer);
    if (error != 0) return error;
    return answer.header()->nlmsg_type == NLMSG_ERROR ? answer.error() : EPROTO;
  }

  struct Answer {
    alignas(nlmsghdr) uint8_t bytes[4096];

    nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes); }
    int error() { return -reinterpret_cast<nlmsgerr*>(NLMSG_DATA(header()))->error; }
  };

  // Sends and takes the first message that comes back: complete, and either an error's or of another type.
  int ask(Answer& answer) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return errno;
    int result = exchange(fd, answer);
    close(fd);
    return result;
  }

 private:
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_); }

  int exchange(int fd, Answer& answer) {
    sockaddr_nl kernel = {};
    kernel.nl_family = AF_NETLINK;
    if (sendto(fd, buffer_, header()->nlmsg_len, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) < 0) {
      return errno;
    }
    ssize_t n = recv(fd, answer.bytes, sizeof answer.bytes, 0);
    if (n < 0) return errno;
    bool whole = NLMSG_OK(answer.header(), static_cast<size_t>(n));
    bool tooShort = whole && answer.header()->nlmsg_type == NLMSG_ERROR &&
                  answer.header()->nlmsg_len < NLMSG_LENGTH(sizeof(nlmsgerr));
    return whole && !tooShort ? 0 : EPROTO;
  }

  alignas(nlmsghdr) uint8_t buffer_[256];
};

}  // namespace

int netlinkAddAddress(int interfaceIndex, bool ipv6, const uint8_t* address, uint8_t prefixLength) {
  Request request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, sizeof(ifaddrmsg));
  auto* body = request.body<ifaddrmsg>();
  body->ifa_family = ipv6 ? AF_INET6 : AF_INET;
  body->ifa_prefixlen = prefixLength;
  body->ifa_index = static_cast<uint32_t>(interfaceIndex);
  uint16_t length = ipv6 ? 16 : 4;
  request.attribute(IFA_LOCAL, address, length);
  request.attribute(IFA_ADDRESS, address, length);
  if (!ipv6 && prefixLength < 31) {
    uint8_t broadcast[4];
    uint32_t hostMask = prefixLength == 0 ? 0xffffffffu : (1u << (32 - prefixLength)) - 1;
    for (int i = 0; i < 4; i++) broadcast[i] = address[i] | static_cast<uint8_t>(hostMask >> (24 - 8 * i));
    request.attribute(IFA_BROADCAST, broadcast, 4);
  }
  return request.run();
}

int netlinkSetGsoMaxSegments(int interfaceIndex, uint32_t segments, uint32_t bytes) {
  Request request(RTM_NEWLINK, NLM_F_ACK, sizeof(ifinfomsg));
  auto* body = request.body<ifinfomsg>();
  body->ifi_family = AF_UNSPEC;
  body->ifi_index = interfaceIndex;
  request.attribute(IFLA_GSO_MAX_SEGS, &segments, sizeof segments);
  request.attribute(IFLA_GSO_MAX_SIZE, &bytes, sizeof bytes);
  return request.run();
}

int netlinkRouteInterface(bool ipv6, const uint8_t* address, uint32_t mark) {
  Request request(RTM_GETROUTE, 0, sizeof(rtmsg));
  auto* body = request.body<rtmsg>();
  body->rtm_family = ipv6 ? AF_INET6 : AF_INET;
  body->rtm_dst_len = ipv6 ? 128 : 32;
  request.attribute(RTA_DST, address, ipv6 ? 16 : 4);
  if (mark != 0) request.attribute(RTA_MARK, &mark, sizeof mark);
  Request::Answer answer;
  if (request.ask(answer) != 0 || answer.header()->nlmsg_type != RTM_NEWROUTE) return 0;
  int left = static_cast<int>(RTM_PAYLOAD(answer.header()));
  for (auto* entry = RTM_RTA(NLMSG_DATA(answer.header())); RTA_OK(entry, left); entry = RTA_NEXT(entry, left)) {
    int index = 0;
    if (entry->rta_type != RTA_OIF || RTA_PAYLOAD(entry) != sizeof index) continue;
    memcpy(&index, RTA_DATA(entry), sizeof index);
    return index;
  }
  return 0;
}

}  // namespace etherloom

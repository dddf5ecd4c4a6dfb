#include "engine.h"

#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arrival.h"
#include "route.h"

namespace etherloom {

double monotonicMicroseconds() { return microseconds(CLOCK_MONOTONIC_RAW); }

double boottimeMicroseconds() { return microseconds(CLOCK_BOOTTIME); }

Engine::Engine(uint16_t ownNode, const Shared& shared)
    : ownNode_(ownNode),
      shared_(shared),
      links_(kMaxLinks),
      sendArena_(new uint8_t[kSendArena]),
      trains_(shared.counters),
      coalescer_(kMaxReceived) {
  transit_.reserve(kMaxReceived);
  superInfo_.resize(kMaxReceived);
}

Engine::~Engine() {
  for (int32_t port = 0; port < static_cast<int32_t>(kMaxPorts); port++) closePort(port);
  closeUdp(udp_);
}

int32_t Engine::addPort(int fd, bool vnet, bool uso) {
  for (uint32_t i = 0; i < kMaxPorts; i++) {
    if (ports_[i].fd >= 0) continue;
    ports_[i] = Port{fd, vnet, uso};
    return static_cast<int32_t>(i);
  }
  return -1;
}

void Engine::closePort(int32_t port) {
  if (port < 0 || port >= static_cast<int32_t>(kMaxPorts) || ports_[port].fd < 0) return;
  close(ports_[port].fd);
  ports_[port] = Port{};
}

bool Engine::portAlive(int32_t port) const {
  if (port < 0 || port >= static_cast<int32_t>(kMaxPorts) || ports_[port].fd < 0) return false;
  ifreq request = {};
  return ioctl(ports_[port].fd, TUNGETIFF, &request) == 0;
}

bool Engine::setLink(int32_t link, const uint8_t* packed) {
  if (link < 0 || link >= static_cast<int32_t>(links_.size())) return false;
  Link& moved = links_[link];
  const SocketAddress before = moved.to.address;
  const bool wasHeir = moved.used && !moved.shadowed;
  moved.used = moved.to.address.fromPacked(packed);
  moved.shadowed = false;
  if (link > highestLink_) highestLink_ = link;
  // An address may pass from one neighbour to another, and the first one's link still has it.
  for (int32_t i = 0; i <= highestLink_; i++) {
    Link& other = links_[i];
    if (i != link && other.used && moved.used && other.to.address.sameAs(moved.to.address)) other.shadowed = true;
  }
  if (wasHeir && !(moved.used && moved.to.address.sameAs(before))) {
    Link* heir = heirOf(before);
    if (heir != nullptr) heir->shadowed = false;
  }
  return true;
}

Link* Engine::heirOf(const SocketAddress& address) {
  Link* found = nullptr;
  for (int32_t i = 0; i <= highestLink_; i++) {
    if (!links_[i].used || !links_[i].to.address.sameAs(address)) continue;
    if (!links_[i].shadowed) return &links_[i];
    if (found == nullptr) found = &links_[i];
  }
  return found;
}

uint32_t Engine::refreshRoute(int32_t link, uint32_t mark) {
  Link* used = usedLink(link);
  if (used == nullptr) return 0;
  const Route route = lookUpRoute(used->to.address, mark);
  used->to.trains = route.checksums;
  return route.mtu;
}

bool Engine::linkStats(int32_t link, double* out) const {
  if (link < 0 || link >= static_cast<int32_t>(links_.size())) return false;
  out[0] = links_[link].to.sent;
  out[1] = links_[link].received;
  return true;
}

Link* Engine::usedLink(int32_t link) {
  bool used = link >= 0 && link < static_cast<int32_t>(links_.size()) && links_[link].used;
  return used ? &links_[link] : nullptr;
}

void Engine::setMac1Key(const uint8_t* key) { memcpy(mac1Key_, key, sizeof mac1Key_); }

}  // namespace etherloom

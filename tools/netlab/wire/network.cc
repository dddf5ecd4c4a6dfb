#include "network.h"

#include <algorithm>
#include <cstring>

namespace netlab {

namespace {

constexpr uint32_t kIp4Header = 20;
constexpr uint32_t kIp6Header = 40;

uint32_t lookUp(const std::unordered_map<uint32_t, uint32_t>& map, uint32_t key) {
  auto found = map.find(key);
  return found == map.end() ? kNone : found->second;
}

}  // namespace

bool Network::addPort(uint32_t id, int interfaceIndex, const Mac& mac) {
  if (byId_.count(id) != 0 || byInterface_.count(interfaceIndex) != 0) return false;
  uint32_t index = static_cast<uint32_t>(ports_.size());
  byId_[id] = index;
  byInterface_[interfaceIndex] = index;
  ports_.push_back({id, interfaceIndex, mac, kNone, {}});
  return true;
}

bool Network::joinPorts(uint32_t a, uint32_t b) {
  uint32_t indexA = indexOf(a);
  uint32_t indexB = indexOf(b);
  if (indexA == kNone || indexB == kNone || a == b) return false;
  if (ports_[indexA].peer != kNone || ports_[indexB].peer != kNone) return false;
  ports_[indexA].peer = indexB;
  ports_[indexB].peer = indexA;
  return true;
}

bool Network::route4(uint32_t address, uint32_t port) {
  uint32_t index = indexOf(port);
  if (index == kNone) return false;
  routes4_[address] = index;
  return true;
}

bool Network::route6(const Address6& address, uint32_t port) {
  uint32_t index = indexOf(port);
  if (index == kNone) return false;
  routes6_[address] = index;
  return true;
}

Direction* Network::find(uint32_t from, uint32_t to) {
  uint32_t indexFrom = indexOf(from);
  uint32_t indexTo = indexOf(to);
  if (indexFrom == kNone || indexTo == kNone) return nullptr;
  return &ways_[wayBetween(indexFrom, indexTo)].direction;
}

uint32_t Network::way(int interfaceIndex, uint8_t* frame, uint32_t length) {
  auto found = byInterface_.find(interfaceIndex);
  if (found == byInterface_.end() || length < kEthernetHeader) {
    unrouted++;
    return kNone;
  }
  uint32_t from = found->second;
  if (ports_[from].peer != kNone) return wayBetween(from, ports_[from].peer);
  uint32_t to = destination(frame, length);
  if (to == kNone) {
    unrouted++;
    return kNone;
  }
  memcpy(frame, ports_[to].mac.data(), 6);
  memcpy(frame + 6, kRouterMac.data(), 6);
  return wayBetween(from, to);
}

int64_t Network::leastDelayNs() const {
  int64_t least = INT64_MAX;
  for (uint32_t from = 0; from < ports_.size(); from++) {
    const Port& port = ports_[from];
    for (uint32_t to = 0; to < ports_.size(); to++) {
      if (to == from || (port.peer != kNone ? to != port.peer : ports_[to].peer != kNone)) continue;
      if (to >= port.directions.size() || port.directions[to] == kNone) return 0;
      const Parameters& parameters = ways_[port.directions[to]].direction.parameters;
      least = std::min(least, std::max<int64_t>(0, parameters.delayNs - parameters.jitterNs));
    }
  }
  return least == INT64_MAX ? 0 : least;
}

uint32_t Network::indexOf(uint32_t id) const { return lookUp(byId_, id); }

uint32_t Network::wayBetween(uint32_t from, uint32_t to) {
  auto& directions = ports_[from].directions;
  if (directions.size() <= to) directions.resize(to + 1, kNone);
  if (directions[to] == kNone) {
    directions[to] = static_cast<uint32_t>(ways_.size());
    uint64_t pair = static_cast<uint64_t>(ports_[from].id) << 32 | ports_[to].id;
    ways_.push_back({from, to, Direction(seed_ * 0x9e3779b97f4a7c15 ^ pair * 0xc2b2ae3d27d4eb4f)});
  }
  return directions[to];
}

uint32_t Network::destination(const uint8_t* frame, uint32_t length) const {
  uint32_t type = frame[12] << 8 | frame[13];
  const uint8_t* packet = frame + kEthernetHeader;
  if (type == 0x0800 && length >= kEthernetHeader + kIp4Header) {
    uint32_t address;
    memcpy(&address, packet + 16, sizeof address);
    return lookUp(routes4_, address);
  }
  if (type == 0x86dd && length >= kEthernetHeader + kIp6Header) {
    Address6 address;
    memcpy(address.data(), packet + 24, address.size());
    auto found = routes6_.find(address);
    return found == routes6_.end() ? kNone : found->second;
  }
  return kNone;
}

}  // namespace netlab

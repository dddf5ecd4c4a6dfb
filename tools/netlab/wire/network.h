// What is wired to what: ports (one interface each), the addresses behind them, and the directions between them.
//
// A port is either one end of a cable, whose frames go to the other end as they are, or one node's access to the cloud,
// whose packets go where the table of addresses says, as a router would pass them on: other frames it does not know.
//
//   cable: port 1001 ◄──────────► port 1002        cloud: port 1 ──┐      ┌── port 2   (192.0.2.2, fd00:2::2)
//                                                         port 3 ──┴─ IP ─┴── port 4
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "direction.h"

namespace netlab {

using Mac = std::array<uint8_t, 6>;
using Address6 = std::array<uint8_t, 16>;

constexpr uint32_t kEthernetHeader = 14;
constexpr uint32_t kNone = UINT32_MAX;
// The next hop that nodes of the cloud know, by a permanent neighbour entry.
constexpr Mac kRouterMac = {0x02, 0, 0, 0, 0xff, 0xfe};

struct Port {
  uint32_t id;
  int interfaceIndex;
  Mac mac;               // of the node's end
  uint32_t peer = kNone; // index of the other end of a cable
  std::vector<uint32_t> directions;  // by index of the port at which a packet leaves; kNone until needed
};

struct Way {
  uint32_t from;  // indices of ports
  uint32_t to;
  Direction direction;
};

class Network {
 public:
  // Later directions draw from this seed and their ports' ids.
  void seed(uint64_t value) { seed_ = value; }

  // False when the id or the interface is taken.
  bool addPort(uint32_t id, int interfaceIndex, const Mac& mac);
  // Makes two ports the ends of a cable. False when one is unknown or wired already.
  bool joinPorts(uint32_t a, uint32_t b);
  // Later routes to the same address replace earlier ones. False when the port is unknown.
  bool route4(uint32_t address, uint32_t port);
  bool route6(const Address6& address, uint32_t port);

  // The direction between two ports by their ids, or nullptr.
  Direction* find(uint32_t from, uint32_t to);

  // Where a frame that came in on an interface goes: an index into ways(), or kNone. In the cloud its MAC addresses are
  // rewritten.
  uint32_t way(int interfaceIndex, uint8_t* frame, uint32_t length);
  Way& at(uint32_t way) { return ways_[way]; }
  int interfaceOf(uint32_t way) const { return ports_[ways_[way].to].interfaceIndex; }

  // No frame that enters leaves sooner than this after it: the least delay of all directions that there are or may be.
  int64_t leastDelayNs() const;

  // Frames that led nowhere.
  uint64_t unrouted = 0;

 private:
  uint32_t indexOf(uint32_t id) const;
  uint32_t wayBetween(uint32_t from, uint32_t to);
  uint32_t destination(const uint8_t* frame, uint32_t length) const;

  uint64_t seed_ = 1;
  std::vector<Port> ports_;
  std::vector<Way> ways_;
  std::unordered_map<uint32_t, uint32_t> byId_;
  std::unordered_map<int, uint32_t> byInterface_;
  std::unordered_map<uint32_t, uint32_t> routes4_;  // address in network order
  std::map<Address6, uint32_t> routes6_;
};

}  // namespace netlab

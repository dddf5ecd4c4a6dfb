#include "relay.h"

#include <algorithm>

#include "record.h"

namespace etherloom {

namespace {

// A frame's TTL is its hops and so many for repairs.
constexpr uint32_t kSpareHops = 2;

uint8_t fullTtl(const RelayTables& tables, uint16_t destination) {
  uint32_t hops = tables.hops[destination];
  return static_cast<uint8_t>(hops == 0 ? tables.defaultTtl : std::min<uint32_t>(hops + kSpareHops, 255));
}

}  // namespace

bool relay(const RelayTables& tables, uint16_t ownNode, const TransitRun& run, RelayedTo& to) {
  uint16_t next = tables.nextHop[run.destination];
  if ((run.kindAndFlags & kKindMask) != kTypeRecord || run.ttl <= 1) return false;
  if (run.keypair < 0 || run.keypair >= static_cast<int32_t>(kMaxSlots) || tables.confirmed[run.keypair] == 0) return false;
  if (tables.known[run.destination] == 0 || next == kNoNode || next == run.previous || next == run.source) return false;
  if (run.source != run.previous && (tables.known[run.source] == 0 || run.source == ownNode)) return false;
  if (tables.linkState[next] == kLinkDead || tables.addressed[next] != 1 || tables.sendSlot[next] < 0) return false;
  if (tables.credit[run.previous] < run.items) return false;
  tables.credit[run.previous] -= run.items;
  tables.carried[next] = 1;
  tables.carried[tables.backup[run.destination]] = 1;
  to.hop = next == run.destination ? -1 : tables.sendSlot[next];
  to.link = tables.link[next];
  to.ttl = std::min(static_cast<uint8_t>(run.ttl - 1), fullTtl(tables, run.destination));
  return true;
}

}  // namespace etherloom

// Transit that needs no decision: the table's next hop can be used, and the previous hop has credit. Such runs are sent on
// as soon as they are read, without waking JavaScript; all else is its to decide (dataplane/transit.ts, whose rules these
// are for that case).
#pragma once

#include <cstdint>

namespace etherloom {

constexpr uint32_t kNodeIds = 65536;
constexpr uint32_t kMaxSlots = 65536;
constexpr uint16_t kNoNode = 0xffff;
constexpr uint8_t kLinkUp = 1;
constexpr uint8_t kLinkDead = 2;

// Fields of RelayTables::meter.
constexpr uint32_t kMeterWords = 4;
enum MeterField : uint32_t { meterBatches, meterTotalUs, meterLeastWaitUs, meterReadUs };

// The data plane's own arrays (dataplane/members.ts), by NodeID where nothing else is said. JavaScript changes them between
// batches.
struct RelayTables {
  const uint16_t* nextHop = nullptr;
  const uint16_t* backup = nullptr;
  const uint8_t* hops = nullptr;
  const int32_t* sendSlot = nullptr;
  const int32_t* link = nullptr;
  const uint8_t* linkState = nullptr;
  const uint8_t* addressed = nullptr;
  const uint8_t* known = nullptr;
  const uint8_t* confirmed = nullptr;  // by keypair slot
  uint8_t* carried = nullptr;
  uint32_t* credit = nullptr;  // datagrams that a previous hop may still send through here
  const uint8_t* patient = nullptr;  // one byte: 1 = probes may wait (later.h)
  double* meter = nullptr;     // what was sent on so, and what was read without JavaScript
  uint8_t defaultTtl = 0;
};

struct TransitRun {
  uint32_t items;
  int32_t keypair;  // slot of the previous hop's
  uint16_t previous;
  uint16_t destination;
  uint16_t source;
  uint8_t ttl;
  uint8_t kindAndFlags;
};

struct RelayedTo {
  int32_t hop;  // slot of the next hop's keypair; -1: the header comes off
  int32_t link;
  uint8_t ttl;
};

// False: not for here. Otherwise the credit is taken, and the links that carry the run, or would, are marked.
bool relay(const RelayTables& tables, uint16_t ownNode, const TransitRun& run, RelayedTo& to);

}  // namespace etherloom

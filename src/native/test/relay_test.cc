// Which transit runs are sent on without a decision. That this is what JavaScript would do is shown in
// test/native/relay.test.ts.
#include "../relay.h"

#include <functional>
#include <vector>

#include "../record.h"
#include "cases.h"
#include "harness.h"

namespace etherloom::test {

namespace {

constexpr uint16_t kOwn = 1;
constexpr uint16_t kPrevious = 2;
constexpr uint16_t kNext = 3;
constexpr uint16_t kBackup = 4;
constexpr uint16_t kBehind = 5;  // by way of kNext
constexpr int32_t kKeypair = 7;

// All is well.
struct Node {
  std::vector<uint16_t> nextHop = std::vector<uint16_t>(kNodeIds, kNoNode);
  std::vector<uint16_t> backup = std::vector<uint16_t>(kNodeIds, kNoNode);
  std::vector<uint8_t> hops = std::vector<uint8_t>(kNodeIds);
  std::vector<int32_t> sendSlot = std::vector<int32_t>(kNodeIds, -1);
  std::vector<int32_t> link = std::vector<int32_t>(kNodeIds, -1);
  std::vector<uint8_t> linkState = std::vector<uint8_t>(kNodeIds);
  std::vector<uint8_t> addressed = std::vector<uint8_t>(kNodeIds);
  std::vector<uint8_t> known = std::vector<uint8_t>(kNodeIds);
  std::vector<uint8_t> confirmed = std::vector<uint8_t>(kMaxSlots);
  std::vector<uint8_t> carried = std::vector<uint8_t>(kNodeIds);
  std::vector<uint32_t> credit = std::vector<uint32_t>(kNodeIds);
  RelayTables tables;
  TransitRun run{10, kKeypair, kPrevious, kBehind, kPrevious, 9, kTypeRecord};

  Node() {
    for (uint16_t node : {kPrevious, kNext, kBackup, kBehind}) known[node] = 1;
    nextHop[kNext] = nextHop[kBehind] = kNext;
    backup[kBehind] = kBackup;
    hops[kNext] = 1;
    hops[kBehind] = 2;
    sendSlot[kNext] = 30;
    link[kNext] = 300;
    linkState[kNext] = 1;
    addressed[kNext] = 1;
    confirmed[kKeypair] = 1;
    credit[kPrevious] = 25;
    tables = {nextHop.data(),   backup.data(), hops.data(),      sendSlot.data(), link.data(),   linkState.data(),
              addressed.data(), known.data(),  confirmed.data(), carried.data(),  credit.data(), nullptr,
              nullptr,          200};
  }
  bool passes(RelayedTo& to) { return relay(tables, kOwn, run, to); }
};

}  // namespace

void aRunGoesOnWhereTheTablesSaySo() {
  Node node;
  RelayedTo to;
  REQUIRE(node.passes(to));
  REQUIRE(to.hop == 30 && to.link == 300 && to.ttl == 4);
  REQUIRE(node.carried[kNext] == 1 && node.carried[kBackup] == 1);
  REQUIRE(node.credit[kPrevious] == 15);
  node.run.destination = kNext;
  REQUIRE(node.passes(to));
  REQUIRE(to.hop == -1 && to.link == 300 && to.ttl == 3);
  REQUIRE(node.credit[kPrevious] == 5);
  // Ten are too many for a credit of five.
  REQUIRE(!node.passes(to));
  REQUIRE(node.credit[kPrevious] == 5);
  node.run.items = 5;
  node.hops[kNext] = 0;
  node.run.ttl = 255;
  REQUIRE(node.passes(to) && to.ttl == 200);
}

void whateverTakesADecisionIsLeft() {
  const std::function<void(Node&)> changes[] = {
      [](Node& node) { node.run.kindAndFlags = kTypeInitiation; },
      [](Node& node) { node.run.ttl = 1; },
      [](Node& node) { node.run.ttl = 0; },
      [](Node& node) { node.run.keypair = -1; },
      [](Node& node) { node.run.keypair = kMaxSlots; },
      [](Node& node) { node.confirmed[kKeypair] = 0; },
      [](Node& node) { node.known[kBehind] = 0; },
      [](Node& node) { node.nextHop[kBehind] = kNoNode; },
      [](Node& node) { node.nextHop[kBehind] = kPrevious; },
      [](Node& node) { node.run.source = kNext; },
      [](Node& node) { node.run.source = kOwn; },
      [](Node& node) { node.run.source = 77; },
      [](Node& node) { node.linkState[kNext] = kLinkDead; },
      [](Node& node) { node.addressed[kNext] = 0; },
      [](Node& node) { node.sendSlot[kNext] = -1; },
      [](Node& node) { node.credit[kPrevious] = 9; },
  };
  for (const auto& change : changes) {
    Node node;
    change(node);
    std::vector<uint32_t> before = node.credit;
    RelayedTo to;
    REQUIRE(!node.passes(to));
    REQUIRE(node.credit == before && node.carried[kNext] == 0);
  }
}

}  // namespace etherloom::test

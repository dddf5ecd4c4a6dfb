// Tests of the wire's pure parts, on a clock of their own.

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../agenda.h"
#include "../commands.h"
#include "../direction.h"
#include "../lull.h"
#include "../network.h"
#include "../punctuality.h"

#define REQUIRE(condition)                                                         \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (0)

namespace netlab {
namespace {

constexpr int64_t kMs = 1'000'000;

unsigned interfaceNumber(const char* name) { return name[0] == 'w' ? static_cast<unsigned>(atoi(name + 1)) : 0; }

bool run(Network& network, const std::string& line, const std::string& answer = "ok") {
  std::string got = runCommand(network, interfaceNumber, line);
  if (got != answer) std::fprintf(stderr, "%s: %s\n", line.c_str(), got.c_str());
  return got == answer;
}

void aPlainDirectionDelaysExactly() {
  Direction direction(1);
  direction.parameters.delayNs = 5 * kMs;
  int64_t at[kMaxCopies];
  for (int64_t i = 0; i < 100; i++) {
    REQUIRE(direction.admit(i * kMs, 100, at) == 1);
    REQUIRE(at[0] == i * kMs + 5 * kMs);
  }
}

void jitterStaysWithinItsBoundsAndKeepsOrder() {
  Direction direction(2);
  direction.parameters.delayNs = 10 * kMs;
  direction.parameters.jitterNs = 8 * kMs;
  int64_t at[kMaxCopies];
  int64_t last = INT64_MIN;
  int64_t low = INT64_MAX, high = 0;
  double sum = 0;
  constexpr int kPackets = 20000;
  for (int64_t i = 0; i < kPackets; i++) {
    int64_t arrival = i * 20 * kMs;  // wider than the jitter, so that order costs nothing
    REQUIRE(direction.admit(arrival, 100, at) == 1);
    REQUIRE(at[0] >= last);
    last = at[0];
    int64_t delay = at[0] - arrival;
    low = std::min(low, delay);
    high = std::max(high, delay);
    sum += static_cast<double>(delay);
  }
  REQUIRE(low >= 2 * kMs && low < 2.1 * kMs);
  REQUIRE(high <= 18 * kMs && high > 17.9 * kMs);
  REQUIRE(std::abs(sum / kPackets - 10 * kMs) < 0.1 * kMs);
  // And when packets come close together order still holds, also after the delay shrinks.
  for (int64_t i = 0; i < 1000; i++) {
    if (i == 500) direction.parameters.delayNs = 0;
    REQUIRE(direction.admit(kPackets * 20 * kMs + i * 100'000, 100, at) == 1);
    REQUIRE(at[0] >= last);
    last = at[0];
  }
}

void jitterNeverBeatsTheArrival() {
  Direction direction(3);
  direction.parameters.jitterNs = 8 * kMs;
  int64_t at[kMaxCopies];
  for (int64_t i = 0; i < 1000; i++) {
    REQUIRE(direction.admit(i * 20 * kMs, 100, at) == 1);
    REQUIRE(at[0] >= i * 20 * kMs);
  }
}

void lossAndDuplicationHitTheirShares() {
  Direction direction(4);
  direction.parameters.loss = 0.05;
  direction.parameters.duplicate = 0.02;
  int64_t at[kMaxCopies];
  int copies = 0;
  for (int i = 0; i < 200000; i++) copies += direction.admit(i, 100, at);
  REQUIRE(direction.counters.lost > 9500 && direction.counters.lost < 10500);
  REQUIRE(direction.counters.duplicated > 3400 && direction.counters.duplicated < 4200);
  REQUIRE(static_cast<uint64_t>(copies) == 200000 - direction.counters.lost + direction.counters.duplicated);
}

void theSameSeedLosesTheSame() {
  Direction one(7), same(7), other(8);
  for (Direction* direction : {&one, &same, &other}) direction->parameters.loss = 0.5;
  int64_t at[kMaxCopies];
  int differences = 0;
  for (int i = 0; i < 1000; i++) {
    int first = one.admit(i, 100, at);
    REQUIRE(first == same.admit(i, 100, at));
    if (first != other.admit(i, 100, at)) differences++;
  }
  REQUIRE(differences > 300);
}

void onlyTheHeldBackAreOvertaken() {
  Direction direction(5);
  direction.parameters.delayNs = 5 * kMs;
  direction.parameters.reorder = 0.1;
  direction.parameters.reorderNs = 3 * kMs;
  int64_t at[kMaxCopies];
  int late = 0;
  for (int64_t i = 0; i < 10000; i++) {
    REQUIRE(direction.admit(i * kMs, 100, at) == 1);
    int64_t delay = at[0] - i * kMs;
    REQUIRE(delay == 5 * kMs || delay == 8 * kMs);
    late += delay == 8 * kMs;
  }
  REQUIRE(late > 850 && late < 1150);
  REQUIRE(direction.counters.heldBack == static_cast<uint64_t>(late));
}

void theRateSpacesPacketsAndItsQueueEnds() {
  Direction direction(6);
  direction.parameters.nsPerByte = 8;  // 1 Gbit/s
  direction.parameters.queueNs = 100'000;
  int64_t at[kMaxCopies];
  int taken = 0;
  for (int i = 0; i < 50; i++) {
    if (direction.admit(0, 1000, at) == 0) continue;
    taken++;
    REQUIRE(at[0] == taken * 8000);
  }
  REQUIRE(taken == 13);  // the one that begins after exactly 96 µs is the last
  REQUIRE(direction.counters.overflow == 37);
  // An idle line is free at once.
  REQUIRE(direction.admit(kMs, 1000, at) == 1 && at[0] == kMs + 8000);
}

void tooLargePacketsVanish() {
  Direction direction(9);
  direction.parameters.mtu = 1400;
  int64_t at[kMaxCopies];
  REQUIRE(direction.admit(0, 1400, at) == 1);
  REQUIRE(direction.admit(0, 1401, at) == 0);
  REQUIRE(direction.counters.tooBig == 1);
}

void aCutStopsWhatEntersAndMarksWhatIsOnItsWay() {
  Direction direction(10);
  direction.parameters.delayNs = 100 * kMs;
  int64_t at[kMaxCopies];
  uint32_t era = direction.era();
  REQUIRE(direction.admit(0, 100, at) == 1);
  direction.cut();
  REQUIRE(direction.era() != era);
  REQUIRE(direction.admit(1, 100, at) == 0);
  direction.restore();
  REQUIRE(direction.era() != era);
  direction.parameters.delayNs = 0;
  REQUIRE(direction.admit(2, 100, at) == 1);
  REQUIRE(at[0] == 2);  // not behind those that the cut took
}

void theAgendaKeepsTimeAndThenOrder() {
  Agenda agenda(16);
  REQUIRE(agenda.empty() && agenda.nextNs() == INT64_MAX);
  agenda.add(30, 0, 0, 0);
  agenda.add(10, 1, 0, 0);
  agenda.add(20, 2, 0, 0);
  agenda.add(10, 3, 0, 0);
  uint32_t order[4] = {1, 3, 2, 0};
  for (uint32_t slot : order) REQUIRE(agenda.take().slot == slot);
  // Against a plain search, with many equal times.
  Random random(11);
  int64_t last = INT64_MIN;
  uint64_t lastSequence = 0;
  for (int i = 0; i < 5000; i++) agenda.add(static_cast<int64_t>(random.share() * 100), 0, 0, 0);
  while (!agenda.empty()) {
    Due due = agenda.take();
    REQUIRE(due.atNs > last || (due.atNs == last && due.sequence > lastSequence));
    last = due.atNs;
    lastSequence = due.sequence;
  }
}

void packet4(uint8_t* frame, const uint8_t (&to)[4]) {
  memset(frame, 0, 60);
  frame[12] = 0x08;
  frame[14] = 0x45;
  memcpy(frame + 14 + 16, to, 4);
}

void theCloudRoutesByAddressAndRewritesMacs() {
  Network network;
  REQUIRE(run(network, "port 1 w1 02:00:00:00:00:01"));
  REQUIRE(run(network, "port 2 w2 02:00:00:00:00:02"));
  REQUIRE(run(network, "route 192.0.2.1 1") && run(network, "route 192.0.2.2 2"));
  REQUIRE(run(network, "route fd00:2::2 2"));
  uint8_t frame[60];
  packet4(frame, {192, 0, 2, 2});
  uint32_t there = network.way(1, frame, sizeof frame);
  REQUIRE(there != kNone && network.interfaceOf(there) == 2);
  REQUIRE(frame[5] == 2 && memcmp(frame + 6, kRouterMac.data(), 6) == 0);
  packet4(frame, {192, 0, 2, 1});
  uint32_t back = network.way(2, frame, sizeof frame);
  REQUIRE(back != kNone && back != there && network.interfaceOf(back) == 1);

  packet4(frame, {192, 0, 2, 9});
  REQUIRE(network.way(1, frame, sizeof frame) == kNone);
  REQUIRE(network.way(1, frame, 33) == kNone);  // cut short
  REQUIRE(network.way(1, frame, 5) == kNone);
  REQUIRE(network.way(7, frame, sizeof frame) == kNone);  // no such interface
  frame[13] = 0x06;  // ARP
  REQUIRE(network.way(1, frame, sizeof frame) == kNone);
  REQUIRE(network.unrouted == 5);

  uint8_t six[54] = {};
  six[12] = 0x86;
  six[13] = 0xdd;
  six[14 + 24] = 0xfd;
  six[14 + 27] = 2;
  six[14 + 39] = 2;
  REQUIRE(network.way(1, six, sizeof six) == there);
}

void aCableCarriesEverythingUntouched() {
  Network network;
  REQUIRE(run(network, "port 1001 w5 02:00:00:00:00:01") && run(network, "port 1002 w6 02:00:00:00:00:02"));
  REQUIRE(run(network, "join 1001 1002"));
  uint8_t frame[14] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x08, 0x06};
  uint8_t before[14];
  memcpy(before, frame, sizeof frame);
  uint32_t way = network.way(5, frame, sizeof frame);
  REQUIRE(way != kNone && network.interfaceOf(way) == 6);
  REQUIRE(network.interfaceOf(network.way(6, frame, sizeof frame)) == 5);
  REQUIRE(memcmp(frame, before, sizeof frame) == 0);
}

void commandsChangeOneDirectionOrNothing() {
  Network network;
  REQUIRE(run(network, "port 1 w1 02:00:00:00:00:01") && run(network, "port 2 w2 02:00:00:00:00:02"));
  REQUIRE(run(network, "#5 set 1 2 delayMs=1.5 jitterMs=0.25 loss=0.01 rateMbit=100 mtu=1400", "#5 ok"));
  const Parameters& there = network.find(1, 2)->parameters;
  REQUIRE(there.delayNs == 1'500'000 && there.jitterNs == 250'000 && there.loss == 0.01);
  REQUIRE(there.nsPerByte == 80 && there.mtu == 1400);
  REQUIRE(network.find(2, 1)->parameters.delayNs == 0);
  for (const char* bad : {"delayMs=-1", "delayMs=x", "delayMs=", "delayMs=1e9", "loss=1.1", "loss=nan", "mtu=10", "speed=1",
                          "delayMs"}) {
    REQUIRE(run(network, std::string("set 1 2 delayMs=9 ") + bad, std::string("error bad parameter ") + bad));
    REQUIRE(network.find(1, 2)->parameters.delayNs == 1'500'000);
  }
  REQUIRE(run(network, "cut 1 2") && network.find(1, 2)->isCut() && !network.find(2, 1)->isCut());
  REQUIRE(run(network, "restore 1 2") && !network.find(1, 2)->isCut());
}

void commandsThatMakeNoSenseAreRefused() {
  Network network;
  REQUIRE(run(network, "port 1 w1 02:00:00:00:00:01"));
  for (auto [line, answer] : {
           std::pair{"", "error no command"},
           {"#3", "#3 error no command"},
           {"fly 1 2", "error unknown command fly"},
           {"port 1 w9 02:00:00:00:00:09", "error port 1 or its interface is taken"},
           {"port 2 w1 02:00:00:00:00:09", "error port 2 or its interface is taken"},
           {"port 2 x 02:00:00:00:00:09", "error no interface x"},
           {"port 2 w2 02:00:00:00:00", "error usage: port ID INTERFACE MAC"},
           {"port -2 w2 02:00:00:00:00:02", "error usage: port ID INTERFACE MAC"},
           {"join 1 2", "error one is unknown or wired already"},
           {"join 1 1", "error one is unknown or wired already"},
           {"route 192.0.2.256 1", "error bad address 192.0.2.256"},
           {"route 192.0.2.2 2", "error no port 2"},
           {"set 1", "error usage: set FROM TO KEY=VALUE..."},
           {"cut 1 2 3", "error usage: cut FROM TO"},
           {"cut 1 2", "error no port 1 or no port 2"},
           {"seed -1", "error usage: seed NUMBER"},
       }) {
    REQUIRE(run(network, line, answer));
  }
}

// How many of `frames` leave late on a machine that needs from `least` to `most` ns to wake up and send.
int lateOf(Punctuality& punctuality, int frames, int64_t least, int64_t most) {
  Random random(9);
  int late = 0;
  for (int64_t due = kMs; frames-- > 0; due += kMs) {
    int64_t needs = least + static_cast<int64_t>(random.share() * static_cast<double>(most - least));
    int64_t left = due - punctuality.aheadNs() + needs;
    if (left > due) late++;
    punctuality.slept(due, left);
  }
  return late;
}

void asManyLeaveEarlyAsLateHoweverSlowTheMachineIs() {
  for (auto [least, most] : {std::pair<int64_t, int64_t>{20'000, 60'000}, {80'000, 200'000}}) {
    Punctuality punctuality;
    lateOf(punctuality, 1000, least, most);
    int late = lateOf(punctuality, 1000, least, most);
    REQUIRE(late > 400 && late < 600);
  }
}

void nothingLeavesMuchTooEarlyAfterAStandstill() {
  Punctuality punctuality;
  lateOf(punctuality, 10'000, 50 * kMs, 60 * kMs);
  REQUIRE(punctuality.aheadNs() <= 150'000);
  lateOf(punctuality, 1000, 1000, 2000);
  REQUIRE(punctuality.aheadNs() < 5000);
}

void whatIsDueLaterNeedNotBeReadAtOnceWhereMuchComes() {
  Lull lull;
  REQUIRE(lull.untilNs(100 * kMs, 5 * kMs) == 100 * kMs);
  lull.received(100 * kMs);  // one burst after a long silence
  REQUIRE(lull.untilNs(100 * kMs, 5 * kMs) == 100 * kMs);
  lull.received(101 * kMs);
  REQUIRE(lull.untilNs(101 * kMs, 5 * kMs) == 103 * kMs);
  REQUIRE(lull.untilNs(101 * kMs, kMs) == 101 * kMs + kMs / 2);
  for (int64_t least : {int64_t{0}, kMs / 4}) REQUIRE(lull.untilNs(101 * kMs, least) == 101 * kMs);
  REQUIRE(lull.untilNs(103 * kMs, 5 * kMs) == 105 * kMs);  // nothing came, but something may
  REQUIRE(lull.untilNs(105 * kMs, 5 * kMs) == 105 * kMs);
}

void theLeastDelayCountsEveryDirectionThatMayBeUsed() {
  Network network;
  REQUIRE(network.leastDelayNs() == 0);
  REQUIRE(run(network, "port 1 w1 02:00:00:00:00:01"));
  REQUIRE(run(network, "port 2 w2 02:00:00:00:00:02"));
  REQUIRE(run(network, "port 11 w3 02:00:00:00:00:03"));
  REQUIRE(run(network, "port 12 w4 02:00:00:00:00:04"));
  REQUIRE(run(network, "join 11 12"));
  REQUIRE(run(network, "set 1 2 delayMs=5"));
  REQUIRE(run(network, "set 11 12 delayMs=7"));
  REQUIRE(run(network, "set 12 11 delayMs=9 jitterMs=6"));
  REQUIRE(network.leastDelayNs() == 0);  // 2 to 1 was not told
  REQUIRE(run(network, "set 2 1 delayMs=4"));
  REQUIRE(network.leastDelayNs() == 3 * kMs);
  REQUIRE(run(network, "set 12 11 jitterMs=20"));
  REQUIRE(network.leastDelayNs() == 0);
}

}  // namespace
}  // namespace netlab

int main() {
  using namespace netlab;
  aPlainDirectionDelaysExactly();
  jitterStaysWithinItsBoundsAndKeepsOrder();
  jitterNeverBeatsTheArrival();
  lossAndDuplicationHitTheirShares();
  theSameSeedLosesTheSame();
  onlyTheHeldBackAreOvertaken();
  theRateSpacesPacketsAndItsQueueEnds();
  tooLargePacketsVanish();
  aCutStopsWhatEntersAndMarksWhatIsOnItsWay();
  theAgendaKeepsTimeAndThenOrder();
  theCloudRoutesByAddressAndRewritesMacs();
  aCableCarriesEverythingUntouched();
  commandsChangeOneDirectionOrNothing();
  commandsThatMakeNoSenseAreRefused();
  asManyLeaveEarlyAsLateHoweverSlowTheMachineIs();
  nothingLeavesMuchTooEarlyAfterAStandstill();
  whatIsDueLaterNeedNotBeReadAtOnceWhereMuchComes();
  theLeastDelayCountsEveryDirectionThatMayBeUsed();
  std::puts("wire: ok");
  return 0;
}

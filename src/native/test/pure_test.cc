// Runs the tests of the files that know no Node, uv or OpenSSL. `pure_test speed` prints speeds instead.
#include <cstdio>
#include <cstring>

#include "cases.h"

using namespace etherloom::test;

namespace {

struct Case {
  const char* name;
  void (*run)();
};

#define CASE(name) {#name, name}
const Case kCases[] = {
    CASE(waitsAreReadOffTheStamp),
    CASE(slewedWallClocksAreBelieved),
    CASE(noWaitIsReadOffAWallClockThatWasSet),
    CASE(nothingWaitedLongerThanItsSocketWasInUse),
    CASE(aMomentIsOneOfBothClocks),
    CASE(sumsAgreeWithTheSlowWay),
    CASE(parserFindsHeaders),
    CASE(parserReadsNothingBeyondTheFrame),
    CASE(parserHidesTheTransportOfFragmentsAndExtensions),
    CASE(brokenIpIsAnOpaqueFrame),
    CASE(checksumsAreRight),
    CASE(udpChecksumIsNeverZero),
    CASE(partialChecksumsOutsideTheFrameAreRefused),
    CASE(segmentsCarryTheRightHeaders),
    CASE(segmentationRefusesWhatTheHeadersDoNotSay),
    CASE(coalescingReversesSegmentation),
    CASE(interleavedFlowsJoinEachToItsOwn),
    CASE(onlySegmentsThatBelongTogetherJoin),
    CASE(nothingOvertakesItsOwnFlow),
    CASE(aShorterSegmentCloses),
    CASE(shufflesAndMutationsKeepThePromises),
    CASE(aFullBatchIsRefused),
    CASE(aRunGoesOnWhereTheTablesSaySo),
    CASE(whateverTakesADecisionIsLeft),
    CASE(replayWindowAcceptsEachCounterOnce),
    CASE(replayWindowAgreesWithASet),
    CASE(recordHeadersRoundTrip),
    CASE(datagramsAreClassified),
    CASE(framesAreReassembledInAnyOrder),
    CASE(badPiecesDropTheirFrame),
    CASE(reassemblyIsBounded),
};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "speed") == 0) {
    speed();
    return 0;
  }
  unsigned count = 0;
  for (const Case& test : kCases) {
    test.run();
    std::printf("ok %s\n", test.name);
    count++;
  }
  std::printf("%u passed\n", count);
  return 0;
}

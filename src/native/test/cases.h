// The test cases, named by what they show.
#pragma once

namespace etherloom::test {

// arrival_test.cc
void waitsAreReadOffTheStamp();
void slewedWallClocksAreBelieved();
void noWaitIsReadOffAWallClockThatWasSet();
void nothingWaitedLongerThanItsSocketWasInUse();
void aMomentIsOneOfBothClocks();

// frame_test.cc
void sumsAgreeWithTheSlowWay();
void parserFindsHeaders();
void parserReadsNothingBeyondTheFrame();
void parserHidesTheTransportOfFragmentsAndExtensions();
void brokenIpIsAnOpaqueFrame();
void checksumsAreRight();
void udpChecksumIsNeverZero();
void partialChecksumsOutsideTheFrameAreRefused();

// segment_test.cc
void segmentsCarryTheRightHeaders();
void segmentationRefusesWhatTheHeadersDoNotSay();
void speed();

// coalesce_test.cc
void coalescingReversesSegmentation();
void interleavedFlowsJoinEachToItsOwn();
void onlySegmentsThatBelongTogetherJoin();
void nothingOvertakesItsOwnFlow();
void aShorterSegmentCloses();
void shufflesAndMutationsKeepThePromises();
void aFullBatchIsRefused();

// relay_test.cc
void aRunGoesOnWhereTheTablesSaySo();
void whateverTakesADecisionIsLeft();

// session_test.cc
void replayWindowAcceptsEachCounterOnce();
void replayWindowAgreesWithASet();
void recordHeadersRoundTrip();
void datagramsAreClassified();
void framesAreReassembledInAnyOrder();
void badPiecesDropTheirFrame();
void reassemblyIsBounded();

}  // namespace etherloom::test

// Every counter of the engine, named once. They live in a Float64Array that JavaScript reads without a call.
// Frames are counted as they are on the wire: a super-frame of 40 segments counts 40, a fragmented frame counts 1.
//
// What comes in goes out or is dropped for one reason (with the reasons and counters of dataplane/drops.ts):
//
//   frames     framesFromPorts + framesOpened + floodCopies = framesSealed + framesToPorts + waiting + drops of frames
//   datagrams  recordsSent + transitForwarded + handshakesSent = datagramsSent + dropSocketFull + dropSendError +
//              dropMessageSize
//              datagramsReceived: see engine-receive.cc
//   transit    transitReceived = transitForwarded + drops of transit
//
// dataplane/drops.ts says which reasons are drops of frames and of transit.
#pragma once

#include <cstdint>

#define ETHERLOOM_COUNTERS(X)   \
  X(framesFromPorts)            \
  X(framesToPorts)              \
  X(framesSealed)               \
  X(framesOpened)               \
  X(recordsSent)                \
  X(recordsReceived)            \
  X(transitForwarded)           \
  X(transitReceived)            \
  X(datagramsSent)              \
  X(datagramsReceived)          \
  X(bytesSent)                  \
  X(bytesReceived)              \
  X(fragmentsSent)              \
  X(fragmentsReceived)          \
  X(sendCalls)                  \
  X(receiveCalls)               \
  X(gsoRefused)                 \
  X(handshakesSent)             \
  X(handshakesReceived)         \
  X(keepalivesReceived)         \
  X(probesReceived)             \
  X(controlReceived)            \
  X(pathMtuProbesReceived)      \
  X(pathProbesReceived)         \
  X(dropShort)                  \
  X(dropUnknownType)            \
  X(dropReserved)               \
  X(dropBadLength)              \
  X(dropUnknownIndex)           \
  X(dropReplay)                 \
  X(dropAuth)                   \
  X(dropHeader)                 \
  X(dropKind)                   \
  X(dropMac1)                   \
  X(dropMessageQueue)           \
  X(dropTruncated)              \
  X(dropTransitSelf)            \
  X(dropTransitKeypairGone)     \
  X(dropTransitNoEndpoint)      \
  X(dropTransitCounterLimit)    \
  X(dropBatchFull)              \
  X(dropFragment)               \
  X(dropRunt)                   \
  X(dropUnsegmentable)          \
  X(dropNoSession)              \
  X(dropNoEndpoint)             \
  X(dropTooBig)                 \
  X(dropCounterLimit)           \
  X(dropSocketFull)             \
  X(dropSendError)              \
  X(dropMessageSize)            \
  X(dropPortFull)               \
  X(dropPortError)              \
  X(dropPortFrame)

namespace etherloom {

enum Counter : uint32_t {
#define ETHERLOOM_COUNTER_ENUM(name) name,
  ETHERLOOM_COUNTERS(ETHERLOOM_COUNTER_ENUM)
#undef ETHERLOOM_COUNTER_ENUM
      kCounterCount
};

}  // namespace etherloom

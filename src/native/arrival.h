// When a datagram reached this machine. It may wait in its socket for longer than it took on the way, so the kernel stamps
// it, but with CLOCK_REALTIME, which somebody may set at any time; all else here runs by CLOCK_MONOTONIC_RAW:
//
//   emptied                 came                         now
//   --+---------------------+----------------------------+-->   what is read now came after the last look that left the
//     the socket was empty  |<--------- waited --------->|      socket empty, or the stamp means something else
#pragma once

#include <time.h>

namespace etherloom {

double microseconds(clockid_t clock);

// One moment by both clocks, us.
struct Moment {
  double rawUs = 0;
  double wallUs = 0;
};

Moment momentNow();

// How long ago the kernel took something in, us; 0 where its stamp cannot be right because CLOCK_REALTIME was set since the
// socket was empty.
double waitedUs(const timespec& stamp, const Moment& emptied, const Moment& now);

}  // namespace etherloom

// Time and urgency, as the lab's programs need them.
#pragma once

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdint>

namespace netlab {

constexpr int64_t kMicrosecond = 1000;
constexpr int64_t kMillisecond = 1000 * kMicrosecond;
constexpr int64_t kSecond = 1000 * kMillisecond;

inline int64_t nanoseconds(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

inline int64_t now(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return nanoseconds(time);
}

// Timers to the point, and a place before all ordinary programs where that is allowed (true), else as near to it as is.
inline bool beUrgent(int priority) {
  prctl(PR_SET_TIMERSLACK, 1);
  sched_param parameters{};
  parameters.sched_priority = priority;
  if (sched_setscheduler(0, SCHED_FIFO, &parameters) == 0) return true;
  setpriority(PRIO_PROCESS, 0, -19);
  return false;
}

}  // namespace netlab

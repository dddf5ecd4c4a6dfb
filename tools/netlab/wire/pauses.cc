// Watches for pauses of the machine itself: on each core a process of the highest urgency sleeps for five milliseconds
// again and again. When it oversleeps, whatever else ran there stood still too, and is not to blame for that.
//
//   pauses MILLISECONDS       prints "<ms since 1970, at its end> <length in ms> <core>" for each longer pause, until killed

#include <cstdio>
#include <cstdlib>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"

namespace {

constexpr int kUrgency = 50;
constexpr int64_t kNap = 5 * netlab::kMillisecond;

[[noreturn]] void watch(int core, int64_t limit) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  sched_setaffinity(0, sizeof cores, &cores);
  netlab::beUrgent(kUrgency);
  const timespec nap{0, kNap};
  int64_t before = netlab::now(CLOCK_MONOTONIC);
  for (;;) {
    nanosleep(&nap, nullptr);
    const int64_t now = netlab::now(CLOCK_MONOTONIC);
    const int64_t late = now - before - kNap;
    if (late > limit) {
      printf("%lld %lld %d\n", static_cast<long long>(netlab::now(CLOCK_REALTIME) / netlab::kMillisecond),
             static_cast<long long>(late / netlab::kMillisecond), core);
      fflush(stdout);
    }
    before = now;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t limit = (argc > 1 ? atoll(argv[1]) : 20) * netlab::kMillisecond;
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  for (int core = 1; core < cores; core++) {
    if (fork() == 0) watch(core, limit);
  }
  watch(0, limit);
}

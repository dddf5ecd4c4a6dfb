// Input: steps of 9 bytes: how (1), value (8). The window must agree with a set of all counters seen.
#include <memory>
#include <set>

#include "../bytes.h"
#include "../replay.h"
#include "../test/harness.h"

using namespace etherloom;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto window = std::make_unique<ReplayWindow>();
  std::set<uint64_t> seen;
  for (; size >= 9; data += 9, size -= 9) {
    const uint64_t newest = seen.empty() ? 0 : *seen.rbegin();
    const uint64_t value = loadLe64(data + 1);
    uint64_t counter = value;
    if (data[0] % 4 == 1) counter = newest + (value & 0x1ffff);
    if (data[0] % 4 == 2) counter = newest - (value & 0x1ffff);
    if (data[0] % 4 == 3) counter = newest + 1;
    const bool inWindow = seen.empty() || counter > newest || newest - counter < ReplayWindow::kSize;
    const bool fresh = counter < ReplayWindow::kLimit && inWindow && seen.count(counter) == 0;
    REQUIRE(window->check(counter) == fresh);
    if ((data[0] & 0x80) != 0) continue;
    REQUIRE(window->accept(counter) == fresh);
    if (fresh) seen.insert(counter);
    REQUIRE(!window->check(counter));
  }
  return 0;
}

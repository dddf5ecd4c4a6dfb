// Input: virtio header (10), frame.
#include "../test/frames.h"

using namespace etherloom;
using namespace etherloom::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < sizeof(VnetHeader) || size > 70000) return 0;
  VnetHeader vnet;
  std::memcpy(&vnet, data, sizeof vnet);
  const Bytes frame(data + sizeof vnet, data + size);
  SegmentPlan plan;
  if (!planSegments(frame.data(), static_cast<uint32_t>(frame.size()), vnet, plan)) return 0;
  REQUIRE(plan.count >= 1 && plan.count <= kMaxSegments && plan.gsoSize == vnet.gsoSize);
  checkSegments(frame, plan);
  return 0;
}

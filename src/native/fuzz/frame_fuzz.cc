// Input: csum_start (2), csum_offset (2), frame.
#include "../test/frames.h"

using namespace etherloom;
using namespace etherloom::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4 || size > 70000) return 0;
  const uint16_t csumStart = loadLe16(data);
  const uint16_t csumOffset = loadLe16(data + 2);
  const Bytes input(data + 4, data + size);
  const uint32_t len = static_cast<uint32_t>(input.size());

  FrameView view;
  const bool parsed = parseFrame(input.data(), len, view);
  Bytes completed = input;
  const bool complete = completeChecksum(completed.data(), len, csumStart, csumOffset);
  if (!complete) REQUIRE(completed == input);
  if (!parsed) {
    REQUIRE(!complete);
    return 0;
  }
  REQUIRE(view.l3 >= 14 && view.l3 == 14 + 4 * view.tags && view.tags <= 2 && view.l3 <= len);
  REQUIRE(view.end <= len && (view.l4 == 0 || (view.l4 > view.l3 && view.l4 < view.end)));
  REQUIRE((view.tags == 0) == (view.outerVlan == kNoVlan));
  if (view.fragment || view.ipv6Extension || view.ipVersion == 0) REQUIRE(view.l4 == 0);
  const uint32_t transport = transportHeaderLength(input.data(), view);
  REQUIRE(transport <= view.end - view.l4);
  const bool plain = checksumOffsetIsPlain(input.data(), len, csumStart, csumOffset, view);
  if (plain) REQUIRE(transport != 0 && csumStart == view.l4 && complete);

  Bytes whole = input;
  REQUIRE(recomputeTransportChecksum(whole.data(), len, view) == (transport != 0));
  Bytes partial = input;
  VnetHeader vnet;
  REQUIRE(preparePartialChecksum(partial.data(), len, view, vnet) == (transport != 0));
  if (transport == 0) {
    REQUIRE(whole == input && partial == input);
    return 0;
  }
  REQUIRE(transportRest(whole, view) == 0);
  if (vnet.flags == kVnetNeedsCsum) {
    REQUIRE(checksumOffsetIsPlain(partial.data(), len, vnet.csumStart, vnet.csumOffset, view));
    REQUIRE(completeChecksum(partial.data(), len, vnet.csumStart, vnet.csumOffset));
  }
  REQUIRE(transportRest(partial, view) == 0);
  return 0;
}

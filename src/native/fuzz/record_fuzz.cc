// Input: a datagram.
#include "../record.h"
#include "../test/harness.h"

using namespace etherloom;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const test::Bytes exact(data, data + size);  // a buffer of its own: reads past the end show
  const uint32_t len = static_cast<uint32_t>(size);
  const DatagramClass result = classify(exact.data(), len);
  REQUIRE((result.type == 0) == (result.drop != DatagramDrop::none));
  REQUIRE(static_cast<uint32_t>(result.drop) < kDatagramDropCount);
  if (result.type != 0) {
    REQUIRE(result.type == data[0] && data[1] == 1 && data[2] == 0 && data[3] == 0);
    REQUIRE(len >= kMinRecord);
    if (result.type == kTypeInitiation) REQUIRE(len >= kMinInitiation);
    if (result.type == kTypeResponse) REQUIRE(len >= kMinResponse);
    if (result.type == kTypeCookieReply) REQUIRE(len == kCookieReplyLength);
    if (result.type == kTypeTransit) {
      REQUIRE(len >= kMinTransit);
      REQUIRE(data[kTransitHeader] >= kTypeInitiation && data[kTransitHeader] <= kTypeRecord);
    }
  }
  if (len >= 8) {
    uint8_t again[8];
    encodeRecordHeader(decodeRecordHeader(exact.data()), again);
    REQUIRE(std::memcmp(again, data, 8) == 0);
    encodeFragmentHeader(decodeFragmentHeader(exact.data()), again);
    REQUIRE(std::memcmp(again, data, 8) == 0);
  }
  return 0;
}

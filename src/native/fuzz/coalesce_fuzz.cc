// Input: a batch, one frame after the other:
//   control 1 · then by control & 3
//     0, 1  length 2, bytes: a frame as it is
//     2     the segment that would follow the last frame
//     3     the same, with the byte at offset 1 (1) xored with 1 byte
//   control & 4: not partial; control & 8: another key
#include "../test/coalesce_model.h"

using namespace etherloom;
using namespace etherloom::test;

namespace {

// Counts the identification and the sequence up, as a sender would.
void advance(Bytes& frame) {
  FrameView view;
  if (!parseFrame(frame.data(), static_cast<uint32_t>(frame.size()), view) || view.l4 == 0) return;
  if (view.ipVersion == 4) {
    uint8_t* ip = frame.data() + view.l3;
    storeBe16(ip + 4, static_cast<uint16_t>(loadBe16(ip + 4) + 1));
    storeBe16(ip + 10, 0);
    storeBe16(ip + 10, static_cast<uint16_t>(~slowSum(ip, view.l4 - view.l3)));
  }
  const uint32_t transport = transportHeaderLength(frame.data(), view);
  if (view.l4Proto == kProtocolTcp && transport != 0) {
    uint8_t* sequence = frame.data() + view.l4 + 4;
    storeBe32(sequence, loadBe32(sequence) + view.end - view.l4 - transport);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<Input> inputs;
  const uint8_t* const end = data + size;
  while (data < end && inputs.size() < 200) {
    const uint8_t control = *data++;
    Input input{Bytes{}, (control & 8) != 0 ? 2u : 1u, (control & 4) == 0};
    if ((control & 3) < 2) {
      if (end - data < 2) break;
      const size_t length = std::min<size_t>(loadLe16(data), static_cast<size_t>(end - data - 2));
      data += 2;
      input.frame.assign(data, data + length);
      data += length;
    } else {
      if (inputs.empty()) continue;
      input.frame = inputs.back().frame;
      advance(input.frame);
      if ((control & 3) == 3) {
        if (end - data < 2) break;
        input.frame[data[0] % input.frame.size()] ^= data[1];
        data += 2;
      }
    }
    if (!input.frame.empty()) inputs.push_back(std::move(input));
  }
  Coalescer coalescer(256);
  checkBatch(coalescer, inputs);
  return 0;
}

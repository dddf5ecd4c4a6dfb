// Writes a small seed corpus: write_seeds DIRECTORY makes DIRECTORY/<target>/<name>.
#include <sys/stat.h>

#include <string>

#include "../record.h"
#include "../test/frames.h"

using namespace etherloom;
using namespace etherloom::test;

namespace {

std::string root;

void write(const std::string& target, const std::string& name, const Bytes& bytes) {
  const std::string directory = root + "/" + target;
  mkdir(directory.c_str(), 0755);
  std::FILE* file = std::fopen((directory + "/" + name).c_str(), "wb");
  REQUIRE(file != nullptr);
  REQUIRE(std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size());
  REQUIRE(std::fclose(file) == 0);
}

void append16(Bytes& bytes, uint32_t value) {
  bytes.push_back(static_cast<uint8_t>(value));
  bytes.push_back(static_cast<uint8_t>(value >> 8));
}

void append(Bytes& bytes, const Bytes& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

void writeFrames(Random& random, const Shape& shape, const std::string& name) {
  const Bytes frame = buildFrame(random, shape);
  FrameView view;
  REQUIRE(parseFrame(frame.data(), static_cast<uint32_t>(frame.size()), view));
  const VnetHeader vnet = superVnet(frame, view, 100);
  Bytes seed;
  append16(seed, vnet.csumStart);
  append16(seed, vnet.csumOffset);
  append(seed, frame);
  write("frame", name, seed);

  const uint8_t* header = reinterpret_cast<const uint8_t*>(&vnet);
  seed.assign(header, header + sizeof vnet);
  append(seed, frame);
  write("segment", name, seed);

  SegmentPlan plan;
  REQUIRE(planSegments(frame.data(), static_cast<uint32_t>(frame.size()), vnet, plan));
  seed.clear();
  for (uint32_t i = 0; i < plan.count; i++) {
    const Bytes segment = segmentAt(plan, i);
    seed.push_back(0);
    append16(seed, static_cast<uint32_t>(segment.size()));
    append(seed, segment);
    if (i == 0) append(seed, Bytes{2, 2, 3, 40, 1});
  }
  write("coalesce", name, seed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_seeds DIRECTORY\n");
    return 2;
  }
  root = argv[1];
  mkdir(root.c_str(), 0755);
  Random random(50);
  for (const uint8_t version : {4, 6}) {
    for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
      Shape shape;
      shape.version = version;
      shape.protocol = protocol;
      shape.payload = 250;
      const std::string name = std::string(protocol == kProtocolTcp ? "tcp" : "udp") + (version == 4 ? "4" : "6");
      writeFrames(random, shape, name);
      shape.tags = 2;
      shape.ipOptions = 8;
      shape.tcpOptions = 12;
      shape.tcpFlags = 0x18;
      writeFrames(random, shape, name + "-tags-options");
    }
  }
  const uint32_t lengths[] = {0, 192, 128, 64, 40, 80};
  for (uint8_t type = 1; type <= 5; type++) {
    Bytes datagram(lengths[type]);
    datagram[0] = type;
    datagram[1] = kMeshVersion;
    if (type == kTypeTransit) datagram[kTransitHeader] = kTypeRecord;
    write("record", "type" + std::to_string(type), datagram);
  }
  write("replay", "steps", Bytes{3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0});
  // Two halves of a frame of 1000 bytes; the second piece first; an overlap.
  write("reassembly", "halves", Bytes{0, 1, 1, 0, 0x00, 0, 0xf4, 1, 0xe8, 3, 0, 1, 1, 0, 0xf4, 1, 0xf4, 1, 0xe8, 3});
  write("reassembly", "reversed", Bytes{0, 1, 1, 0, 0xf4, 1, 0xf4, 1, 0xe8, 3, 0, 1, 1, 0, 0x00, 0, 0xf4, 1, 0xe8, 3});
  write("reassembly", "overlap", Bytes{0, 1, 1, 0, 0x00, 0, 0xf4, 1, 0xe8, 3, 0, 1, 1, 0, 0xf3, 1, 0xf4, 1, 0xe8, 3});
  return 0;
}

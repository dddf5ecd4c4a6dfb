#include "record.h"

namespace etherloom {

RecordHeader decodeRecordHeader(const uint8_t* bytes) {
  RecordHeader header;
  header.kind = bytes[0] & kKindMask;
  header.flags = bytes[0] & kFlagMask;
  header.ttl = bytes[1];
  header.dst = loadBe16(bytes + 2);
  header.src = loadBe16(bytes + 4);
  header.length = loadBe16(bytes + 6);
  return header;
}

void encodeRecordHeader(const RecordHeader& header, uint8_t* bytes) {
  bytes[0] = static_cast<uint8_t>((header.kind & kKindMask) | (header.flags & kFlagMask));
  bytes[1] = header.ttl;
  storeBe16(bytes + 2, header.dst);
  storeBe16(bytes + 4, header.src);
  storeBe16(bytes + 6, header.length);
}

FragmentHeader decodeFragmentHeader(const uint8_t* bytes) {
  return FragmentHeader{loadBe32(bytes), loadBe16(bytes + 4), loadBe16(bytes + 6)};
}

void encodeFragmentHeader(const FragmentHeader& header, uint8_t* bytes) {
  storeBe32(bytes, header.id);
  storeBe16(bytes + 4, header.offset);
  storeBe16(bytes + 6, header.total);
}

DatagramClass classify(const uint8_t* datagram, uint32_t len) {
  const auto dropped = [](DatagramDrop drop) { return DatagramClass{0, drop}; };
  if (len == 0) return dropped(DatagramDrop::tooShort);
  const uint8_t type = datagram[0];
  if (type < kTypeInitiation || type > kTypeTransit) return dropped(DatagramDrop::unknownType);
  if (len < 4) return dropped(DatagramDrop::tooShort);
  if (datagram[1] != kMeshVersion || datagram[2] != 0 || datagram[3] != 0) {
    return dropped(DatagramDrop::badReserved);
  }
  switch (type) {
    case kTypeInitiation:
      if (len < kMinInitiation) return dropped(DatagramDrop::tooShort);
      break;
    case kTypeResponse:
      if (len < kMinResponse) return dropped(DatagramDrop::tooShort);
      break;
    case kTypeCookieReply:
      if (len != kCookieReplyLength) return dropped(DatagramDrop::badLength);
      break;
    case kTypeRecord:
      if (len < kMinRecord) return dropped(DatagramDrop::tooShort);
      break;
    default: {  // transit
      if (len < kTransitHeader) return dropped(DatagramDrop::tooShort);
      if (len < kMinTransit) return dropped(DatagramDrop::innerTooShort);
      const uint8_t inner = datagram[kTransitHeader];
      if (inner < kTypeInitiation || inner > kTypeRecord) return dropped(DatagramDrop::innerType);
    }
  }
  return DatagramClass{type, DatagramDrop::none};
}

}  // namespace etherloom

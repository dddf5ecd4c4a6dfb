// Where the headers of an Ethernet frame lie, and its transport checksum.
//
//  0       6       12          14/18/22   l3          l4            end      len
//  +-------+-------+-----------+----------+-----------+-------------+--------+
//  | dst   | src   | 0-2 tags  | type     | IP header | transport   | padding|
//  +-------+-------+-----------+----------+-----------+-------------+--------+
#pragma once

#include <cstdint>

#include "vnet.h"

namespace etherloom {

constexpr uint32_t kEthernetHeader = 14;
constexpr uint16_t kEtherTypeIp4 = 0x0800;
constexpr uint16_t kEtherTypeIp6 = 0x86dd;
constexpr uint16_t kEtherTypeVlan = 0x8100;  // IEEE 802.1Q customer tag
constexpr uint16_t kEtherTypeQinQ = 0x88a8;  // IEEE 802.1ad service tag
constexpr uint8_t kProtocolTcp = 6;
constexpr uint8_t kProtocolUdp = 17;
constexpr uint16_t kNoVlan = 0xffff;

struct FrameView {
  uint16_t l3;         // offset of what follows Ethernet and its tags
  uint16_t l4;         // offset of the transport header; 0: none (not IP, a fragment, an IPv6 extension header)
  uint16_t etherType;  // after the tags
  uint16_t outerVlan;  // VLAN identifier (12 bits) of the outer tag, or kNoVlan
  uint8_t tags;        // 0-2
  uint8_t ipVersion;   // 4, 6, or 0: not IP or broken IP
  uint8_t l4Proto;     // IP protocol; meaningful with ipVersion != 0
  bool fragment;       // IPv4 with more-fragments or an offset
  bool ipv6Extension;  // IPv6 whose next header is an extension header (or ESP)
  uint32_t end;        // end of the IP packet by its own length field, <= frame length; frame length if not IP
};

/// False when the bytes are not a frame: under 14 bytes, or a tag cut short. A frame with a broken IP header
/// (bad header length, length beyond the frame) is a frame with ipVersion 0. Reads nothing past `len`.
bool parseFrame(const uint8_t* frame, uint32_t len, FrameView& view);

/// True iff csum_start and csum_offset name the checksum of a well-formed TCP or UDP header directly behind
/// Ethernet, at most two tags and an unfragmented IPv4 or extension-free IPv6 header: such a frame may travel
/// with flag 0x10, its checksum left to the receiving port.
bool checksumOffsetIsPlain(const uint8_t* frame, uint32_t len, uint16_t csumStart, uint16_t csumOffset,
                           const FrameView& view);

/// Completes a partial checksum anywhere in the frame: the field holds the folded pseudo-header sum, the sum
/// runs from csum_start to the end of the IP packet (of the frame, when it is not IP). False: malformed.
bool completeChecksum(uint8_t* frame, uint32_t len, uint16_t csumStart, uint16_t csumOffset);

/// Writes the TCP or UDP checksum from scratch; lengths come from the IP header, the field's content is
/// ignored. False: there is no well-formed TCP or UDP header.
bool recomputeTransportChecksum(uint8_t* frame, uint32_t len, const FrameView& view);

/// Leaves the TCP or UDP checksum to the port: writes the folded pseudo-header sum into the field and fills
/// all of `vnet`. A frame with padding gets its whole checksum here instead (the port would sum the padding
/// too) and a zero `vnet`. False: there is no well-formed TCP or UDP header.
bool preparePartialChecksum(uint8_t* frame, uint32_t len, const FrameView& view, VnetHeader& vnet);

/// Length of a well-formed TCP header (20-60) or UDP header (8) at view.l4, which lies wholly in the packet
/// (and a UDP length that fills the IP packet); 0 otherwise.
uint32_t transportHeaderLength(const uint8_t* frame, const FrameView& view);

/// Writes the checksum of the IPv4 header at `header` whose length is `length`.
void writeIp4Checksum(uint8_t* header, uint32_t length);

}  // namespace etherloom

// The datagrams of a mesh session.
//
// Type 4, a record, and type 5, transit: the sealed header of one hop before a whole datagram of type 1-4.
//
//  0      1            4              8                 16
//  +------+------------+--------------+-----------------+-----------------------------+----------+
//  | 0x04 | 01 00 00   | receiver idx | counter (8, LE) | sealed (header 8 + payload) | tag (16) |
//  +------+------------+--------------+-----------------+-----------------------------+----------+
//  +------+------------+--------------+-----------------+-------------------+----------+---------------
//  | 0x05 | 01 00 00   | receiver idx | counter (8, LE) | sealed (header 8) | tag (16) | inner datagram
//  +------+------------+--------------+-----------------+-------------------+----------+---------------
//                                                       16                  24         40
//
// The sealed header, big endian:
//
//  0            1     2     4     6        8
//  +------------+-----+-----+-----+--------+
//  | flags|kind | ttl | dst | src | length |
//  +------------+-----+-----+-----+--------+
#pragma once

#include <cstdint>

#include "bytes.h"

namespace etherloom {

constexpr uint8_t kTypeInitiation = 1;
constexpr uint8_t kTypeResponse = 2;
constexpr uint8_t kTypeCookieReply = 3;
constexpr uint8_t kTypeRecord = 4;
constexpr uint8_t kTypeTransit = 5;

constexpr uint8_t kMeshVersion = 1;  // byte 1 of every datagram; 0 in WireGuard itself

constexpr uint32_t kReceiverOffset = 4;
constexpr uint32_t kCounterOffset = 8;
constexpr uint32_t kOuterHeader = 16;  // also the associated data of a record
constexpr uint32_t kPlainHeader = 8;
constexpr uint32_t kTag = 16;
constexpr uint32_t kRecordOverhead = kOuterHeader + kPlainHeader + kTag;
constexpr uint32_t kTransitHeader = kOuterHeader + kPlainHeader + kTag;
constexpr uint32_t kTransitInnerBound = 16;  // bytes of the inner datagram in a transit header's associated data

constexpr uint32_t kMinInitiation = 192;
constexpr uint32_t kMinResponse = 128;
constexpr uint32_t kCookieReplyLength = 64;
constexpr uint32_t kMinRecord = kRecordOverhead;
constexpr uint32_t kMinInner = 40;
constexpr uint32_t kMinTransit = kTransitHeader + kMinInner;

// Low four bits of the first plaintext byte.
constexpr uint8_t kKindFrame = 0;
constexpr uint8_t kKindProbe = 2;
constexpr uint8_t kKindControl = 3;
constexpr uint8_t kKindFragment = 4;
constexpr uint8_t kKindPathMtu = 5;    // a packet of a certain size, and the answer that it passed
constexpr uint8_t kKindPathProbe = 6;  // end to end, over whatever lies between
constexpr uint8_t kKindMask = 0x0f;

// High four bits.
constexpr uint8_t kFlagPartialChecksum = 0x10;  // the TCP/UDP checksum is left to the receiving port
constexpr uint8_t kFlagMask = 0xf0;  // 0x20 in a transit header: it goes the second best way, and is sent back no more

// In the first byte of a probe (wire/probe.ts).
constexpr uint8_t kProbeReplyWanted = 0x01;

struct RecordHeader {
  uint8_t kind;   // low four bits; in a transit header the inner datagram's type
  uint8_t flags;  // high four bits, in place
  uint8_t ttl;
  uint16_t dst;  // NodeID
  uint16_t src;
  uint16_t length;  // of the payload, or of the inner datagram
};

/// Reads 8 bytes.
RecordHeader decodeRecordHeader(const uint8_t* bytes);
/// Writes 8 bytes.
void encodeRecordHeader(const RecordHeader& header, uint8_t* bytes);

// Before each piece of a frame too large for one record (kind 4):
//
//  0    4        6       8
//  +----+--------+-------+--------------
//  | id | offset | total | piece ...       big endian
//  +----+--------+-------+--------------
constexpr uint32_t kFragmentHeader = 8;

struct FragmentHeader {
  uint32_t id;      // counts up per session
  uint16_t offset;  // of this piece in the frame
  uint16_t total;   // frame length
};

/// Reads 8 bytes.
FragmentHeader decodeFragmentHeader(const uint8_t* bytes);
/// Writes 8 bytes.
void encodeFragmentHeader(const FragmentHeader& header, uint8_t* bytes);

enum class DatagramDrop : uint8_t {
  none = 0,
  tooShort,      // shorter than the least its type can be
  unknownType,   // byte 0 is not 1-5
  badReserved,   // bytes 1-3 are not 01 00 00
  badLength,     // a cookie reply that is not 64 bytes
  innerTooShort,  // transit: inner datagram under 40 bytes
  innerType,      // transit: inner datagram not of type 1-4
};
constexpr uint32_t kDatagramDropCount = 7;

struct DatagramClass {
  uint8_t type;       // 1-5, or 0: dropped
  DatagramDrop drop;  // why
};

/// Judges a datagram by its unsealed bytes. Total: any length, any content.
DatagramClass classify(const uint8_t* datagram, uint32_t len);

}  // namespace etherloom

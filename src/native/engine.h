// The packet engine: four batch calls over shared arenas (DESIGN section 4).
//
//   ports -> readPort() -> [JavaScript picks destinations] -> send()        -> UDP
//   UDP   -> receive()  -> [JavaScript picks ports]        -> writePorts()  -> ports
//                       -> [JavaScript picks next hops]    -> forward()     -> UDP
//                       -> [the tables' next hop will do: relay.h]          -> UDP
//
// Bytes stay where they were read until the next batch: a super-frame is segmented and sealed from the port arena, a
// record is opened in the receive arena, written to a port or sent on to the next hop from there.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "coalesce.h"
#include "counters.h"
#include "frame.h"
#include "keypairs.h"
#include "later.h"
#include "reassembly.h"
#include "record.h"
#include "relay.h"
#include "tap.h"
#include "trains.h"
#include "udp.h"
#include "vnet.h"

namespace etherloom {

constexpr uint32_t kMaxFrame = 65536;
constexpr uint32_t kPortArena = 9 * kMaxFrame;
constexpr uint32_t kMaxPortFrames = 128;

constexpr uint32_t kReceiveSlots = 16;
constexpr uint32_t kArrivalSlots = kReceiveSlots + kMaxLater;  // of addresses and times: those of probes that waited come last
constexpr uint32_t kReceiveAux = 2 * kReceiveSlots * kMaxFrame;  // reassembled frames of one batch
constexpr uint32_t kLaterArena = kReceiveSlots * kMaxFrame + kReceiveAux;  // where probes that waited are laid
constexpr uint32_t kReceiveArena = kLaterArena + kMaxLater * kMaxLaterBytes;
constexpr uint32_t kMaxReceived = 4096;  // datagrams of one batch
constexpr uint32_t kMaxMessages = 256;   // probes, control and handshakes of one batch
constexpr uint32_t kMaxSends = 4096;
constexpr uint32_t kMaxLinks = 4096;
constexpr uint32_t kMaxPorts = 16;

constexpr uint32_t kSendArena = 16 * kMaxFrame;

// Strides, in 32-bit words, of the descriptor arrays shared with JavaScript. Field orders are in descriptors.ts.
constexpr uint32_t kPortFrameWords = 4;
constexpr uint32_t kSendWords = 8;
constexpr uint32_t kFrameWords = 8;
constexpr uint32_t kRunWords = 8;
constexpr uint32_t kMessageWords = 8;
constexpr uint32_t kForwardWords = 8;
constexpr uint32_t kWriteWords = 4;

// Batches taken without JavaScript before others of the loop have their turn.
constexpr uint32_t kRoundsAlone = 8;

// What receive() found, besides the arrays.
struct ReceiveResult {
  uint32_t datagrams = 0;
  uint32_t frames = 0;
  uint32_t runs = 0;
  uint32_t messages = 0;
  uint32_t later = 0;  // of them, probes that came before the batch
  double readUs = 0;  // when a socket was last read
  double waitedUs = -1;  // how long the first datagram of the batch had lain there; -1: there is none
};

constexpr uint32_t kPortStats = 8;
enum PortStat : uint32_t { portFramesIn, portBytesIn, portFramesOut, portBytesOut, portDrops };

struct Port {
  int fd = -1;
  bool vnet = false;
  bool uso = false;  // takes UDP super-frames
};

struct Link {
  Destination to;
  bool used = false;
  double received = 0;  // datagrams that came from its address, whoever sealed them
  bool shadowed = false;  // another link was given the same address later: what comes from there is that one's
};

// The arrays JavaScript sees; the binding owns the memory.
struct Shared {
  uint8_t* portArena;
  uint8_t* receiveArena;
  int32_t* portFrames;
  int32_t* sends;
  int32_t* frames;
  int32_t* runs;
  int32_t* messages;
  int32_t* forwards;
  int32_t* writes;
  uint8_t* addresses;  // one packed address per arrival slot
  double* arrivals;    // when what lies there reached this machine, us of CLOCK_MONOTONIC_RAW
  double* received;    // of probes that waited: datagrams on their link until they came
  double* counters;
  double* portStats;
};

double monotonicMicroseconds();
// CLOCK_BOOTTIME, which goes on while the machine is suspended.
double boottimeMicroseconds();

class Engine {
 public:
  Engine(uint16_t ownNode, const Shared& shared);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Ports. The engine owns the descriptor from here on. Returns the port number or -1 when all are taken.
  int32_t addPort(int fd, bool vnet, bool uso);
  void closePort(int32_t port);
  // False when the interface behind the port was deleted. It may have another name or be in another namespace.
  bool portAlive(int32_t port) const;
  // Reads up to kMaxPortFrames frames; returns how many lie in the port arena now.
  uint32_t readPort(int32_t port);
  // Puts one finished frame (from a port that lives in JavaScript) where readPort would; false when it is too long.
  bool inject(const uint8_t* frame, uint32_t length);
  void writePorts(uint32_t count);
  // Copies a frame for a JavaScript port as [length u32 LE][frame] items with finished checksums; returns the bytes used.
  uint32_t exportFrames(int32_t source, uint32_t index, uint8_t* out, uint32_t capacity);

  // Underlay.
  UdpPair& udp() { return udp_; }
  bool setLink(int32_t link, const uint8_t* packed);
  uint32_t refreshRoute(int32_t link, uint32_t mark);
  // Datagrams sent to and received from the address of a link.
  bool linkStats(int32_t link, double* out) const;
  void setMac1Key(const uint8_t* key);
  KeypairTable& keypairs() { return keypairs_; }
  Blake2sMac& mac() { return mac_; }

  // Seals the listed frames of the port arena and sends them.
  void send(uint32_t count);
  ReceiveResult receive();
  // Reads while there is nothing for JavaScript in it, some batches at most; false: there is, and the next receive() returns
  // it. Probes that can wait (later.h) are handed up by the next receive() of any kind.
  bool receiveAlone();
  // From now on these tables are followed where they leave nothing to decide.
  void follow(const RelayTables& tables) { tables_ = tables; }
  // Sends transit runs on to their next hop.
  void forward(uint32_t count);

  // One record with a payload from JavaScript. With `to` it goes there instead of the link's endpoint; `hopFlags` are
  // those of the transit header.
  bool sendRecord(uint8_t kind, int32_t keypair, int32_t hopKeypair, int32_t link, const SocketAddress* to,
                  uint8_t ttl, const uint8_t* payload, uint32_t length, uint8_t hopFlags);
  // A datagram as it is (handshakes), directly or in transit through `hopKeypair`.
  bool sendDatagram(const uint8_t* data, uint32_t length, int32_t link, const SocketAddress* to);
  bool sendTransit(const uint8_t* data, uint32_t length, int32_t hopKeypair, int32_t link, uint16_t destination,
                   uint8_t ttl, uint8_t hopFlags);

 private:
  struct PortFrame {
    uint8_t* data;
    uint32_t length;
    VnetHeader header;
  };
  struct TransitItem {
    uint8_t* data;
    uint32_t length;
  };
  // The way of one frame or record: its first link, and with a relay there the keypair and flags of the hop's header.
  struct Way {
    UdpSocket* socket;
    Destination* to;
    Keypair* hop;
    uint8_t hopFlags;
    uint8_t ttl;
  };

  // engine-send.cc
  bool acceptPortFrame(int32_t port, uint8_t* data, uint32_t length, const VnetHeader& header);
  void sendFrame(const PortFrame& frame, const int32_t* entry);
  bool sendPiece(Keypair& keypair, const Way& way, uint8_t kind, const uint8_t* a, uint32_t aLength, const uint8_t* b,
                 uint32_t bLength);
  void sendMaybeSplit(Keypair& keypair, const Way& way, uint8_t flags, uint32_t maxFrame, const uint8_t* a,
                      uint32_t aLength, const uint8_t* b, uint32_t bLength);
  bool sealTransit(Keypair& hop, uint8_t* out, uint8_t kind, uint8_t ttl, uint16_t destination, uint16_t source,
                   uint32_t innerLength);
  UdpSocket* socketFor(const SocketAddress& to);
  Link* usedLink(int32_t link);
  // The link that was given this address last gets its arrivals; nullptr: none has it.
  Link* heirOf(const SocketAddress& address);
  void countArrivals(uint32_t slot, uint32_t datagrams);
  uint8_t* reserve(uint32_t length);

  // engine-receive.cc
  void receiveFrom(UdpSocket& socket, bool& readable, ReceiveResult& result, uint32_t& slot);
  void takeDatagram(uint8_t* data, uint32_t length, uint32_t slot, ReceiveResult& result);
  void takeRecord(uint8_t* data, uint32_t length, uint32_t slot, ReceiveResult& result);
  void takeTransit(uint8_t* data, uint32_t length, uint32_t slot, ReceiveResult& result);
  void takeHandshake(uint8_t* data, uint32_t length, uint32_t slot, int32_t hopKeypair, uint16_t source,
                     ReceiveResult& result);
  ReceiveResult readBatch();
  bool putOff(const Keypair& keypair, int32_t keypairSlot, const uint8_t* payload, uint32_t length, uint32_t slot);
  void handUpLater(ReceiveResult& result);
  void relayRuns(ReceiveResult& result);
  void takeFrame(int32_t keypairSlot, const Keypair& keypair, uint8_t* frame, uint32_t length, uint8_t flags, uint32_t slot);
  void addMessage(ReceiveResult& result, int32_t kind, uint8_t* data, uint32_t length, int32_t keypair,
                  uint32_t slot, int32_t hopKeypair, uint16_t source);
  void emitFrames(ReceiveResult& result);
  bool movedAddress(const Keypair& keypair, uint32_t slot);

  // engine-ports.cc
  void writeSuper(Port& port, int32_t number, uint32_t index);
  void writeFrame(Port& port, int32_t number, const PortFrame& frame);
  bool writeVector(Port& port, int32_t number, const iovec* vector, int pieces, uint32_t frames, uint32_t bytes);

  uint16_t ownNode_;
  Shared shared_;
  UdpPair udp_;
  KeypairTable keypairs_;
  Blake2sMac mac_;
  uint8_t mac1Key_[32] = {};
  std::vector<Link> links_;
  int32_t highestLink_ = -1;
  int32_t lastArrivalLink_ = -1;
  Port ports_[kMaxPorts];

  std::unique_ptr<uint8_t[]> sendArena_;
  uint32_t sendCursor_ = 0;
  Trains trains_;

  PortFrame portFrames_[kMaxPortFrames];
  uint32_t portFrameCount_ = 0;
  uint32_t portCursor_ = 0;

  Coalescer coalescer_;
  Reassembler reassembler_;
  std::vector<TransitItem> transit_;
  RelayTables tables_;
  LaterProbes later_;
  bool isAlone_ = false;
  bool isHeld_ = false;  // a batch was read that JavaScript has not asked for yet
  ReceiveResult held_;
  uint32_t auxCursor_ = 0;
  uint64_t wholeWithoutRoom_ = 0;  // reassembled frames that the arena had no room for
  uint32_t fragmentId_ = 0;
  bool ipv6First_ = true;
  uint64_t batch_ = 0;
  bool readable4_ = true;
  bool readable6_ = true;
  SocketAddress slotAddress_[kReceiveSlots];

  // Facts about each super-frame that the coalescer does not keep.
  struct SuperInfo {
    int32_t keypair;
    uint32_t slot;
  };
  std::vector<SuperInfo> superInfo_;

 public:
  void markReadable(bool v6) { (v6 ? readable6_ : readable4_) = true; }
  bool receiveMore() const { return readable4_ || readable6_; }
};

}  // namespace etherloom

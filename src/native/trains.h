// Datagrams on their way out, grouped into trains: runs to one link, equal in size but for a shorter last one, that the
// kernel takes as one UDP GSO send. Pieces point into the engine's arenas and must stay valid until flush().
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <vector>

#include "udp.h"

namespace etherloom {

constexpr uint32_t kMaxTrainSegments = 64;      // UDP_MAX_SEGMENTS of older kernels
constexpr uint32_t kMaxTrainBytes = 65000;      // below the largest UDP payload
constexpr uint32_t kMaxTrains = 64;
constexpr uint32_t kMaxPieces = 2048;

// Where datagrams go, whether several may go at once (route.h), and how many went there.
struct Destination {
  SocketAddress address;
  bool trains = true;
  double sent = 0;
};

class Trains {
 public:
  Trains(double* counters) : counters_(counters) { pieces_.reserve(kMaxPieces); }

  // True when the next datagram might not fit: flush first.
  bool full() const { return trains_ == kMaxTrains || pieces_.size() + 2 > kMaxPieces; }

  // Appends one datagram of `length` bytes for `to`. The caller keeps all datagrams of one address together.
  void add(UdpSocket* socket, Destination* to, uint8_t* data, uint32_t length);

  // Sends everything; what cannot be sent is counted and forgotten.
  void flush();

  bool empty() const { return trains_ == 0; }

 private:
  struct Train {
    UdpSocket* socket;
    Destination* to;
    uint32_t firstPiece;
    uint32_t pieceCount;
    uint32_t segment;
    uint32_t count;
    uint32_t bytes;
    bool closed;
  };

  void sendRange(uint32_t first, uint32_t end);
  // True when one of full size went out.
  bool sendOneByOne(const Train& train);
  void countFailure(const Train& train, int error);

  double* counters_;
  uint32_t trains_ = 0;
  Train train_[kMaxTrains];
  std::vector<iovec> pieces_;
};

}  // namespace etherloom

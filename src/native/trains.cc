#include "trains.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "counters.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace etherloom {

void Trains::add(UdpSocket* socket, Destination* to, uint8_t* data, uint32_t length) {
  if (trains_ > 0) {
    Train& last = train_[trains_ - 1];
    bool joins = !last.closed && last.to == to && last.socket == socket && socket->gso && to->trains &&
                 length <= last.segment && last.count < kMaxTrainSegments && last.bytes + length <= kMaxTrainBytes;
    if (joins) {
      iovec& tail = pieces_.back();
      if (static_cast<uint8_t*>(tail.iov_base) + tail.iov_len == data) {
        tail.iov_len += length;
      } else {
        pieces_.push_back(iovec{data, length});
        last.pieceCount++;
      }
      last.count++;
      last.bytes += length;
      last.closed = length < last.segment;
      return;
    }
  }
  train_[trains_++] = Train{socket, to, static_cast<uint32_t>(pieces_.size()), 1, length, 1, length, false};
  pieces_.push_back(iovec{data, length});
}

void Trains::flush() {
  uint32_t first = 0;
  while (first < trains_) {
    uint32_t end = first + 1;
    while (end < trains_ && train_[end].socket == train_[first].socket) end++;
    sendRange(first, end);
    first = end;
  }
  trains_ = 0;
  pieces_.clear();
}

void Trains::sendRange(uint32_t first, uint32_t end) {
  mmsghdr messages[kMaxTrains];
  alignas(cmsghdr) uint8_t control[kMaxTrains][CMSG_SPACE(sizeof(uint16_t))];
  memset(messages, 0, sizeof(mmsghdr) * (end - first));
  for (uint32_t i = first; i < end; i++) {
    const Train& train = train_[i];
    msghdr& header = messages[i - first].msg_hdr;
    header.msg_name = &train.to->address.generic;
    header.msg_namelen = train.to->address.length;
    header.msg_iov = &pieces_[train.firstPiece];
    header.msg_iovlen = train.pieceCount;
    if (train.count > 1) {
      header.msg_control = control[i - first];
      header.msg_controllen = CMSG_SPACE(sizeof(uint16_t));
      cmsghdr* entry = CMSG_FIRSTHDR(&header);
      entry->cmsg_level = SOL_UDP;
      entry->cmsg_type = UDP_SEGMENT;
      entry->cmsg_len = CMSG_LEN(sizeof(uint16_t));
      uint16_t size = static_cast<uint16_t>(train.segment);
      memcpy(CMSG_DATA(entry), &size, sizeof size);
    }
  }
  uint32_t done = first;
  while (done < end) {
    int fd = train_[done].socket->fd;
    int sent = sendmmsg(fd, messages + (done - first), end - done, MSG_DONTWAIT);
    counters_[sendCalls]++;
    if (sent > 0) {
      for (int i = 0; i < sent; i++, done++) {
        counters_[datagramsSent] += train_[done].count;
        counters_[bytesSent] += train_[done].bytes;
        train_[done].to->sent += train_[done].count;
      }
      continue;
    }
    Train& failed = train_[done];
    // EIO and EINVAL on a train mean that this path cannot segment, or that the datagrams are too large for it. Only
    // when they pass alone it is the former: from now on one datagram a send. The last one may be short, and pass.
    if ((errno == EIO || errno == EINVAL) && failed.count > 1) {
      if (sendOneByOne(failed)) {
        failed.socket->gso = false;
        counters_[gsoRefused]++;
      }
    } else {
      countFailure(failed, errno);
    }
    done++;
  }
}

bool Trains::sendOneByOne(const Train& train) {
  bool fullSizePassed = false;
  uint32_t piece = train.firstPiece;
  size_t offset = 0;
  for (uint32_t left = train.bytes; left > 0;) {
    iovec& from = pieces_[piece];
    // A datagram never spans pieces: a piece is a run of whole datagrams.
    size_t length = train.segment < from.iov_len - offset ? train.segment : from.iov_len - offset;
    uint8_t* data = static_cast<uint8_t*>(from.iov_base) + offset;
    if (sendto(train.socket->fd, data, length, MSG_DONTWAIT, &train.to->address.generic, train.to->address.length) < 0) {
      Train single = train;
      single.count = 1;
      countFailure(single, errno);
    } else {
      fullSizePassed = fullSizePassed || length == train.segment;
      counters_[datagramsSent]++;
      train.to->sent++;
      counters_[bytesSent] += static_cast<double>(length);
    }
    left -= static_cast<uint32_t>(length);
    offset += length;
    if (offset == from.iov_len) {
      piece++;
      offset = 0;
    }
  }
  return fullSizePassed;
}

void Trains::countFailure(const Train& train, int error) {
  Counter reason = error == EAGAIN || error == ENOBUFS ? dropSocketFull
                   : error == EMSGSIZE                 ? dropMessageSize
                                                       : dropSendError;
  counters_[reason] += train.count;
}

}  // namespace etherloom

// Sends the datagrams of a corpus over and over at a given rate, from several addresses and ports, and counts what is
// answered.
//
//   flood TARGET PORT RATE SECONDS CORPUS SOCKETS ADDRESS...
//
// RATE in datagrams a second; CORPUS holds [length u16 LE][bytes] items; SOCKETS per ADDRESS. The last line of output:
//   sent N bytes N answers N answerBytes N largest N
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <vector>

namespace {

constexpr int kBatch = 32;
// Below this rate datagrams go one by one.
constexpr double kBatchRate = 1000;

double seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

[[noreturn]] void fail(const char* what) {
  perror(what);
  exit(1);
}

struct Answers {
  unsigned long count = 0, bytes = 0, largest = 0;
};

void takeAnswers(int fd, Answers& answers) {
  char buffer[65536];
  for (;;) {
    ssize_t got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0) return;
    unsigned long length = static_cast<unsigned long>(got);
    answers.count++;
    answers.bytes += length;
    if (length > answers.largest) answers.largest = length;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8) return 2;
  sockaddr_in target = {};
  target.sin_family = AF_INET;
  if (inet_pton(AF_INET, argv[1], &target.sin_addr) != 1) return 2;
  target.sin_port = htons(static_cast<uint16_t>(atoi(argv[2])));
  double rate = atof(argv[3]);
  double duration = atof(argv[4]);
  int batch = rate < kBatchRate ? 1 : kBatch;

  std::vector<char> corpus;
  FILE* file = fopen(argv[5], "rb");
  if (file == nullptr) fail("corpus");
  char block[65536];
  for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;) corpus.insert(corpus.end(), block, block + got);
  fclose(file);
  std::vector<iovec> items;
  for (size_t at = 0; at + 2 <= corpus.size();) {
    size_t length = static_cast<unsigned char>(corpus[at]) | static_cast<unsigned char>(corpus[at + 1]) << 8;
    items.push_back(iovec{corpus.data() + at + 2, length});
    at += 2 + length;
  }
  if (items.empty()) return 2;

  std::vector<int> sockets;
  int perAddress = atoi(argv[6]);
  for (int i = 7; i < argc; i++) {
    for (int k = 0; k < perAddress; k++) {
      int fd = socket(AF_INET, SOCK_DGRAM, 0);
      sockaddr_in own = {};
      own.sin_family = AF_INET;
      if (inet_pton(AF_INET, argv[i], &own.sin_addr) != 1) return 2;
      if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own) < 0) fail(argv[i]);
      sockets.push_back(fd);
    }
  }
  printf("started\n");
  fflush(stdout);

  mmsghdr messages[kBatch] = {};
  unsigned long sent = 0, bytes = 0;
  size_t next = 0, turn = 0;
  Answers answers;
  double begin = seconds();
  for (;;) {
    double elapsed = seconds() - begin;
    if (elapsed >= duration) break;
    if (static_cast<double>(sent) > elapsed * rate) {
      timespec pause = {0, 200000};
      nanosleep(&pause, nullptr);
      continue;
    }
    int fd = sockets[turn++ % sockets.size()];
    for (int i = 0; i < batch; i++) {
      msghdr& header = messages[i].msg_hdr;
      header.msg_name = &target;
      header.msg_namelen = sizeof target;
      header.msg_iov = &items[(next + static_cast<size_t>(i)) % items.size()];
      header.msg_iovlen = 1;
    }
    int done = sendmmsg(fd, messages, static_cast<unsigned>(batch), 0);
    for (int i = 0; i < done; i++) {
      sent++;
      bytes += messages[i].msg_len;
    }
    if (done > 0) next = (next + static_cast<size_t>(done)) % items.size();
    takeAnswers(fd, answers);
  }
  // What was answered late.
  usleep(300000);
  for (int fd : sockets) takeAnswers(fd, answers);
  printf("sent %lu bytes %lu answers %lu answerBytes %lu largest %lu\n", sent, bytes, answers.count, answers.bytes,
         answers.largest);
  return 0;
}

// The lab's wire: carries frames between the interfaces of its namespace, each direction with its own delay, jitter, loss,
// duplication, reordering, rate and MTU, all of them changeable while it runs (commands.h).
//
//   wire [--slots COUNT] [--slot-bytes BYTES] SETUP RESULT
//
// Runs the lines of the file SETUP, writes "ok" or the reason of a failure to the file RESULT, then serves until stdin
// ends. A frame's delay counts from the time the kernel took it from its sender, so what this program needs to wake up
// then does not add to it. It sleeps whenever nothing is due, and while all that comes in can wait (lull.h).

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "agenda.h"
#include "clock.h"
#include "commands.h"
#include "lull.h"
#include "network.h"
#include "pool.h"
#include "punctuality.h"
#include "sockets.h"

namespace netlab {
namespace {

constexpr int kPriority = 10;
constexpr uint32_t kDefaultSlots = 128 << 10;
constexpr uint32_t kDefaultSlotBytes = 2048;
// In one turn, so that nothing waits long for anything else.
constexpr int kLinesPerTurn = 4;
constexpr int kSendsPerTurn = 4;
constexpr size_t kMaxLine = 4096;

class Wire {
 public:
  Wire(uint32_t slots, uint32_t slotBytes) : pool_(slots, slotBytes), agenda_(slots), receiver_(pool_) {}

  // An empty string, or why not.
  std::string start(const char* setupFile);
  void serve();

 private:
  void sleep(bool haste);
  bool receive();
  void enter(uint32_t i, int64_t arrivalNs);
  void sendDue();
  void flush();
  bool readInput();
  bool runLines();
  void writeAnswers();

  Pool pool_;
  Agenda agenda_;
  Receiver receiver_;
  Sender sender_;
  Network network_;
  Punctuality punctuality_;
  Lull lull_;
  int64_t readNs_ = 0;  // all that came before was read
  int64_t leastDelayNs_ = 0;
  bool isChanged_ = false;  // lines were run that it may depend on
  int64_t sleptForNs_ = 0;  // when the frame is due that the last sleep ended for; 0: it ended for something else
  Due leaving_[kBatch];
  uint32_t leavingCount_ = 0;
  std::string input_;
  std::string answers_;
  bool ended_ = false;
  pollfd polls_[3]{};
};

std::string Wire::start(const char* setupFile) {
  if (!pool_.ready()) return "no room for packets";
  FILE* file = fopen(setupFile, "r");
  if (file == nullptr) return std::string(setupFile) + ": " + strerror(errno);
  char text[kMaxLine];
  std::string failure;
  while (failure.empty() && fgets(text, sizeof text, file) != nullptr) {
    text[strcspn(text, "\n")] = 0;
    std::string answer = runCommand(network_, if_nametoindex, text);
    if (answer.compare(0, 2, "ok") != 0) failure = std::string(text) + ": " + answer;
  }
  fclose(file);
  if (!failure.empty()) return failure;
  leastDelayNs_ = network_.leastDelayNs();
  int error = sender_.open();
  if (error == 0) error = receiver_.open();
  if (error != 0) return std::string("packet socket: ") + strerror(error);
  fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
  return "";
}

void Wire::serve() {
  while (!ended_) {
    bool more = receive();
    bool lines = runLines();
    if (isChanged_ && !lines) {
      leastDelayNs_ = network_.leastDelayNs();
      isChanged_ = false;
    }
    sendDue();
    writeAnswers();
    sleep(more || lines);
    if (polls_[1].revents != 0 && !readInput()) ended_ = true;
  }
}

void Wire::sleep(bool haste) {
  // A full buffer is not read on until its lines are done; poll() leaves negative descriptors alone.
  polls_[1] = {input_.size() < kMaxLine ? STDIN_FILENO : -1, POLLIN, 0};
  polls_[2] = {answers_.empty() ? -1 : STDOUT_FILENO, POLLOUT, 0};
  int64_t nowNs = now(CLOCK_MONOTONIC);
  int64_t dueNs = agenda_.nextNs();
  int64_t lullNs = haste ? nowNs : std::max(nowNs, lull_.untilNs(readNs_, leastDelayNs_));
  polls_[0] = {lullNs > nowNs ? -1 : receiver_.fd(), POLLIN, 0};
  bool forDue = !agenda_.empty() && (lullNs <= nowNs || dueNs - punctuality_.aheadNs() < lullNs);
  int64_t wait = haste ? 0 : std::max<int64_t>(0, (forDue ? dueNs - punctuality_.aheadNs() : lullNs) - nowNs);
  timespec time{wait / kSecond, wait % kSecond};
  bool endless = !haste && !forDue && lullNs <= nowNs;
  int ready = ppoll(polls_, 3, endless ? nullptr : &time, nullptr);
  if (ready < 0) polls_[1].revents = 0;
  sleptForNs_ = ready == 0 && forDue && wait > 0 ? dueNs : 0;
}

// True when there may be more.
bool Wire::receive() {
  readNs_ = now(CLOCK_MONOTONIC);
  uint32_t count = receiver_.receive();
  if (count == 0) return false;
  int64_t monotonic = now(CLOCK_MONOTONIC);
  int64_t realtime = now(CLOCK_REALTIME);
  lull_.received(monotonic);
  for (uint32_t i = 0; i < count; i++) enter(i, monotonic - receiver_.ageNs(i, realtime));
  return count == kBatch;
}

void Wire::enter(uint32_t i, int64_t arrivalNs) {
  uint32_t slot = receiver_.slot(i);
  uint32_t length = receiver_.length(i);
  uint32_t index = network_.way(receiver_.interfaceIndex(i), pool_.data(slot), length);
  if (index == kNone) return;
  Direction& direction = network_.at(index).direction;
  int64_t departures[kMaxCopies];
  int copies = direction.admit(arrivalNs, length - kEthernetHeader, departures);
  if (copies == 0) return;
  if (pool_.empty()) {
    direction.counters.overflow++;
    return;
  }
  receiver_.replace(i, pool_.take());
  pool_.length(slot) = length;
  agenda_.add(departures[0], slot, index, direction.era());
  for (int copy = 1; copy < copies && !pool_.empty(); copy++) {
    uint32_t twin = pool_.take();
    memcpy(pool_.data(twin), pool_.data(slot), length);
    pool_.length(twin) = length;
    agenda_.add(departures[copy], twin, index, direction.era());
  }
}

// What is nearly due leaves together with what is.
void Wire::sendDue() {
  int64_t time = now(CLOCK_MONOTONIC) + punctuality_.aheadNs();
  for (int batches = 0; batches < kSendsPerTurn && agenda_.nextNs() <= time;) {
    Due due = agenda_.take();
    if (network_.at(due.direction).direction.era() != due.era) {
      network_.at(due.direction).direction.counters.cut++;
      pool_.give(due.slot);
      continue;
    }
    sender_.add(network_.interfaceOf(due.direction), pool_.data(due.slot), pool_.length(due.slot));
    leaving_[leavingCount_++] = due;
    if (!sender_.full()) continue;
    flush();
    batches++;
  }
  if (!sender_.empty()) flush();
}

void Wire::flush() {
  bool refused[kBatch];
  sender_.flush(refused);
  if (sleptForNs_ != 0) punctuality_.slept(sleptForNs_, now(CLOCK_MONOTONIC));
  sleptForNs_ = 0;
  for (uint32_t i = 0; i < leavingCount_; i++) {
    Counters& counters = network_.at(leaving_[i].direction).direction.counters;
    if (refused[i]) {
      counters.unsent++;
    } else {
      counters.left++;
      counters.leftBytes += pool_.length(leaving_[i].slot) - kEthernetHeader;
    }
    pool_.give(leaving_[i].slot);
  }
  leavingCount_ = 0;
}

// False at the end of the input.
bool Wire::readInput() {
  char text[kMaxLine];
  ssize_t length = read(STDIN_FILENO, text, sizeof text);
  if (length > 0) input_.append(text, static_cast<size_t>(length));
  return length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR));
}

// True when lines are left for the next turn.
bool Wire::runLines() {
  for (int i = 0; i < kLinesPerTurn; i++) {
    size_t end = input_.find('\n');
    if (end == std::string::npos) {
      // Nothing that is understood is that long.
      if (input_.size() >= kMaxLine) ended_ = true;
      return false;
    }
    answers_ += runCommand(network_, if_nametoindex, input_.substr(0, end)) + "\n";
    isChanged_ = true;
    input_.erase(0, end + 1);
  }
  return input_.find('\n') != std::string::npos;
}

void Wire::writeAnswers() {
  if (answers_.empty()) return;
  ssize_t length = write(STDOUT_FILENO, answers_.data(), answers_.size());
  if (length > 0) answers_.erase(0, static_cast<size_t>(length));
  else if (length < 0 && errno != EAGAIN && errno != EINTR) ended_ = true;
}

bool report(const char* file, const std::string& text) {
  // By another name first: whoever waits for the file must not find half of it.
  std::string draft = std::string(file) + ".new";
  FILE* out = fopen(draft.c_str(), "w");
  if (out == nullptr) return false;
  fprintf(out, "%s\n", text.c_str());
  return fclose(out) == 0 && rename(draft.c_str(), file) == 0;
}

}  // namespace
}  // namespace netlab

int main(int count, char** words) {
  using namespace netlab;
  uint32_t slots = kDefaultSlots;
  uint32_t slotBytes = kDefaultSlotBytes;
  int at = 1;
  for (; at + 1 < count && words[at][0] == '-'; at += 2) {
    uint32_t value = static_cast<uint32_t>(strtoul(words[at + 1], nullptr, 10));
    if (strcmp(words[at], "--slots") == 0 && value > 2 * kBatch) slots = value;
    else if (strcmp(words[at], "--slot-bytes") == 0 && value >= 128) slotBytes = value;
    else break;
  }
  if (count - at != 2) {
    fprintf(stderr, "usage: wire [--slots COUNT] [--slot-bytes BYTES] SETUP RESULT\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  Wire wire(slots, slotBytes);
  std::string failure = wire.start(words[at]);
  bool urgent = failure.empty() && beUrgent(kPriority);
  if (!report(words[at + 1], failure.empty() ? (urgent ? "ok urgent" : "ok") : failure) || !failure.empty()) return 1;
  wire.serve();
  return 0;
}

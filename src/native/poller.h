// Readiness of descriptors, told by the loop of the thread that owns the engine (uv_poll, level triggered).
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace etherloom {

class Poller {
 public:
  // onReady(id) runs on the loop's thread; onIdle() once after closeAll(), when libuv has let go of every handle.
  Poller(uv_loop_t* loop, std::function<void(int32_t)> onReady) : loop_(loop), onReady_(std::move(onReady)) {}
  ~Poller() = default;
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  bool watch(int fd, int32_t id);
  void forget(int32_t id);
  void closeAll(std::function<void()> onIdle);

 private:
  struct Watch {
    uv_poll_t handle;
    Poller* owner;
    int32_t id;
    bool closing;
  };

  void closeWatch(Watch* watch);

  uv_loop_t* loop_;
  std::function<void(int32_t)> onReady_;
  std::function<void()> onIdle_;
  std::vector<Watch*> watches_;
};

}  // namespace etherloom

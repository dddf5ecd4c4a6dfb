#include "poller.h"

#include <algorithm>

namespace etherloom {

bool Poller::watch(int fd, int32_t id) {
  auto* entry = new Watch{{}, this, id, false};
  if (uv_poll_init(loop_, &entry->handle, fd) != 0) {
    delete entry;
    return false;
  }
  entry->handle.data = entry;
  watches_.push_back(entry);
  int result = uv_poll_start(&entry->handle, UV_READABLE, [](uv_poll_t* handle, int, int) {
    auto* watch = static_cast<Watch*>(handle->data);
    if (!watch->closing) watch->owner->onReady_(watch->id);
  });
  if (result != 0) closeWatch(entry);
  return result == 0;
}

void Poller::forget(int32_t id) {
  for (Watch* watch : watches_) {
    if (watch->id == id && !watch->closing) {
      closeWatch(watch);
      return;
    }
  }
}

void Poller::closeAll(std::function<void()> onIdle) {
  onIdle_ = std::move(onIdle);
  for (Watch* watch : watches_) {
    if (!watch->closing) closeWatch(watch);
  }
  if (watches_.empty() && onIdle_) {
    auto done = std::move(onIdle_);
    onIdle_ = nullptr;
    done();
  }
}

void Poller::closeWatch(Watch* watch) {
  watch->closing = true;
  uv_close(reinterpret_cast<uv_handle_t*>(&watch->handle), [](uv_handle_t* handle) {
    auto* closed = static_cast<Watch*>(handle->data);
    Poller* owner = closed->owner;
    auto& all = owner->watches_;
    all.erase(std::remove(all.begin(), all.end(), closed), all.end());
    delete closed;
    if (all.empty() && owner->onIdle_) {
      auto done = std::move(owner->onIdle_);
      owner->onIdle_ = nullptr;
      done();
    }
  });
}

}  // namespace etherloom

#include "pool.h"

#include <sys/mman.h>

namespace netlab {

Pool::Pool(uint32_t slots, uint32_t slotBytes)
    : slotBytes_(slotBytes), bytes_(static_cast<size_t>(slots) * slotBytes), lengths_(slots) {
  void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  memory_ = memory == MAP_FAILED ? nullptr : static_cast<uint8_t*>(memory);
  free_.reserve(slots);
  for (uint32_t slot = slots; slot-- > 0;) free_.push_back(slot);
}

Pool::~Pool() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
}

}  // namespace netlab

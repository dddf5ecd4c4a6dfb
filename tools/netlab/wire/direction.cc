#include "direction.h"

#include <algorithm>

namespace netlab {

int Direction::admit(int64_t arrivalNs, uint32_t bytes, int64_t departuresNs[kMaxCopies]) {
  counters.entered++;
  if (isCut_) {
    counters.cut++;
    return 0;
  }
  if (bytes > parameters.mtu) {
    counters.tooBig++;
    return 0;
  }
  int64_t sentNs = arrivalNs;
  if (parameters.nsPerByte > 0) {
    int64_t begin = std::max(arrivalNs, lineFreeNs_);
    if (begin - arrivalNs > parameters.queueNs) {
      counters.overflow++;
      return 0;
    }
    lineFreeNs_ = begin + static_cast<int64_t>(bytes * parameters.nsPerByte);
    sentNs = lineFreeNs_;
  }
  if (hits(parameters.loss)) {
    counters.lost++;
    return 0;
  }
  departuresNs[0] = departure(sentNs);
  if (!hits(parameters.duplicate)) return 1;
  counters.duplicated++;
  departuresNs[1] = departure(sentNs);
  return 2;
}

int64_t Direction::departure(int64_t sentNs) {
  int64_t at = sentNs + parameters.delayNs;
  if (parameters.jitterNs > 0) {
    double swing = 2 * random_.share() - 1;
    at = std::max(sentNs, at + static_cast<int64_t>(swing * static_cast<double>(parameters.jitterNs)));
  }
  at = std::max(at, lastDepartureNs_);
  if (hits(parameters.reorder)) {
    // Those behind it need not wait for this one.
    counters.heldBack++;
    return at + parameters.reorderNs;
  }
  lastDepartureNs_ = at;
  return at;
}

void Direction::cut() {
  isCut_ = true;
  era_++;
  // What was on its way is gone, so nothing has to stay behind it.
  lineFreeNs_ = lastDepartureNs_ = INT64_MIN;
}

}  // namespace netlab

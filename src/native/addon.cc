// The module. State hangs on engine instances and the environment; there are no statics, so several nodes may live in
// one process.
#include <node_api.h>

#include "engine-binding.h"
#include "system-binding.h"

NAPI_MODULE_INIT() {
  etherloom::defineEngine(env, exports);
  etherloom::defineSystem(env, exports);
  return exports;
}

#pragma once

#include <node_api.h>

namespace etherloom {

// Adds the class `Engine` and the array `counterNames` to the module.
void defineEngine(napi_env env, napi_value exports);

}  // namespace etherloom

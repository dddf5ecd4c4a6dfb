#pragma once

#include <node_api.h>

namespace etherloom {

// Adds clock, keyed BLAKE2s, interface and process functions to the module.
void defineSystem(napi_env env, napi_value exports);

}  // namespace etherloom

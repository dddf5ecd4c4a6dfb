// Values across the N-API boundary: reading arguments without trusting them, making results and errors.
#pragma once

#include <node_api.h>
#include <string.h>

#include <cstdint>
#include <string>

namespace etherloom {

inline napi_value throwError(napi_env env, const char* message) {
  napi_throw_error(env, nullptr, message);
  return nullptr;
}

// An Error with errno in `errno` and the failed step in `step`.
inline napi_value throwSystem(napi_env env, int error, const char* step) {
  std::string text = std::string(step) + ": " + strerror(error);
  napi_value message, object, number, name;
  napi_create_string_utf8(env, text.c_str(), text.size(), &message);
  napi_create_error(env, nullptr, message, &object);
  napi_create_int32(env, error, &number);
  napi_create_string_utf8(env, step, NAPI_AUTO_LENGTH, &name);
  napi_set_named_property(env, object, "errno", number);
  napi_set_named_property(env, object, "step", name);
  napi_throw(env, object);
  return nullptr;
}

inline napi_value undefined(napi_env env) {
  napi_value value;
  napi_get_undefined(env, &value);
  return value;
}

inline napi_value number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

inline napi_value boolean(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

inline double toNumber(napi_env env, napi_value value, double fallback = 0) {
  double result = fallback;
  return napi_get_value_double(env, value, &result) == napi_ok ? result : fallback;
}

inline int32_t toInt(napi_env env, napi_value value, int32_t fallback = -1) {
  int32_t result = fallback;
  return napi_get_value_int32(env, value, &result) == napi_ok ? result : fallback;
}

inline bool toBool(napi_env env, napi_value value, bool fallback = false) {
  bool result = fallback;
  return napi_get_value_bool(env, value, &result) == napi_ok ? result : fallback;
}

inline std::string toText(napi_env env, napi_value value) {
  char buffer[512];
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, buffer, sizeof buffer, &length) != napi_ok) return "";
  return std::string(buffer, length);
}

inline napi_value field(napi_env env, napi_value object, const char* name) {
  napi_value value;
  if (napi_get_named_property(env, object, name, &value) != napi_ok) return undefined(env);
  return value;
}

inline void setField(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

struct Bytes {
  uint8_t* data = nullptr;
  uint32_t length = 0;
};

// A Uint8Array; {nullptr, 0} for anything else.
inline Bytes toBytes(napi_env env, napi_value value) {
  bool typed = false;
  if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed) return {};
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) return {};
  if (type != napi_uint8_array) return {};
  return {static_cast<uint8_t*>(data), static_cast<uint32_t>(length)};
}

// The elements of a typed array of this type with at least `count` of them; nullptr for anything else.
template <typename T>
T* toElements(napi_env env, napi_value value, napi_typedarray_type wanted, size_t count) {
  bool typed = false;
  if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed) return nullptr;
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) return nullptr;
  return type == wanted && length >= count ? static_cast<T*>(data) : nullptr;
}

inline double* toDoubles(napi_env env, napi_value value, size_t count) {
  return toElements<double>(env, value, napi_float64_array, count);
}

template <size_t N>
struct Arguments {
  napi_value values[N];
  size_t count = N;
  napi_value self;
  Arguments(napi_env env, napi_callback_info info) {
    napi_get_cb_info(env, info, &count, values, &self, nullptr);
  }
  napi_value operator[](size_t i) const { return values[i]; }
};

inline napi_property_descriptor method(const char* name, napi_callback callback) {
  return {name, nullptr, callback, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

}  // namespace etherloom

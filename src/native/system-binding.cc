// What Node lacks of the operating system, as functions of the module.
#include "system-binding.h"

#include <malloc.h>
#include <net/if.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "aead.h"
#include "engine.h"
#include "napi-values.h"
#include "netlink.h"
#include "program-pages.h"

namespace etherloom {

namespace {

// now() -> microseconds of CLOCK_MONOTONIC_RAW
napi_value now(napi_env env, napi_callback_info) { return number(env, monotonicMicroseconds()); }

// boottime() -> microseconds of CLOCK_BOOTTIME
napi_value boottime(napi_env env, napi_callback_info) { return number(env, boottimeMicroseconds()); }

// blake2sMac(key, data) -> Uint8Array(16)
napi_value blake2sMac(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Bytes key = toBytes(env, arguments[0]);
  Bytes data = toBytes(env, arguments[1]);
  if (key.length == 0 || key.length > 32 || data.data == nullptr) return throwError(env, "key or data refused");
  void* out = nullptr;
  napi_value buffer, array;
  napi_create_arraybuffer(env, 16, &out, &buffer);
  napi_create_typedarray(env, napi_uint8_array, 16, buffer, 0, &array);
  Blake2sMac mac;
  if (!mac.compute(key.data, key.length, data.data, data.length, static_cast<uint8_t*>(out))) {
    return throwError(env, "BLAKE2s is not available");
  }
  return array;
}

// addAddress(interfaceIndex, bytes(4|16), prefixLength)
napi_value addAddress(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  Bytes address = toBytes(env, arguments[1]);
  if (address.length != 4 && address.length != 16) return throwError(env, "address: 4 or 16 bytes expected");
  int error = netlinkAddAddress(toInt(env, arguments[0]), address.length == 16, address.data,
                                static_cast<uint8_t>(toInt(env, arguments[2])));
  return error != 0 ? throwSystem(env, error, "add address") : undefined(env);
}

// limitSuperFrames(interfaceIndex, segments, bytes): best effort, errno (0 = done)
napi_value limitSuperFrames(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  return number(env, netlinkSetGsoMaxSegments(toInt(env, arguments[0]),
                                              static_cast<uint32_t>(toNumber(env, arguments[1])),
                                              static_cast<uint32_t>(toNumber(env, arguments[2]))));
}

// interfaceIndex(name) -> number, 0 = there is none
napi_value interfaceIndex(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return number(env, if_nametoindex(toText(env, arguments[0]).c_str()));
}

// dieWithParent(expectedParent) -> false when that parent is gone already
napi_value dieWithParent(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  return boolean(env, getppid() == toInt(env, arguments[0]));
}

// trimMemory(); only where the C library can
napi_value trimMemory(napi_env env, napi_callback_info) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  dropProgramPages();
  return undefined(env);
}

// setRealtime(0|1) -> errno (0 = done): of the calling thread, at the lowest of these priorities; threads that it starts later
// are ordinary ones
napi_value setRealtime(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  bool on = toInt(env, arguments[0]) == 1;
  sched_param parameters = {};
  parameters.sched_priority = on ? 1 : 0;
  int policy = (on ? SCHED_FIFO : SCHED_OTHER) | SCHED_RESET_ON_FORK;
  return number(env, sched_setscheduler(0, policy, &parameters) == 0 ? 0 : errno);
}

// sendUnixDatagram(path, bytes) -> boolean; '@' stands for the abstract namespace
napi_value sendUnixDatagram(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  std::string path = toText(env, arguments[0]);
  Bytes data = toBytes(env, arguments[1]);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || data.data == nullptr) return boolean(env, false);
  memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return boolean(env, false);
  socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  bool ok = sendto(fd, data.data, data.length, MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address),
                   length) >= 0;
  ::close(fd);
  return boolean(env, ok);
}

}  // namespace

void defineSystem(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {
      method("now", now),
      method("boottime", boottime),
      method("blake2sMac", blake2sMac),
      method("addAddress", addAddress),
      method("limitSuperFrames", limitSuperFrames),
      method("interfaceIndex", interfaceIndex),
      method("dieWithParent", dieWithParent),
      method("trimMemory", trimMemory),
      method("setRealtime", setRealtime),
      method("sendUnixDatagram", sendUnixDatagram),
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
}

}  // namespace etherloom

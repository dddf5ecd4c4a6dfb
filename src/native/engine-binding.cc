// The class Engine as JavaScript sees it: one packet engine, its shared arrays and its place in the event loop.
#include "engine-binding.h"

#include <memory>
#include <string>

#include "engine.h"
#include "napi-values.h"
#include "poller.h"

namespace etherloom {

namespace {

constexpr int32_t kUdp4Id = 100;
constexpr int32_t kUdp6Id = 101;

// Lives until JavaScript has let go of the object *and* libuv of the handles.
struct Binding {
  napi_env env = nullptr;
  napi_ref onReady = nullptr;
  napi_async_context context = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Poller> poller;
  bool closed = false;
  bool finalized = false;
  bool idle = false;

  void ready(int32_t id) {
    if (id == kUdp4Id) engine->markReadable(false);
    if (id == kUdp6Id) engine->markReadable(true);
    if ((id == kUdp4Id || id == kUdp6Id) && engine->receiveAlone()) return;
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_value callback, receiver, argument, result;
    napi_get_reference_value(env, onReady, &callback);
    napi_get_global(env, &receiver);
    napi_create_int32(env, id, &argument);
    if (napi_make_callback(env, context, receiver, callback, 1, &argument, &result) == napi_pending_exception) {
      napi_value error;
      napi_get_and_clear_last_exception(env, &error);
      napi_fatal_exception(env, error);
    }
    napi_close_handle_scope(env, scope);
  }

  void close() {
    if (closed) return;
    closed = true;
    // With nothing to wait for, closeAll() may be the end of this binding: the engine must not be reached through it.
    std::unique_ptr<Engine> closing = std::move(engine);
    poller->closeAll([this] {
      idle = true;
      if (hook != nullptr) napi_remove_async_cleanup_hook(hook);
      hook = nullptr;
      release();
    });
  }

  void release() {
    if (finalized && idle) delete this;
  }
};

void cleanup(napi_async_cleanup_hook_handle, void* data) { static_cast<Binding*>(data)->close(); }

template <typename T>
T* makeArray(napi_env env, napi_value self, const char* name, napi_typedarray_type type, size_t count) {
  void* data = nullptr;
  napi_value buffer, array;
  if (napi_create_arraybuffer(env, count * sizeof(T), &data, &buffer) != napi_ok) return nullptr;
  napi_create_typedarray(env, type, count, buffer, 0, &array);
  // Read-only and permanent: the engine keeps the pointer for as long as the object lives.
  napi_property_descriptor property = {name,    nullptr, nullptr, nullptr, nullptr,
                                       array,   napi_enumerable, nullptr};
  napi_define_properties(env, self, 1, &property);
  return static_cast<T*>(data);
}

napi_value construct(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  napi_value self = arguments.self;
  Shared shared;
  shared.portArena = makeArray<uint8_t>(env, self, "portArena", napi_uint8_array, kPortArena);
  shared.receiveArena = makeArray<uint8_t>(env, self, "receiveArena", napi_uint8_array, kReceiveArena);
  shared.portFrames = makeArray<int32_t>(env, self, "portFrames", napi_int32_array, kMaxPortFrames * kPortFrameWords);
  shared.sends = makeArray<int32_t>(env, self, "sends", napi_int32_array, kMaxSends * kSendWords);
  shared.frames = makeArray<int32_t>(env, self, "frames", napi_int32_array, kMaxReceived * kFrameWords);
  shared.runs = makeArray<int32_t>(env, self, "runs", napi_int32_array, kMaxReceived * kRunWords);
  shared.messages = makeArray<int32_t>(env, self, "messages", napi_int32_array, (kMaxMessages + kMaxLater) * kMessageWords);
  shared.forwards = makeArray<int32_t>(env, self, "forwards", napi_int32_array, kMaxReceived * kForwardWords);
  shared.writes = makeArray<int32_t>(env, self, "writes", napi_int32_array, kMaxReceived * kWriteWords);
  shared.addresses =
      makeArray<uint8_t>(env, self, "addresses", napi_uint8_array, kArrivalSlots * kPackedAddressLength);
  shared.arrivals = makeArray<double>(env, self, "arrivals", napi_float64_array, kArrivalSlots);
  shared.received = makeArray<double>(env, self, "received", napi_float64_array, kMaxLater);
  shared.counters = makeArray<double>(env, self, "counters", napi_float64_array, kCounterCount);
  shared.portStats = makeArray<double>(env, self, "portStats", napi_float64_array, kMaxPorts * kPortStats);
  if (shared.portStats == nullptr || shared.receiveArena == nullptr) return throwError(env, "out of memory");

  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  auto* binding = new Binding;
  binding->env = env;
  binding->engine =
      std::make_unique<Engine>(static_cast<uint16_t>(toNumber(env, arguments[0])), shared);
  binding->poller = std::make_unique<Poller>(loop, [binding](int32_t id) { binding->ready(id); });
  napi_create_reference(env, arguments[1], 1, &binding->onReady);
  napi_value resource;
  napi_create_string_utf8(env, "etherloom", NAPI_AUTO_LENGTH, &resource);
  napi_async_init(env, nullptr, resource, &binding->context);
  napi_add_async_cleanup_hook(env, cleanup, binding, &binding->hook);
  napi_wrap(
      env, self, binding,
      [](napi_env e, void* data, void*) {
        auto* owned = static_cast<Binding*>(data);
        owned->finalized = true;
        if (owned->onReady != nullptr) napi_delete_reference(e, owned->onReady);
        if (owned->context != nullptr) napi_async_destroy(e, owned->context);
        if (!owned->closed) {
          owned->close();
        } else {
          owned->release();
        }
      },
      nullptr, nullptr);
  return self;
}

Binding* bindingOf(napi_env env, napi_value self) {
  void* data = nullptr;
  if (napi_unwrap(env, self, &data) != napi_ok || static_cast<Binding*>(data)->closed) {
    throwError(env, "the engine is closed");
    return nullptr;
  }
  return static_cast<Binding*>(data);
}

// openTap({name, mtu, mac, offload, uso = true}) -> {port, name, index, tso, uso, checksum}
napi_value engineOpenTap(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  TapOptions options;
  options.name = toText(env, field(env, arguments[0], "name"));
  options.mtu = static_cast<uint32_t>(toNumber(env, field(env, arguments[0], "mtu"), 1350));
  options.offload = toBool(env, field(env, arguments[0], "offload"));
  options.uso = toBool(env, field(env, arguments[0], "uso"), true);
  Bytes mac = toBytes(env, field(env, arguments[0], "mac"));
  if (mac.length != 6) return throwError(env, "mac: 6 bytes expected");
  memcpy(options.mac, mac.data, 6);
  Tap tap;
  TapError error = openTap(options, tap);
  if (error.error != 0) return throwSystem(env, error.error, error.step);
  int32_t port = binding->engine->addPort(tap.fd, true, tap.uso);
  if (port < 0 || !binding->poller->watch(tap.fd, port)) {
    if (port >= 0) binding->engine->closePort(port);
    return throwError(env, "too many ports");
  }
  napi_value result, name;
  napi_create_object(env, &result);
  napi_create_string_utf8(env, tap.name.c_str(), tap.name.size(), &name);
  setField(env, result, "port", number(env, port));
  setField(env, result, "name", name);
  setField(env, result, "index", number(env, tap.interfaceIndex));
  setField(env, result, "tso", boolean(env, tap.tso));
  setField(env, result, "uso", boolean(env, tap.uso));
  setField(env, result, "checksum", boolean(env, tap.checksum));
  return result;
}

// portAlive(port) -> boolean
napi_value enginePortAlive(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  return boolean(env, binding->engine->portAlive(static_cast<int32_t>(toNumber(env, arguments[0], -1))));
}

// openUdp({port, ipv4: Uint8Array(4) | null, ipv6: Uint8Array(16) | null, mark, gso, gro}) -> {port, ...}
napi_value engineOpenUdp(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  UdpOptions options;
  options.port = static_cast<uint16_t>(toNumber(env, field(env, arguments[0], "port")));
  options.mark = static_cast<uint32_t>(toNumber(env, field(env, arguments[0], "mark")));
  options.gso = toBool(env, field(env, arguments[0], "gso"));
  options.gro = toBool(env, field(env, arguments[0], "gro"));
  Bytes v4 = toBytes(env, field(env, arguments[0], "ipv4"));
  Bytes v6 = toBytes(env, field(env, arguments[0], "ipv6"));
  options.v4 = v4.length == 4;
  options.v6 = v6.length == 16;
  if (options.v4) memcpy(options.bind4, v4.data, 4);
  if (options.v6) memcpy(options.bind6, v6.data, 16);
  UdpPair pair;
  UdpError error = openUdp(options, pair);
  if (error.error != 0) return throwSystem(env, error.error, error.step);
  // The old pair is given up only now, so that a port that is taken leaves a working node.
  binding->poller->forget(kUdp4Id);
  binding->poller->forget(kUdp6Id);
  closeUdp(binding->engine->udp());
  binding->engine->udp() = pair;
  if (pair.v4.fd >= 0) binding->poller->watch(pair.v4.fd, kUdp4Id);
  if (pair.v6.fd >= 0) binding->poller->watch(pair.v6.fd, kUdp6Id);
  binding->engine->markReadable(false);
  binding->engine->markReadable(true);
  napi_value result;
  napi_create_object(env, &result);
  const UdpSocket& any = pair.v4.fd >= 0 ? pair.v4 : pair.v6;
  setField(env, result, "port", number(env, pair.port));
  setField(env, result, "ipv4", boolean(env, pair.v4.fd >= 0));
  setField(env, result, "ipv6", boolean(env, pair.v6.fd >= 0));
  setField(env, result, "gso", boolean(env, any.gso));
  setField(env, result, "gro", boolean(env, any.gro));
  setField(env, result, "receiveBuffer", number(env, any.receiveBuffer));
  return result;
}

// udpStats() -> {gso, gro, kernelDrops}
napi_value engineUdpStats(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  const UdpPair& pair = binding->engine->udp();
  const UdpSocket& any = pair.v4.fd >= 0 ? pair.v4 : pair.v6;
  napi_value result;
  napi_create_object(env, &result);
  setField(env, result, "gso", boolean(env, any.gso));
  setField(env, result, "gro", boolean(env, any.gro));
  setField(env, result, "kernelDrops", number(env, kernelDrops(pair.v4.fd) + kernelDrops(pair.v6.fd)));
  return result;
}

// setMark(mark) -> boolean
napi_value engineSetMark(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  uint32_t mark = static_cast<uint32_t>(toNumber(env, arguments[0]));
  const UdpPair& pair = binding->engine->udp();
  bool ok = (pair.v4.fd < 0 || setMark(pair.v4.fd, mark)) && (pair.v6.fd < 0 || setMark(pair.v6.fd, mark));
  return boolean(env, ok);
}

// setLink(link, packedAddress)
napi_value engineSetLink(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  Bytes packed = toBytes(env, arguments[1]);
  if (packed.length != kPackedAddressLength) return throwError(env, "address: 20 bytes expected");
  return boolean(env, binding->engine->setLink(toInt(env, arguments[0]), packed.data));
}

// refreshRoute(link, mark) -> bytes of the largest IP packet on the route, 0 = no route
napi_value engineRefreshRoute(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  return number(env, binding->engine->refreshRoute(toInt(env, arguments[0]),
                                                   static_cast<uint32_t>(toNumber(env, arguments[1]))));
}

// linkStats(link, Float64Array(2)) -> boolean; datagrams sent to and received from the link's address
napi_value engineLinkStats(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  double* out = toDoubles(env, arguments[1], 2);
  if (out == nullptr) return throwError(env, "Float64Array(2) expected");
  return boolean(env, binding->engine->linkStats(toInt(env, arguments[0]), out));
}

// addKeypair(localIndex, remoteIndex, peer, link, aead, sendKey, receiveKey) -> slot
napi_value engineAddKeypair(napi_env env, napi_callback_info info) {
  Arguments<7> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  Bytes sendKey = toBytes(env, arguments[5]);
  Bytes receiveKey = toBytes(env, arguments[6]);
  if (sendKey.length != 32 || receiveKey.length != 32) return throwError(env, "keys: 32 bytes expected");
  int32_t slot = binding->engine->keypairs().add(
      static_cast<uint32_t>(toNumber(env, arguments[0])), static_cast<uint32_t>(toNumber(env, arguments[1])),
      static_cast<uint16_t>(toNumber(env, arguments[2])), toInt(env, arguments[3]),
      static_cast<AeadKind>(toInt(env, arguments[4], 0)), sendKey.data, receiveKey.data);
  return slot < 0 ? throwError(env, "keypair refused: index taken or unknown AEAD") : number(env, slot);
}

napi_value engineRemoveKeypair(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  binding->engine->keypairs().remove(toInt(env, arguments[0]));
  return undefined(env);
}

// keypairStats(slot, Float64Array(4)) -> boolean; records sent, records received, bytes sent, bytes received
napi_value engineKeypairStats(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  double* out = toDoubles(env, arguments[1], 4);
  if (out == nullptr) return throwError(env, "Float64Array(4) expected");
  Keypair* keypair = binding->engine->keypairs().at(toInt(env, arguments[0]));
  if (keypair == nullptr) return boolean(env, false);
  out[0] = static_cast<double>(keypair->sendCounter);
  out[1] = keypair->rxRecords;
  out[2] = keypair->txBytes;
  out[3] = keypair->rxBytes;
  return boolean(env, true);
}

napi_value engineSetMac1Key(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  Bytes key = toBytes(env, arguments[0]);
  if (key.length != 32) return throwError(env, "mac1 key: 32 bytes expected");
  binding->engine->setMac1Key(key.data);
  return undefined(env);
}

// follow({nextHop, ...: typed arrays, defaultTtl}): the arrays stay in use for as long as the engine lives.
napi_value engineFollow(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  napi_value all = arguments[0];
  RelayTables tables;
  tables.nextHop = toElements<uint16_t>(env, field(env, all, "nextHop"), napi_uint16_array, kNodeIds);
  tables.backup = toElements<uint16_t>(env, field(env, all, "backup"), napi_uint16_array, kNodeIds);
  tables.hops = toElements<uint8_t>(env, field(env, all, "hops"), napi_uint8_array, kNodeIds);
  tables.sendSlot = toElements<int32_t>(env, field(env, all, "sendSlot"), napi_int32_array, kNodeIds);
  tables.link = toElements<int32_t>(env, field(env, all, "link"), napi_int32_array, kNodeIds);
  tables.linkState = toElements<uint8_t>(env, field(env, all, "linkState"), napi_uint8_array, kNodeIds);
  tables.addressed = toElements<uint8_t>(env, field(env, all, "addressed"), napi_uint8_array, kNodeIds);
  tables.known = toElements<uint8_t>(env, field(env, all, "known"), napi_uint8_array, kNodeIds);
  tables.confirmed = toElements<uint8_t>(env, field(env, all, "confirmed"), napi_uint8_array, kMaxSlots);
  tables.carried = toElements<uint8_t>(env, field(env, all, "carried"), napi_uint8_array, kNodeIds);
  tables.credit = toElements<uint32_t>(env, field(env, all, "credit"), napi_uint32_array, kNodeIds);
  tables.patient = toElements<uint8_t>(env, field(env, all, "patient"), napi_uint8_array, 1);
  tables.meter = toElements<double>(env, field(env, all, "meter"), napi_float64_array, kMeterWords);
  tables.defaultTtl = static_cast<uint8_t>(toNumber(env, field(env, all, "defaultTtl")));
  const void* arrays[] = {tables.nextHop,   tables.backup, tables.hops,      tables.sendSlot, tables.link,   tables.linkState,
                          tables.addressed, tables.known,  tables.confirmed, tables.carried,  tables.credit, tables.patient,
                          tables.meter};
  for (const void* array : arrays) {
    if (array == nullptr) return throwError(env, "tables: typed arrays of 65536 elements expected");
  }
  // Keeps them alive, whatever becomes of the caller.
  napi_property_descriptor property = {"tables", nullptr, nullptr, nullptr, nullptr, all, napi_default, nullptr};
  if (napi_define_properties(env, arguments.self, 1, &property) != napi_ok) return throwError(env, "tables: set already");
  binding->engine->follow(tables);
  return undefined(env);
}

napi_value engineReadPort(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  return number(env, binding->engine->readPort(toInt(env, arguments[0])));
}

napi_value engineInject(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  Bytes frame = toBytes(env, arguments[0]);
  return boolean(env, frame.data != nullptr && binding->engine->inject(frame.data, frame.length));
}

napi_value engineExport(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  Bytes out = toBytes(env, arguments[2]);
  return number(env, binding->engine->exportFrames(toInt(env, arguments[0]),
                                                   static_cast<uint32_t>(toNumber(env, arguments[1])), out.data,
                                                   out.length));
}

napi_value engineSend(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  binding->engine->send(static_cast<uint32_t>(toNumber(env, arguments[0])));
  return undefined(env);
}

napi_value engineForward(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  binding->engine->forward(static_cast<uint32_t>(toNumber(env, arguments[0])));
  return undefined(env);
}

napi_value engineWritePorts(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  binding->engine->writePorts(static_cast<uint32_t>(toNumber(env, arguments[0])));
  return undefined(env);
}

// receive(Float64Array(6), unasked = false) -> datagrams and probes that waited; the array gets frames, runs, messages,
// time of reading in us, more to read (0/1), how long the first datagram had waited in us (-1: none)
napi_value engineReceive(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  double* out = toDoubles(env, arguments[0], 6);
  if (out == nullptr) return throwError(env, "Float64Array(6) expected");
  if (toBool(env, arguments[1])) {
    binding->engine->markReadable(false);
    binding->engine->markReadable(true);
  }
  ReceiveResult result = binding->engine->receive();
  out[0] = result.frames;
  out[1] = result.runs;
  out[2] = result.messages;
  out[3] = result.readUs;
  out[4] = binding->engine->receiveMore() ? 1 : 0;
  out[5] = result.waitedUs;
  return number(env, result.datagrams + result.later);
}

// sendRecord(kind, keypair, hopKeypair, link, packedAddress | null, ttl, payload, hopFlags = 0) -> boolean
napi_value engineSendRecord(napi_env env, napi_callback_info info) {
  Arguments<8> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  SocketAddress to;
  Bytes packed = toBytes(env, arguments[4]);
  bool explicitAddress = packed.length == kPackedAddressLength && to.fromPacked(packed.data);
  Bytes payload = toBytes(env, arguments[6]);
  bool sent = binding->engine->sendRecord(
      static_cast<uint8_t>(toInt(env, arguments[0])), toInt(env, arguments[1]), toInt(env, arguments[2]),
      toInt(env, arguments[3]), explicitAddress ? &to : nullptr, static_cast<uint8_t>(toInt(env, arguments[5])),
      payload.data, payload.length, static_cast<uint8_t>(toInt(env, arguments[7], 0)));
  return boolean(env, sent);
}

// sendDatagram(bytes, link, packedAddress | null) -> boolean
napi_value engineSendDatagram(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  Bytes data = toBytes(env, arguments[0]);
  SocketAddress to;
  Bytes packed = toBytes(env, arguments[2]);
  bool explicitAddress = packed.length == kPackedAddressLength && to.fromPacked(packed.data);
  return boolean(env, data.data != nullptr && binding->engine->sendDatagram(data.data, data.length,
                                                                            toInt(env, arguments[1]),
                                                                            explicitAddress ? &to : nullptr));
}

// sendTransit(bytes, hopKeypair, link, destination, ttl, hopFlags = 0) -> boolean
napi_value engineSendTransit(napi_env env, napi_callback_info info) {
  Arguments<6> arguments(env, info);
  Binding* binding = bindingOf(env, arguments.self);
  if (binding == nullptr) return nullptr;
  Bytes data = toBytes(env, arguments[0]);
  return boolean(env, data.data != nullptr &&
                          binding->engine->sendTransit(data.data, data.length, toInt(env, arguments[1]),
                                                       toInt(env, arguments[2]),
                                                       static_cast<uint16_t>(toNumber(env, arguments[3])),
                                                       static_cast<uint8_t>(toInt(env, arguments[4])),
                                                       static_cast<uint8_t>(toInt(env, arguments[5], 0))));
}

napi_value engineClose(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  void* data = nullptr;
  if (napi_unwrap(env, arguments.self, &data) == napi_ok) static_cast<Binding*>(data)->close();
  return undefined(env);
}

napi_value counterNames(napi_env env) {
  napi_value names;
  napi_create_array(env, &names);
  const char* all[] = {
#define ETHERLOOM_COUNTER_NAME(name) #name,
      ETHERLOOM_COUNTERS(ETHERLOOM_COUNTER_NAME)
#undef ETHERLOOM_COUNTER_NAME
  };
  for (uint32_t i = 0; i < kCounterCount; i++) {
    napi_value name;
    napi_create_string_utf8(env, all[i], NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, names, i, name);
  }
  return names;
}

}  // namespace

void defineEngine(napi_env env, napi_value exports) {
  napi_property_descriptor methods[] = {
      method("openTap", engineOpenTap),
      method("portAlive", enginePortAlive),
      method("openUdp", engineOpenUdp),
      method("udpStats", engineUdpStats),
      method("setMark", engineSetMark),
      method("setLink", engineSetLink),
      method("refreshRoute", engineRefreshRoute),
      method("linkStats", engineLinkStats),
      method("addKeypair", engineAddKeypair),
      method("removeKeypair", engineRemoveKeypair),
      method("keypairStats", engineKeypairStats),
      method("setMac1Key", engineSetMac1Key),
      method("follow", engineFollow),
      method("readPort", engineReadPort),
      method("inject", engineInject),
      method("exportFrames", engineExport),
      method("send", engineSend),
      method("forward", engineForward),
      method("writePorts", engineWritePorts),
      method("receive", engineReceive),
      method("sendRecord", engineSendRecord),
      method("sendDatagram", engineSendDatagram),
      method("sendTransit", engineSendTransit),
      method("close", engineClose),
  };
  napi_value engineClass;
  napi_define_class(env, "Engine", NAPI_AUTO_LENGTH, construct, nullptr, sizeof methods / sizeof methods[0], methods,
                    &engineClass);
  setField(env, exports, "Engine", engineClass);
  setField(env, exports, "counterNames", counterNames(env));
}

}  // namespace etherloom

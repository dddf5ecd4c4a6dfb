/** Opens the port that the file asks for: a TAP in the engine, standard input and output in the main thread, or none. */
import type { Addon } from "../native/addon.ts";
import { DummyPort } from "../port/dummy.ts";
import type { Port } from "../port/port.ts";
import { TapPort } from "../port/tap.ts";
import { BACKLOG_FRAMES, type FromWorker, type PortSetup } from "./messages.ts";
import type { LocalPort, PlaneState } from "./state.ts";

/** Frames under way to the main thread. */
const MAX_BACKLOG = 1024;

/** @throws SystemError when it cannot be opened */
export function openLocalPort(
  addon: Addon,
  state: PlaneState,
  setup: PortSetup,
  post: (message: FromWorker) => void,
  backlog: Int32Array,
): Port {
  const { kind, name, mtu, mac, addresses } = setup;
  const ports = state.ports as LocalPort[];
  if (kind === "dummy") return new DummyPort(mac);
  if (kind === "stdio") {
    const deliver = (bytes: Uint8Array): boolean => {
      // A main thread that is busy must not make its queue grow.
      if (Atomics.load(backlog, BACKLOG_FRAMES) >= MAX_BACKLOG) return false;
      Atomics.add(backlog, BACKLOG_FRAMES, 1);
      post({ type: "frame", bytes });
      return true;
    };
    ports.push({ id: 0, deliver });
    const description = { kind, name: "stdio", mtu, mac, offloads: [] };
    return { description, number: -1, interfaceIndex: 0, alive: () => true, close: () => undefined };
  }
  const tap = new TapPort(addon, state.engine, { name, mtu, mac, addresses });
  ports.push({ id: tap.number });
  // The TAP's own address belongs to this port: nobody in the mesh may claim it.
  const view = new DataView(mac.buffer, mac.byteOffset, 6);
  state.fib.pin(view.getUint16(0), view.getUint32(2), -1 - tap.number, state.nowMs);
  return tap;
}

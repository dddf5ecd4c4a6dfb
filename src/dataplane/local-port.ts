/** Opens the port that the file asks for: a TAP in the engine, standard input and output in the main thread, or none. */
import type { Addon } from "../native/addon.ts";
import { DummyPort } from "../port/dummy.ts";
import type { Port } from "../port/port.ts";
import { TapPort } from "../port/tap.ts";
import type { FromWorker, PortSetup } from "./messages.ts";
import type { LocalPort, PlaneState } from "./state.ts";

/** @throws SystemError when it cannot be opened */
export function openLocalPort(
  addon: Addon,
  state: PlaneState,
  setup: PortSetup,
  post: (message: FromWorker) => void,
): Port {
  const { kind, name, mtu, mac, addresses } = setup;
  const ports = state.ports as LocalPort[];
  if (kind === "dummy") return new DummyPort(mac);
  if (kind === "stdio") {
    ports.push({ id: 0, deliver: (bytes) => post({ type: "frame", bytes }) });
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

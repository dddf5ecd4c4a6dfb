/** The port of a relay: nothing comes in, nothing goes out, the node only passes on what others send. */
import type { Port, PortDescription } from "./port.ts";

export class DummyPort implements Port {
  readonly description: PortDescription;
  readonly number = -1;
  readonly interfaceIndex = 0;

  constructor(mac: Uint8Array) {
    this.description = { kind: "dummy", name: "dummy", mtu: 0, mac, offloads: [] };
  }

  alive(): boolean {
    return true;
  }

  close(): void {
    // There is nothing to close.
  }
}

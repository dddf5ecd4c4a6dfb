/** A Linux TAP: the kernel's end is an ordinary Ethernet interface, ours hands over super-frames of up to 64 KB. */
import { isSystemError, type Addon, type Engine, type TapInfo } from "../native/addon.ts";
import { parseHost } from "../wire/address.ts";
import { RECORD, TRANSIT } from "../wire/sizes.ts";
import type { Port, PortDescription } from "./port.ts";

const EBUSY = 16;
const EINVAL = 22;

export interface TapOptions {
  name: string;
  mtu: number;
  mac: Uint8Array;
  /** `10.0.0.1/24`, `fd00::1/64` */
  addresses: readonly string[];
}

/** Ethernet, one tag, IPv4 and TCP with timestamps: the headers that come off an MTU's worth of TCP. */
const TCP_HEADERS = 52;
/** UDP segments that fit one kernel send of 64 KB. */
const TRAIN_BYTES = 65000;
const ETHERNET = 14;

export class TapPort implements Port {
  readonly description: PortDescription;
  readonly number: number;
  readonly interfaceIndex: number;
  readonly #engine: Engine;

  /** @throws SystemError when the kernel refuses the interface or an address */
  constructor(addon: Addon, engine: Engine, options: TapOptions) {
    this.#engine = engine;
    const tap = openTap(addon, engine, options);
    this.number = tap.port;
    this.interfaceIndex = tap.index;
    for (const text of options.addresses) {
      const slash = text.lastIndexOf("/");
      const host = parseHost(text.slice(0, slash));
      if (host === undefined) throw new Error(`not an address: ${text}`);
      addon.addAddress(tap.index, host, Number(text.slice(slash + 1)));
    }
    // A super-frame that makes one UDP train makes one send; a larger one would make a second, small one.
    const segments = Math.floor(TRAIN_BYTES / (options.mtu + ETHERNET + RECORD + TRANSIT));
    const bytes = segments * (options.mtu - TCP_HEADERS) + TCP_HEADERS;
    if (segments > 1) addon.limitSuperFrames(tap.index, segments, Math.min(bytes, 65536));
    const offloads = [tap.tso ? "tso" : "", tap.uso ? "uso" : "", tap.checksum ? "checksum" : ""];
    this.description = {
      kind: "tap",
      name: tap.name,
      mtu: options.mtu,
      mac: options.mac,
      offloads: offloads.filter((name) => name !== ""),
    };
  }

  /** False when somebody deleted the interface. */
  alive(): boolean {
    return this.#engine.portAlive(this.number);
  }

  close(): void {
    // The engine closes the descriptor, and the interface goes with it.
  }
}

/** A test's knob: do without UDP segmentation, as kernels before 6.2 do. */
const NO_USO_KNOB = "ETHERLOOM_TEST_NO_USO";

/** The kernel says EINVAL, not EBUSY, where an interface of another kind has the name. */
function openTap(addon: Addon, engine: Engine, { name, mtu, mac }: TapOptions): TapInfo {
  try {
    return engine.openTap({ name, mtu, mac, offload: true, uso: process.env[NO_USO_KNOB] !== "1" });
  } catch (error) {
    if (isSystemError(error) && error.errno === EINVAL && addon.interfaceIndex(name) > 0) error.errno = EBUSY;
    throw error;
  }
}

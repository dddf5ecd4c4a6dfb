// Packet engines on loopback sockets inside the test's process, with keys installed by hand. What one engine sends over
// loopback lies in the other's socket when the call returns; one turn of the event loop later its engine knows.

import { randomBytes, randomInt } from "node:crypto";
import { loadAddon, type Addon, type Engine } from "../../src/native/addon.ts";
import { addonPath } from "../../src/node/paths.ts";
import { packAddress, parseAddress } from "../../src/wire/address.ts";
import { AES_256_GCM } from "./records.ts";

/** `ETHERLOOM_TEST_ADDON` names another build, such as the one with sanitizers (`make -C src/native asan`). */
export const addon: Addon = loadAddon(process.env["ETHERLOOM_TEST_ADDON"] ?? addonPath());

/** One turn of the event loop, the waiting for sockets included. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** As `dataplane/descriptors.ts` orders them. */
const FRAME_WORDS = 8;
const MESSAGE_WORDS = 8;
const RUN_WORDS = 8;

export function packed(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  const bytes = new Uint8Array(20);
  packAddress(address, bytes);
  return bytes;
}

export interface TakenFrame {
  bytes: Buffer;
  keypair: number;
  flags: number;
}
export interface TakenMessage {
  kind: number;
  bytes: Buffer;
  keypair: number;
  flags: number;
  hop: number;
  source: number;
}
export interface TakenRun {
  items: number;
  keypair: number;
  dst: number;
  src: number;
  ttl: number;
  kind: number;
}
export interface Taken {
  datagrams: number;
  frames: TakenFrame[];
  messages: TakenMessage[];
  runs: TakenRun[];
}

export class LoopbackEngine {
  readonly engine: Engine;
  readonly nodeId: number;
  readonly port: number;
  readonly address: Uint8Array;
  /** How often JavaScript was told that something can be read. */
  readies = 0;
  readonly #out: Float64Array = new Float64Array(6);

  constructor(nodeId: number, ipv6 = false) {
    this.nodeId = nodeId;
    this.engine = new addon.Engine(nodeId, () => void this.readies++);
    const { port } = this.engine.openUdp({
      port: 0,
      ipv4: Uint8Array.of(127, 0, 0, 1),
      ipv6: ipv6 ? Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0)) : null,
      mark: 0,
      gso: true,
      gro: true,
    });
    this.port = port;
    this.address = packed(`127.0.0.1:${port}`);
  }

  count(name: string): number {
    return this.engine.counters[addon.counterNames.indexOf(name)] ?? NaN;
  }

  counts(): Record<string, number> {
    return Object.fromEntries(addon.counterNames.map((name, i) => [name, this.engine.counters[i] ?? 0]));
  }

  /** Sum of all that is called drop…. */
  drops(): number {
    return addon.counterNames.reduce(
      (sum, name) => sum + (name.startsWith("drop") ? this.count(name) : 0),
      0,
    );
  }

  /** Turns of the event loop: what the engine does alone is done. */
  async idle(): Promise<void> {
    for (let i = 0; i < 3; i++) await turn();
  }

  /** One batch. Runs stay where `forward` can take them. */
  async batch(): Promise<Taken & { more: boolean }> {
    await turn();
    const out = this.#out;
    const datagrams = this.engine.receive(out);
    const { frames, messages, runs, receiveArena } = this.engine;
    const slice = (offset = 0, length = 0): Buffer =>
      Buffer.from(receiveArena.slice(offset, offset + length));
    const taken: Taken & { more: boolean } = {
      datagrams,
      frames: [],
      messages: [],
      runs: [],
      more: out[4] === 1,
    };
    for (let i = 0; i < (out[0] ?? 0); i++) {
      const [offset, length, keypair = -1, flags = 0] = frames.subarray(i * FRAME_WORDS);
      taken.frames.push({ bytes: slice(offset, length), keypair, flags });
    }
    for (let i = 0; i < (out[1] ?? 0); i++) {
      const [, items = 0, keypair = -1, dst = 0, src = 0, ttl = 0, kind = 0] = runs.subarray(i * RUN_WORDS);
      taken.runs.push({ items, keypair, dst, src, ttl, kind });
    }
    for (let i = 0; i < (out[2] ?? 0); i++) {
      const words = messages.subarray(i * MESSAGE_WORDS);
      const [kind = 0, offset, length, keypair = -1, flags = 0, , hop = -1, source = 0] = words;
      taken.messages.push({ kind, bytes: slice(offset, length), keypair, flags, hop, source });
    }
    return taken;
  }

  /** All that waits in the socket. */
  async receive(): Promise<Taken> {
    const all: Taken = { datagrams: 0, frames: [], messages: [], runs: [] };
    for (;;) {
      const { more, datagrams, frames, messages, runs } = await this.batch();
      all.datagrams += datagrams;
      all.frames.push(...frames);
      all.messages.push(...messages);
      all.runs.push(...runs);
      if (!more) return all;
    }
  }

  /** One datagram as it is. */
  sendRaw(datagram: Uint8Array, to: LoopbackEngine | Uint8Array): void {
    const address = to instanceof LoopbackEngine ? to.address : to;
    if (!this.engine.sendDatagram(datagram, -1, address)) throw new Error("not sent");
  }

  /** Seals one frame for the owner of `keypair`, through `hop` when that is not −1. */
  sendFrame(frame: Uint8Array, keypair: number, link: number, hop = -1, ttl = 3): void {
    if (!this.engine.inject(frame)) throw new Error("frame refused");
    this.engine.sends.set([0, keypair, hop, link, ttl, 1400, 0, 0]);
    this.engine.send(1);
  }

  /** Sends run `index` of the last batch on: in transit with the keypair `hop`, or (−1) without the header. */
  forward(index: number, hop: number, link: number, ttl: number, kind: number): void {
    this.engine.forwards.set([index, hop, link, ttl, kind, 0, 0, 0]);
    this.engine.forward(1);
  }

  /** What arrives next, as it came: this engine has no key for it, so the bytes lie untouched in the arena. */
  async sniff(): Promise<Buffer> {
    await turn();
    const before = this.count("bytesReceived");
    if (this.engine.receive(this.#out) !== 1) throw new Error("one datagram expected");
    return Buffer.from(this.engine.receiveArena.slice(0, this.count("bytesReceived") - before));
  }

  close(): void {
    this.engine.close();
  }
}

/** The keys of one session, and the slots at both ends. */
export interface Joined {
  indexA: number;
  indexB: number;
  keyAtoB: Buffer;
  keyBtoA: Buffer;
  slotA: number;
  slotB: number;
}

/** Installs a session between two engines; link numbers are the peer's NodeIDs, −1 leaves the link out. */
export function join(
  a: LoopbackEngine,
  b: LoopbackEngine,
  options: { aead?: number; links?: boolean } = {},
): Joined {
  const { aead = AES_256_GCM, links = true } = options;
  const [indexA, indexB] = [randomInt(1, 2 ** 32 - 1), randomInt(1, 2 ** 32 - 1)];
  const [keyAtoB, keyBtoA] = [randomBytes(32), randomBytes(32)];
  const linkA = links ? b.nodeId : -1;
  const linkB = links ? a.nodeId : -1;
  if (links) {
    a.engine.setLink(linkA, b.address);
    b.engine.setLink(linkB, a.address);
  }
  const slotA = a.engine.addKeypair(indexA, indexB, b.nodeId, linkA, aead, keyAtoB, keyBtoA);
  const slotB = b.engine.addKeypair(indexB, indexA, a.nodeId, linkB, aead, keyBtoA, keyAtoB);
  return { indexA, indexB, keyAtoB, keyBtoA, slotA, slotB };
}

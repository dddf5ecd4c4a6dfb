// Two nodes with one session between them, in virtual time. Each end does what the real owner does:
// checks mac1 and cookies, keeps a table of installed keys, sends a record on the keypair in use every
// 100 ms, and reports what it saw four times a second. The network between them is a function.
//
// A record here is a stand-in for type 4: 04 01 00 00 | receiver index 4 | first 8 bytes of the send key.
// It is authentic if the receiver's key for that index starts with the same bytes.

import assert from "node:assert/strict";
import { CookieResponder, mac1Key, verifyMac1 } from "../../src/noise/cookie.ts";
import { readInitiation } from "../../src/noise/handshake.ts";
import { SessionCore } from "../../src/noise/session-core.ts";
import type { SessionAction, SessionEvent } from "../../src/noise/session-core.ts";
import type { SessionTimers } from "../../src/noise/timers.ts";
import { TimestampSource } from "../../src/noise/timestamp.ts";
import { NETWORK_TAG, ascii, keyPair, mac, prng, randomBytesFrom, toHex } from "./fixtures.ts";

export interface EndOptions {
  readonly name: string;
  readonly nodeId: number;
  readonly psk?: Uint8Array;
  readonly aeadBits?: number;
  readonly networkTag?: Uint8Array;
  /** What this end believes the other's NodeID to be, if not the truth. */
  readonly believedNodeId?: number;
  /** Wall clock at virtual time zero, ms. */
  readonly wallOffset?: number;
}

export interface PairOptions {
  readonly seed?: number;
  readonly a?: Partial<EndOptions>;
  readonly b?: Partial<EndOptions>;
  readonly timers?: Partial<SessionTimers>;
  /** One-way delay, ms. */
  readonly delay?: number;
}

/** What the network does with a datagram: the delays of the copies that arrive. None means lost. */
export type Network = (datagram: Uint8Array, from: End, now: number) => readonly number[];

interface Installed {
  readonly remoteIndex: number;
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  readonly aead: number;
  readonly initiator: boolean;
  heard: boolean;
}

const RECORD_EVERY = 100;
const REPORT_EVERY = 250;

export class End {
  readonly options: EndOptions;
  readonly keys: ReturnType<typeof keyPair>;
  readonly installed: Map<number, Installed> = new Map();
  readonly indices: Set<number> = new Set();
  readonly drops: Map<string, number> = new Map();
  /** Handshake datagrams sent, by type. */
  readonly sent = { 1: 0, 2: 0, 3: 0 };
  established = 0;
  /** Records that did not arrive on a known keypair, and those that did. */
  badRecords = 0;
  goodRecords = 0;
  using: number | undefined;
  /** Does it demand cookies? */
  underLoad = false;
  wallOffset: number;
  core: SessionCore;
  /** Pretended count of sent records in activity reports. */
  sentRecords = 0;
  lastHeard = 0;
  unansweredSince = 0;
  readonly #pair: Pair;
  readonly #cookies: CookieResponder;
  timestamps: TimestampSource;

  constructor(pair: Pair, options: EndOptions) {
    this.#pair = pair;
    this.options = options;
    this.keys = keyPair(options.name);
    this.wallOffset = options.wallOffset ?? 1.7e12;
    this.#cookies = new CookieResponder(mac, this.keys.publicKey.bytes);
    this.timestamps = new TimestampSource();
    this.core = this.#makeCore();
  }

  get other(): End {
    return this.#pair.other(this);
  }

  get wallMs(): number {
    return this.wallOffset + this.#pair.now;
  }

  handle(event: SessionEvent): void {
    this.#carryOut(this.core.handle(this.#pair.now, event, this.#pair.random));
    assert.ok(this.installed.size <= 3, "at most three keypairs");
    assert.ok(this.indices.size <= 4, "an index for each keypair and one for a handshake");
  }

  open(): void {
    this.handle({ type: "open", wallMs: this.wallMs });
  }

  /** Everything in memory is gone; `last` is what the state directory kept. */
  restart(last?: Uint8Array): void {
    this.installed.clear();
    this.indices.clear();
    this.using = undefined;
    this.lastHeard = 0;
    this.unansweredSince = 0;
    this.timestamps = new TimestampSource(last);
    this.core = this.#makeCore();
  }

  receive(datagram: Uint8Array): void {
    const type = datagram[0];
    if (type === 4) return this.#receiveRecord(datagram);
    if (type === 3) return this.handle({ type: "cookie", datagram });
    const ownKey = this.keys.publicKey.bytes;
    if (!verifyMac1(mac, mac1Key(ownKey), datagram)) return this.#drop("bad-mac1");
    const source = ascii(this.other.options.name);
    if (this.underLoad && !this.#cookies.verifyMac2(this.#pair.now, datagram, source)) {
      const reply = this.#cookies.makeReply(this.#pair.now, datagram, source, this.#pair.random);
      if (reply !== undefined) this.send(reply);
      return;
    }
    if (type === 2) return this.handle({ type: "response", datagram });
    const message = readInitiation({ local: this.keys, datagram });
    if (!message.ok) return this.#drop(message.reason);
    this.handle({ type: "initiation", message });
  }

  send(datagram: Uint8Array): void {
    const type = datagram[0];
    if (type === 1 || type === 2 || type === 3) this.sent[type]++;
    this.#pair.transmit(this, datagram);
  }

  sendRecord(): void {
    const keypair = this.using === undefined ? undefined : this.installed.get(this.using);
    if (keypair === undefined) return;
    const record = new Uint8Array(16);
    record.set([4, 1, 0, 0]);
    new DataView(record.buffer).setUint32(4, keypair.remoteIndex, true);
    record.set(keypair.sendKey.subarray(0, 8), 8);
    if (this.unansweredSince === 0) this.unansweredSince = this.#pair.now;
    this.send(record);
  }

  report(): void {
    const { lastHeard, unansweredSince, sentRecords } = this;
    this.handle({ type: "activity", wallMs: this.wallMs, lastHeard, unansweredSince, sentRecords });
  }

  /** True if records sent by this end now would be understood by the other. */
  get reaches(): boolean {
    const mine = this.using === undefined ? undefined : this.installed.get(this.using);
    if (mine === undefined) return false;
    const theirs = this.other.installed.get(mine.remoteIndex);
    return theirs !== undefined && toHex(theirs.receiveKey) === toHex(mine.sendKey);
  }

  #receiveRecord(record: Uint8Array): void {
    const index = new DataView(record.buffer, record.byteOffset).getUint32(4, true);
    const keypair = this.installed.get(index);
    if (keypair === undefined || toHex(keypair.receiveKey.subarray(0, 8)) !== toHex(record.subarray(8, 16))) {
      this.badRecords++;
      return;
    }
    this.goodRecords++;
    this.lastHeard = this.#pair.now;
    this.unansweredSince = 0;
    if (keypair.heard) return;
    keypair.heard = true;
    this.handle({ type: "confirmed", localIndex: index });
  }

  #carryOut(actions: readonly SessionAction[]): void {
    for (const action of actions) {
      switch (action.type) {
        case "send":
          this.send(action.datagram);
          break;
        case "install":
          assert.ok(this.indices.has(action.localIndex));
          assert.ok(!this.installed.has(action.localIndex));
          this.installed.set(action.localIndex, { ...action, heard: false });
          break;
        case "use": {
          const keypair = this.installed.get(action.localIndex);
          assert.ok(keypair !== undefined, "a keypair is installed before it is used");
          this.using = action.localIndex;
          if (keypair.initiator) this.sendRecord();
          break;
        }
        case "remove":
          assert.ok(this.installed.delete(action.localIndex));
          assert.ok(!this.indices.has(action.localIndex));
          if (this.using === action.localIndex) this.using = undefined;
          break;
        case "established":
          this.established++;
          break;
        case "drop":
          this.#drop(action.reason);
          break;
      }
    }
  }

  #drop(reason: string): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }

  #makeCore(): SessionCore {
    const peer = this.#pair.optionsOfOther(this.options);
    const { options } = this;
    return new SessionCore({
      localStaticPrivate: this.keys,
      localStaticPublic: this.keys.publicKey.bytes,
      remoteStaticPublic: keyPair(peer.name).publicKey.bytes,
      psk: options.psk,
      localNodeId: options.nodeId,
      remoteNodeId: options.believedNodeId ?? peer.nodeId,
      networkTag: options.networkTag ?? NETWORK_TAG,
      aeadBits: options.aeadBits ?? 3,
      mac,
      timestamps: this.timestamps,
      timers: this.#pair.timers,
      allocateIndex: () => {
        const bytes = this.#pair.random(4);
        const index = new DataView(bytes.buffer).getUint32(0);
        this.indices.add(index);
        return index;
      },
      releaseIndex: (index) => assert.ok(this.indices.delete(index), "an index is released once"),
    });
  }
}

export class Pair {
  readonly a: End;
  readonly b: End;
  readonly timers: Partial<SessionTimers>;
  readonly random: (n: number) => Uint8Array;
  /** Numbers in [0, 1) for the network. */
  readonly dice: () => number;
  network: Network;
  now = 1_000_000;
  readonly #options: [EndOptions, EndOptions];
  #queue: { at: number; order: number; to: End; datagram: Uint8Array }[] = [];
  #order = 0;
  #nextRecord = this.now;
  #nextReport = this.now;

  constructor(options: PairOptions = {}) {
    this.dice = prng(options.seed ?? 1);
    this.random = randomBytesFrom(prng((options.seed ?? 1) ^ 0x5bd1e995));
    this.timers = options.timers ?? {};
    const delay = options.delay ?? 20;
    this.network = () => [delay];
    this.#options = [
      { name: "end a", nodeId: 1, ...options.a },
      { name: "end b", nodeId: 2, ...options.b },
    ];
    this.a = new End(this, this.#options[0]);
    this.b = new End(this, this.#options[1]);
  }

  other(end: End): End {
    return end === this.a ? this.b : this.a;
  }

  optionsOfOther(options: EndOptions): EndOptions {
    return options === this.#options[0] ? this.#options[1] : this.#options[0];
  }

  transmit(from: End, datagram: Uint8Array): void {
    for (const delay of this.network(datagram, from, this.now)) {
      const to = this.other(from);
      this.#queue.push({ at: this.now + delay, order: this.#order++, to, datagram: datagram.slice() });
    }
  }

  /** Let virtual time pass; `until` ends it early. Returns the ms that passed. */
  run(ms: number, until: () => boolean = () => false): number {
    const start = this.now;
    while (!until()) {
      const next = this.#nextThing();
      if (next > start + ms) {
        this.now = start + ms;
        break;
      }
      this.now = Math.max(this.now, next);
      this.#step();
    }
    return this.now - start;
  }

  /** True when each end sends with a keypair that the other has. */
  get up(): boolean {
    return this.a.reaches && this.b.reaches;
  }

  #nextThing(): number {
    const arrivals = this.#queue.map((entry) => entry.at);
    const deadlines = [this.a.core.nextDeadline(), this.b.core.nextDeadline()];
    return Math.min(this.#nextRecord, this.#nextReport, ...arrivals, ...deadlines);
  }

  #step(): void {
    const due = this.#queue.filter((entry) => entry.at <= this.now);
    this.#queue = this.#queue.filter((entry) => entry.at > this.now);
    due.sort((x, y) => x.at - y.at || x.order - y.order);
    for (const entry of due) entry.to.receive(entry.datagram);
    for (const end of [this.a, this.b]) {
      if (end.core.nextDeadline() <= this.now) end.handle({ type: "tick", wallMs: end.wallMs });
    }
    if (this.now >= this.#nextRecord) {
      this.#nextRecord += RECORD_EVERY;
      this.a.sendRecord();
      this.b.sendRecord();
    }
    if (this.now >= this.#nextReport) {
      this.#nextReport += REPORT_EVERY;
      this.a.report();
      this.b.report();
    }
  }
}

/** A network that loses a fraction, duplicates a fraction, and delays between `min` and `max` ms. */
export function rough(pair: Pair, loss: number, duplicates: number, min: number, max: number): Network {
  const delay = (): number => min + (max - min) * pair.dice();
  return () => {
    if (pair.dice() < loss) return [];
    return pair.dice() < duplicates ? [delay(), delay()] : [delay()];
  };
}

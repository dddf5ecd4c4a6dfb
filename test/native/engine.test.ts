import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterEach, beforeEach, describe, it } from "mocha";
import { mac1Key } from "../../src/noise/cookie.ts";
import { accountedFor } from "../support/accounting.ts";
import type { datagramDrops } from "../support/accounting.ts";
import { addon, join, LoopbackEngine, packed } from "../support/engines.ts";
import type { Joined } from "../support/engines.ts";
import {
  AES_256_GCM,
  CHACHA20_POLY1305,
  sealRecord,
  sealTransit,
  TRANSIT_HEADER,
} from "../support/records.ts";
import type { Plain } from "../support/records.ts";

const KIND_FRAME = 0;
const KIND_PROBE = 2;
const KIND_CONTROL = 3;
const KIND_FRAGMENT = 4;
const KIND_PATH_MTU = 5;
const KIND_PATH_PROBE = 6;
const FLAG_MOVED = 2;
const HANDSHAKE_BASE = 16;

/** An Ethernet frame of a type that nothing parses. */
function frameOf(length: number): Buffer {
  return Buffer.concat([Buffer.from("02ee0000000302ee0000000188b5", "hex"), randomBytes(length - 14)]);
}

function flipped(datagram: Buffer, bit: number): Buffer {
  const copy = Buffer.from(datagram);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

describe("packet engine", () => {
  let engines: LoopbackEngine[] = [];
  const engine = (nodeId: number, ipv6 = false): LoopbackEngine => {
    const made = new LoopbackEngine(nodeId, ipv6);
    engines.push(made);
    return made;
  };
  /** What hides in the middle: it can send anything and keeps what it gets. */
  let wire: LoopbackEngine;
  let a: LoopbackEngine;
  let b: LoopbackEngine;
  beforeEach(() => {
    engines = [];
    a = engine(1);
    b = engine(3);
    wire = engine(60_000);
  });
  afterEach(() => {
    for (const one of engines) {
      const counters = one.counts();
      assert.equal(
        accountedFor(counters),
        counters["datagramsReceived"],
        "every datagram ends in one counter",
      );
      one.close();
    }
  });

  describe("with two nodes", () => {
    let session: Joined;
    beforeEach(() => {
      session = join(a, b);
    });
    /** Seals a frame at `a` and takes the datagram off the wire. */
    const capture = async (frame: Buffer): Promise<Buffer> => {
      a.engine.setLink(3, wire.address);
      a.sendFrame(frame, session.slotA, 3);
      a.engine.setLink(3, b.address);
      return wire.sniff();
    };
    const plain = (counter: number, kind: number): Plain => ({
      receiver: session.indexB,
      counter,
      kind,
      dst: 3,
      src: 1,
    });

    for (const [name, aead] of [
      ["AES-256-GCM", AES_256_GCM],
      ["ChaCha20-Poly1305", CHACHA20_POLY1305],
    ] as const) {
      it(`carries frames byte for byte with ${name}, as node:crypto seals them`, async () => {
        const c = engine(4);
        const other = join(a, c, { aead });
        for (const length of [14, 15, 60, 1350]) {
          const frame = frameOf(length);
          a.sendFrame(frame, other.slotA, 4);
          assert.deepEqual((await c.receive()).frames, [{ bytes: frame, keypair: other.slotB, flags: 0 }]);
        }
        const frame = frameOf(100);
        const record = sealRecord(
          other.keyAtoB,
          { receiver: other.indexB, counter: 4, kind: KIND_FRAME, dst: 4, src: 1 },
          frame,
          aead,
        );
        a.sendRaw(record, c);
        assert.deepEqual((await c.receive()).frames, [{ bytes: frame, keypair: other.slotB, flags: 0 }]);
      });
    }

    it("drops a record with any one bit changed, counts it once, and still takes the true one", async () => {
      const frame = frameOf(60);
      const record = await capture(frame);
      assert.equal(record.length, 100);
      for (let bit = 0; bit < record.length * 8; bit++) {
        const before = b.drops();
        wire.sendRaw(flipped(record, bit), b);
        const taken = await b.receive();
        assert.equal(taken.datagrams, 1);
        assert.deepEqual([taken.frames, taken.messages, taken.runs], [[], [], []], `bit ${bit}`);
        assert.equal(b.drops() - before, 1, `bit ${bit}`);
      }
      wire.sendRaw(record, b);
      assert.deepEqual((await b.receive()).frames[0]?.bytes, frame);
    });

    it("drops a record cut or lengthened at any place", async () => {
      const record = await capture(frameOf(60));
      const lengths = Array.from({ length: 200 }, (_, i) => i).filter((length) => length !== record.length);
      for (const length of lengths) {
        const before = b.drops();
        wire.sendRaw(Buffer.concat([record, randomBytes(200)]).subarray(0, length), b);
        assert.deepEqual((await b.receive()).frames, []);
        assert.equal(b.drops() - before, 1, `length ${length}`);
      }
    });

    it("takes a record once, in whatever order records come, and none beyond the window", async () => {
      const records: Buffer[] = [];
      while (records.length < 100) records.push(await capture(frameOf(64)));
      for (const record of records.toReversed()) wire.sendRaw(record, b);
      assert.equal((await b.receive()).frames.length, 100);
      for (const record of records) wire.sendRaw(record, b);
      assert.equal((await b.receive()).frames.length, 0);
      assert.equal(b.count("dropReplay"), 100);
      const late = sealRecord(session.keyAtoB, plain(70_000, KIND_FRAME), frameOf(64));
      wire.sendRaw(late, b);
      wire.sendRaw(sealRecord(session.keyAtoB, plain(200, KIND_FRAME), frameOf(64)), b);
      assert.equal((await b.receive()).frames.length, 1);
      assert.equal(b.count("dropReplay"), 101);
    });

    it("does not let a stranger move the replay window", async () => {
      const forged = sealRecord(randomBytes(32), plain(2 ** 40, KIND_FRAME), frameOf(64));
      wire.sendRaw(forged, b);
      wire.sendRaw(await capture(frameOf(64)), b);
      assert.equal((await b.receive()).frames.length, 1);
      assert.equal(b.count("dropAuth"), 1);
    });

    it("drops what a member says in another's name, to another, of another length or of no known kind", async () => {
      const cases: [Partial<Plain>, string][] = [
        [{ src: 2 }, "dropHeader"],
        [{ src: 3 }, "dropHeader"],
        [{ dst: 1 }, "dropHeader"],
        [{ dst: 2 }, "dropHeader"],
        [{ length: 63 }, "dropHeader"],
        [{ length: 65 }, "dropHeader"],
        [{ length: 0 }, "dropHeader"],
        ...[1, 7, 8, 15].map((kind): [Partial<Plain>, string] => [{ kind }, "dropKind"]),
      ];
      for (const [counter, [wrong, reason]] of cases.entries()) {
        const before = b.count(reason);
        wire.sendRaw(
          sealRecord(session.keyAtoB, { ...plain(counter, KIND_FRAME), ...wrong }, frameOf(64)),
          b,
        );
        const { frames, messages } = await b.receive();
        assert.deepEqual([frames, messages], [[], []]);
        assert.equal(b.count(reason) - before, 1, JSON.stringify(wrong));
      }
    });

    it("drops frames that are none: shorter than Ethernet's header, or flagged 0x10 without TCP or UDP", async () => {
      [1, 13].forEach((length, counter) => {
        wire.sendRaw(sealRecord(session.keyAtoB, plain(counter, KIND_FRAME), randomBytes(length)), b);
      });
      wire.sendRaw(sealRecord(session.keyAtoB, plain(2, KIND_FRAME | 0x10), frameOf(64)), b);
      assert.deepEqual((await b.receive()).frames, []);
      assert.deepEqual([b.count("dropRunt"), b.count("dropPortFrame")], [2, 1]);
    });

    it("drops fragments that are no part of a frame", async () => {
      const fragment = (id: number, offset: number, total: number, size: number): Buffer => {
        const header = Buffer.alloc(8);
        header.writeUInt32BE(id, 0);
        header.writeUInt16BE(offset, 4);
        header.writeUInt16BE(total, 6);
        return Buffer.concat([header, randomBytes(size)]);
      };
      const bad = [
        fragment(1, 0, 10, 11),
        fragment(2, 65535, 65535, 1),
        fragment(3, 0, 0, 0),
        fragment(4, 100, 50, 10),
      ];
      bad.forEach((payload, counter) =>
        wire.sendRaw(sealRecord(session.keyAtoB, plain(counter, KIND_FRAGMENT), payload), b),
      );
      assert.deepEqual((await b.receive()).frames, []);
      assert.equal(b.count("dropFragment"), bad.length);
      for (let length = 0; length < 8; length++) {
        wire.sendRaw(sealRecord(session.keyAtoB, plain(10 + length, KIND_FRAGMENT), randomBytes(length)), b);
      }
      assert.deepEqual((await b.receive()).frames, []);
      assert.equal(b.count("dropHeader"), 8);
    });

    it("says which frames and messages came from elsewhere than the link's endpoint", async () => {
      a.sendFrame(frameOf(64), session.slotA, 3);
      wire.sendRaw(await capture(frameOf(64)), b);
      const frames = (await b.receive()).frames.map((frame) => frame.flags & FLAG_MOVED);
      assert.deepEqual(frames, [0, FLAG_MOVED]);
      a.engine.sendRecord(KIND_CONTROL, session.slotA, -1, 3, null, 1, Uint8Array.of(1, 1));
      wire.sendRaw(sealRecord(session.keyAtoB, plain(900, KIND_PROBE), randomBytes(69)), b);
      const messages = (await b.receive()).messages.map((message) => [
        message.kind,
        message.flags & FLAG_MOVED,
      ]);
      assert.deepEqual(messages, [
        [KIND_CONTROL, 0],
        [KIND_PROBE, FLAG_MOVED],
      ]);
    });

    it("says when a datagram came, however late it is read", async () => {
      const before = addon.now();
      a.engine.sendRecord(KIND_PROBE, session.slotA, -1, 3, null, 1, randomBytes(69));
      const after = addon.now();
      while (addon.now() - after < 1_200_000);
      await b.receive();
      const [arrival = NaN] = b.engine.arrivals;
      assert(arrival > before - 1000 && arrival < after + 10_000, `${arrival - before}`);
    });

    for (const [name, kind, size, counter] of [
      ["end-to-end path probes", KIND_PATH_PROBE, 38, "pathProbesReceived"],
      ["path-MTU probes", KIND_PATH_MTU, 1432, "pathMtuProbesReceived"],
    ] as const) {
      it(`hands up ${name}, and counts them`, async () => {
        const payload = randomBytes(size);
        a.engine.sendRecord(kind, session.slotA, -1, 3, null, 1, payload);
        const [message] = (await b.receive()).messages;
        assert.deepEqual([message?.kind, message?.bytes, message?.keypair], [kind, payload, session.slotB]);
        assert.equal(b.count(counter), 1);
      });
    }

    it("counts every datagram of a random mix exactly once", async () => {
      const template = await capture(frameOf(200));
      const header = (type: number): Buffer => {
        const bytes = Buffer.from([type, 1, 0, 0, 0, 0, 0, 0]);
        bytes.writeUInt32LE(session.indexB, 4);
        return bytes;
      };
      const datagram = fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc
          .tuple(fc.integer({ min: 1, max: 5 }), fc.uint8Array({ maxLength: 300 }))
          .map(([type, body]) => Buffer.concat([header(type), body])),
        fc.nat({ max: template.length * 8 - 1 }).map((bit) => flipped(template, bit)),
        fc.integer({ min: 1, max: template.length }).map((length) => template.subarray(0, length)),
      );
      let sent = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(datagram, { maxLength: 40 }), async (datagrams) => {
          for (const one of datagrams) wire.sendRaw(one, b);
          sent += datagrams.length;
          await b.receive();
          const counters = b.counts();
          assert.equal(counters["datagramsReceived"], sent);
          assert.equal(accountedFor(counters), sent);
        }),
        { numRuns: 300 },
      );
      assert.equal(b.count("recordsReceived") <= 1, true, "at most the true one");
    });
  });

  describe("as a relay", () => {
    let r: LoopbackEngine;
    let ar: Joined;
    let ab: Joined;
    beforeEach(() => {
      r = engine(2);
      ar = join(a, r);
      join(r, b);
      ab = join(a, b, { links: false });
    });
    const send = (frame: Buffer, ttl = 4): void => a.sendFrame(frame, ab.slotA, 2, ar.slotA, ttl);
    const capture = async (frame: Buffer): Promise<Buffer> => {
      a.engine.setLink(2, wire.address);
      send(frame);
      a.engine.setLink(2, r.address);
      return wire.sniff();
    };
    /** The relay does what the data plane would: header off, on to the destination. */
    const relay = async (): Promise<number> => {
      const { runs } = await r.batch();
      runs.forEach((run, index) => r.forward(index, -1, 3, run.ttl - 1, run.kind));
      return runs.length;
    };

    it("sends the sealed record on as it is, knowing source, destination, TTL and kind", async () => {
      const frame = frameOf(500);
      const datagram = await capture(frame);
      wire.sendRaw(datagram, r);
      const { runs, frames } = await r.batch();
      assert.deepEqual(runs, [{ items: 1, keypair: ar.slotB, dst: 3, src: 1, ttl: 4, kind: 4 }]);
      assert.deepEqual(frames, []);
      r.engine.setLink(3, wire.address);
      r.forward(0, -1, 3, 3, 4);
      const stripped = await wire.sniff();
      assert.deepEqual(stripped, datagram.subarray(TRANSIT_HEADER));
      wire.sendRaw(stripped, b);
      assert.deepEqual((await b.receive()).frames[0]?.bytes, frame);
    });

    it("carries the hop's flags that its sender sets: on frames, records and handshakes", async () => {
      a.engine.inject(frameOf(100));
      a.engine.sends.set([0, ab.slotA, ar.slotA, 2, 4, 1400, 0x20, 0]);
      a.engine.send(1);
      a.engine.sendRecord(KIND_CONTROL, ab.slotA, ar.slotA, 2, null, 4, randomBytes(10), 0x20);
      a.engine.sendRecord(KIND_CONTROL, ab.slotA, ar.slotA, 2, null, 4, randomBytes(10));
      const handshake = Buffer.concat([Buffer.of(1, 1, 0, 0), randomBytes(188)]);
      a.engine.sendTransit(handshake, ar.slotA, 2, 3, 4, 0x20);
      a.engine.sendTransit(handshake, ar.slotA, 2, 3, 4);
      const { runs } = await r.batch();
      assert.deepEqual(
        runs.map(({ kind, items }) => [kind, items]),
        [
          [0x24, 2],
          [4, 1],
          [0x21, 1],
          [1, 1],
        ],
      );
    });

    it("keeps the record through a second relay, whose header is new", async () => {
      const q = engine(5);
      const rq = join(r, q);
      const frame = frameOf(300);
      send(frame);
      const run = (await r.batch()).runs[0];
      assert.ok(run);
      r.forward(0, rq.slotA, 5, 3, run.kind);
      const [second] = (await q.batch()).runs;
      assert.deepEqual(second, { items: 1, keypair: rq.slotB, dst: 3, src: 1, ttl: 3, kind: 4 });
      q.engine.setLink(3, b.address);
      q.forward(0, -1, 3, 2, 4);
      assert.deepEqual((await b.receive()).frames[0]?.bytes, frame);
    });

    it("lets no changed bit of a transit datagram pass: a counted drop at the relay or at the destination", async () => {
      const length = (await capture(frameOf(60))).length;
      assert.equal(length, 140);
      let atRelay = 0;
      for (let bit = 0; bit < length * 8; bit++) {
        const [relayDrops, ownDrops] = [r.drops(), b.drops()];
        wire.sendRaw(flipped(await capture(frameOf(60)), bit), r);
        await relay();
        const { frames } = await b.receive();
        assert.deepEqual(frames, [], `bit ${bit}`);
        assert.equal(r.drops() - relayDrops + (b.drops() - ownDrops), 1, `bit ${bit}`);
        atRelay += r.drops() - relayDrops;
      }
      // Its own header and what that is bound to: 40 + 16 bytes.
      assert.equal(atRelay, 56 * 8);
      wire.sendRaw(await capture(frameOf(60)), r);
      await relay();
      assert.equal((await b.receive()).frames.length, 1);
    });

    it("lets no bit that the relay changes pass: a counted drop at the destination", async () => {
      r.engine.setLink(3, wire.address);
      const take = async (): Promise<Buffer> => {
        send(frameOf(60));
        await relay();
        return wire.sniff();
      };
      const length = (await take()).length;
      for (let bit = 0; bit < length * 8; bit++) {
        const before = b.drops();
        wire.sendRaw(flipped(await take(), bit), b);
        assert.deepEqual((await b.receive()).frames, []);
        assert.equal(b.drops() - before, 1, `bit ${bit}`);
      }
    });

    it("forwards a transit datagram once however often it comes", async () => {
      const datagram = await capture(frameOf(100));
      let forwarded = 0;
      for (let i = 0; i < 10; i++) {
        wire.sendRaw(datagram, r);
        forwarded += await relay();
      }
      assert.equal(forwarded, 1);
      assert.equal(r.count("dropReplay"), 9);
      assert.equal((await b.receive()).frames.length, 1);
    });

    it("does not take a hop's header before another record, cut or lengthened ones", async () => {
      const [first, second] = [await capture(frameOf(100)), await capture(frameOf(100))];
      const mixed = Buffer.concat([first.subarray(0, TRANSIT_HEADER), second.subarray(TRANSIT_HEADER)]);
      wire.sendRaw(mixed, r);
      wire.sendRaw(second.subarray(0, -1), r);
      // The true header was spent on the one that was too short, so this one is a replay.
      wire.sendRaw(Buffer.concat([second, Buffer.of(0)]), r);
      assert.equal(await relay(), 0);
      assert.deepEqual([r.count("dropAuth"), r.count("dropHeader"), r.count("dropReplay")], [1, 1, 1]);
    });

    it("forwards nothing whose header tells another length or type than the datagram has, or that is too short", async () => {
      const inner = (await capture(frameOf(100))).subarray(TRANSIT_HEADER);
      const plain = { receiver: ar.indexB, kind: 4, dst: 3, src: 1 };
      const bad: Buffer[] = [
        sealTransit(ar.keyAtoB, { ...plain, counter: 100, length: inner.length - 1 }, inner),
        sealTransit(ar.keyAtoB, { ...plain, counter: 101, length: inner.length + 1 }, inner),
        sealTransit(ar.keyAtoB, { ...plain, counter: 102, kind: 1 }, inner),
        sealTransit(ar.keyAtoB, { ...plain, counter: 103, kind: 0 }, inner),
        sealTransit(ar.keyAtoB, { ...plain, counter: 104 }, inner.subarray(0, 39)),
        // A transit datagram inside another.
        sealTransit(ar.keyAtoB, { ...plain, counter: 105, kind: 5 }, await capture(frameOf(100))),
      ];
      for (const datagram of bad) wire.sendRaw(datagram, r);
      assert.equal(await relay(), 0);
      assert.deepEqual(
        [r.count("dropHeader"), r.count("dropShort") + r.count("dropUnknownType") + r.count("dropBadLength")],
        [4, 2],
      );
    });

    it("takes handshakes in transit that end here, with hop and source, but no records", async () => {
      const key = mac1Key(randomBytes(32));
      r.engine.setMac1Key(key);
      const initiation = randomBytes(192);
      initiation.set([1, 1, 0, 0]);
      initiation.set(addon.blake2sMac(key, initiation.subarray(0, 160)), 160);
      const plain = { receiver: ar.indexB, dst: 2, src: 9 };
      wire.sendRaw(sealTransit(ar.keyAtoB, { ...plain, counter: 50, kind: 1 }, initiation), r);
      const record = sealRecord(
        randomBytes(32),
        { receiver: 1, counter: 0, kind: 0, dst: 2, src: 9 },
        frameOf(60),
      );
      wire.sendRaw(sealTransit(ar.keyAtoB, { ...plain, counter: 51, kind: 4 }, record), r);
      const forged = flipped(initiation, 8 * 160);
      wire.sendRaw(sealTransit(ar.keyAtoB, { ...plain, counter: 52, kind: 1 }, forged), r);
      const { messages, runs, frames } = await r.batch();
      assert.deepEqual([runs, frames], [[], []]);
      assert.deepEqual(
        messages.map(({ kind, hop, source, bytes }) => ({ kind, hop, source, bytes })),
        [{ kind: HANDSHAKE_BASE + 1, hop: ar.slotB, source: 9, bytes: initiation }],
      );
      assert.deepEqual([r.count("dropTransitSelf"), r.count("dropMac1")], [1, 1]);
    });
  });

  describe("with strangers", () => {
    it("hands up no handshake with a bit changed, and no overlong one", async () => {
      const key = mac1Key(randomBytes(32));
      b.engine.setMac1Key(key);
      for (const [type, length] of [
        [1, 192],
        [2, 128],
      ] as const) {
        const message = randomBytes(length);
        message.set([type, 1, 0, 0]);
        message.set(addon.blake2sMac(key, message.subarray(0, length - 32)), length - 32);
        for (let bit = 0; bit < (length - 16) * 8; bit++) {
          const before = b.drops();
          wire.sendRaw(flipped(message, bit), b);
          assert.deepEqual((await b.receive()).messages, [], `type ${type} bit ${bit}`);
          assert.equal(b.drops() - before, 1);
        }
        wire.sendRaw(message, b);
        assert.deepEqual(
          (await b.receive()).messages.map(({ kind }) => kind),
          [HANDSHAKE_BASE + type],
        );
      }
      const long = randomBytes(1400);
      long.set([1, 1, 0, 0]);
      long.set(addon.blake2sMac(key, long.subarray(0, 1368)), 1368);
      const before = b.count("dropBadLength");
      wire.sendRaw(long, b);
      assert.deepEqual((await b.receive()).messages, []);
      assert.equal(b.count("dropBadLength") - before, 1);
    });

    it("names a reason for each kind of rubbish, empty datagrams included", async () => {
      const expected: Partial<Record<(typeof datagramDrops)[number], Buffer[]>> = {
        dropShort: [
          Buffer.of(4),
          Buffer.of(1, 1, 0, 0),
          Buffer.concat([Buffer.of(4, 1, 0, 0), randomBytes(35)]),
          Buffer.concat([Buffer.of(5, 1, 0, 0), randomBytes(35)]),
        ],
        dropUnknownType: [Buffer.alloc(100), Buffer.alloc(1, 6), Buffer.alloc(1400, 0xff)],
        dropReserved: [Buffer.alloc(200, 4), Buffer.concat([Buffer.of(1, 0, 0, 0), randomBytes(200)])],
        dropBadLength: [Buffer.concat([Buffer.of(3, 1, 0, 0), randomBytes(61)])],
        dropUnknownIndex: [Buffer.concat([Buffer.of(4, 1, 0, 0), randomBytes(randomInt(36, 1400))])],
        dropMac1: [Buffer.concat([Buffer.of(2, 1, 0, 0), randomBytes(124)])],
      };
      for (const [reason, datagrams] of Object.entries(expected)) {
        for (const datagram of datagrams) wire.sendRaw(datagram, b);
        const { frames, messages, runs } = await b.receive();
        assert.deepEqual([frames, messages, runs], [[], [], []]);
        assert.equal(b.count(reason), datagrams.length, reason);
      }
      const socket = createSocket("udp4");
      await new Promise((resolve) => socket.send(Buffer.alloc(0), b.port, "127.0.0.1", resolve));
      socket.close();
      await b.receive();
      assert.equal(b.count("dropShort"), (expected.dropShort?.length ?? 0) + 1);
    });

    it("leave room for members' probes, however many handshakes come in one batch", async () => {
      const session = join(a, b);
      const key = mac1Key(randomBytes(32));
      b.engine.setMac1Key(key);
      const initiation = randomBytes(192);
      initiation.set([1, 1, 0, 0]);
      initiation.set(addon.blake2sMac(key, initiation.subarray(0, 160)), 160);
      // Trains make large batches: the wire's own engine sends them as one datagram each, so the count is what matters.
      let probes = 0;
      for (let i = 0; i < 2000; i++) {
        wire.sendRaw(initiation, b);
        if (i % 100 === 0) a.engine.sendRecord(KIND_PROBE, session.slotA, -1, 3, null, 1, randomBytes(69));
      }
      probes += (await b.receive()).messages.filter((message) => message.kind === KIND_PROBE).length;
      assert.equal(probes, 20);
    });

    it("over one address family do not starve the other", async () => {
      const both = engine(7, true);
      const six = engine(8, true);
      for (let i = 0; i < 400; i++) wire.sendRaw(Buffer.alloc(50), both);
      six.sendRaw(Buffer.alloc(60, 9), packed(`[::1]:${both.port}`));
      await both.batch();
      await both.batch();
      assert.equal(
        both.count("bytesReceived") % 50,
        10,
        "the one IPv6 datagram was among the first two batches",
      );
      await both.receive();
    });
  });

  it("refuses a receiver index that is taken, and forgets one that is removed", async () => {
    const session = join(a, b);
    const key = randomBytes(32);
    assert.throws(() => b.engine.addKeypair(session.indexB, 1, 1, -1, AES_256_GCM, key, key), /index taken/);
    a.engine.setLink(3, b.address);
    b.engine.removeKeypair(session.slotB);
    a.sendFrame(frameOf(64), session.slotA, 3);
    assert.deepEqual((await b.receive()).frames, []);
    assert.equal(b.count("dropUnknownIndex"), 1);
  });

  it("may be forgotten without being closed", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (let i = 0; i < 10; i++) new addon.Engine(i, () => undefined).setLink(1, packed("127.0.0.1:1"));
    collect();
    await new Promise((resolve) => void setImmediate(resolve));
    for (let i = 0; i < 10; i++) new addon.Engine(i, () => undefined).close();
    collect();
  });

  it("opens no socket when it was told an address that is not there, though the other family works", () => {
    const request = { port: 0, mark: 0, gso: true, gro: true };
    const absent4 = { ...request, ipv4: Uint8Array.of(192, 0, 2, 77), ipv6: new Uint8Array(16) };
    assert.throws(() => wire.engine.openUdp(absent4), /bind IPv4/);
    const absent6 = { ...request, ipv4: new Uint8Array(4), ipv6: packed("[2001:db8::77]:1").slice(4) };
    assert.throws(() => wire.engine.openUdp(absent6), /bind IPv6/);
  });

  it("counts what comes from an address for the link that was given it last, and gives it back", async () => {
    const counted = (): number[] =>
      [1, 2].map((link) => {
        const out = new Float64Array(2);
        b.engine.linkStats(link, out);
        return out[1] ?? NaN;
      });
    const send = async (): Promise<number[]> => {
      const before = counted();
      wire.sendRaw(randomBytes(40), b);
      await b.receive();
      return counted().map((now, i) => now - (before[i] ?? 0));
    };
    b.engine.setLink(1, wire.address);
    assert.deepEqual(await send(), [1, 0]);
    b.engine.setLink(2, wire.address);
    assert.deepEqual(await send(), [0, 1]);
    assert.deepEqual(await send(), [0, 1]);
    b.engine.setLink(2, packed("127.0.0.1:9"));
    assert.deepEqual(await send(), [1, 0]);
    b.engine.setLink(2, wire.address);
    b.engine.setLink(1, wire.address);
    assert.deepEqual(await send(), [1, 0]);
  });

  it("looks into a socket that nobody has announced as readable only when told to", async () => {
    const out = new Float64Array(6);
    await b.receive();
    wire.sendRaw(randomBytes(40), b);
    const end = performance.now() + 1000;
    while (b.engine.receive(out, true) === 0) assert(performance.now() < end);
    assert.equal(b.engine.receive(out), 0);
    wire.sendRaw(randomBytes(40), b);
    const until = performance.now() + 20;
    while (performance.now() < until) assert.equal(b.engine.receive(out), 0);
    assert.equal(b.engine.receive(out, true), 1);
  });

  it("accepts link numbers it has no room for without harm", async () => {
    const key = randomBytes(32);
    const index = 77;
    b.engine.addKeypair(index, 1, 1, 1_000_000, AES_256_GCM, key, key);
    wire.sendRaw(sealRecord(key, { receiver: index, counter: 0, kind: 0, dst: 3, src: 1 }, frameOf(64)), b);
    assert.equal((await b.receive()).frames[0]?.flags, FLAG_MOVED);
  });
});

// What a relay's engine sends on without asking JavaScript, against what JavaScript would have done (transit.ts).

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import fc from "fast-check";
import { afterEach, beforeEach, describe, it } from "mocha";
import { RECEIVE_SLOTS } from "../../src/dataplane/descriptors.ts";
import { newRelayMeter } from "../../src/dataplane/forward-meter.ts";
import { LINK_UP, NO_NODE } from "../../src/dataplane/members.ts";
import { relayTables } from "../../src/dataplane/relay-tables.ts";
import { Transit } from "../../src/dataplane/transit.ts";
import { makeState, OWN, type Forwarded, type FakeEngine, type Run } from "../dataplane/fake-engine.ts";
import type { PlaneState } from "../../src/dataplane/state.ts";
import { addon, join, LoopbackEngine, packed, type Joined } from "../support/engines.ts";
import { openTransit, sealRecord, sealTransit, TRANSIT_HEADER } from "../support/records.ts";

const PREVIOUS = 2;
/** Neighbours that a run may go on to. */
const NEXT = [2, 3, 4] as const;
const RECORD = 4;
const INNER = Buffer.concat([Buffer.of(RECORD, 1, 0, 0), randomBytes(76)]);
const HANDSHAKE = Buffer.concat([Buffer.of(1, 1, 0, 0), randomBytes(188)]);

/** A plain socket that keeps what it gets. */
interface End {
  socket: Socket;
  address: Uint8Array;
  datagrams: Buffer[];
}

async function openEnd(): Promise<End> {
  const socket = createSocket("udp4");
  const datagrams: Buffer[] = [];
  socket.on("message", (datagram) => datagrams.push(datagram));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { socket, address: packed(`127.0.0.1:${socket.address().port}`), datagrams };
}

describe("a relay's engine that follows the tables", () => {
  let relay: LoopbackEngine;
  let sender: LoopbackEngine;
  /** Where the links to 2, 3 and 4 lead. */
  let ends: Map<number, End>;
  let sessions: Map<number, Joined>;
  let state: PlaneState;
  let fake: FakeEngine;
  let transit: Transit;
  let meter: Float64Array;
  let counter = 0;

  beforeEach(async () => {
    counter = 0;
    relay = new LoopbackEngine(OWN);
    sender = new LoopbackEngine(PREVIOUS);
    ends = new Map();
    for (const node of NEXT) ends.set(node, await openEnd());
    sessions = new Map(
      NEXT.map((node) => [node, join(node === PREVIOUS ? sender : new LoopbackEngine(node), relay)]),
    );
    ({ state, engine: fake } = makeState([]));
    for (const node of NEXT) {
      const end = ends.get(node);
      const session = sessions.get(node);
      assert(end && session);
      relay.engine.setLink(node, end.address);
      state.members.link[node] = node;
      state.slotNode[session.slotB] = node;
    }
    simple();
    transit = new Transit(state);
    meter = newRelayMeter();
    relay.engine.follow(relayTables(state, meter));
  });
  afterEach(() => {
    for (const engine of [relay, sender]) engine.close();
    for (const { socket } of ends.values()) socket.close();
  });

  const slot = (node: number): number => sessions.get(node)?.slotB ?? -1;

  /** All is well: 3 is next to here, 5 lies behind 4, and the previous hop has credit. */
  function simple(): void {
    const { members, relayCredit } = state;
    for (const node of NEXT) {
      members.nextHop[node] = node;
      members.hops[node] = 1;
      members.addressed[node] = members.known[node] = 1;
      members.sendSlot[node] = slot(node);
    }
    members.known[5] = 1;
    members.nextHop[5] = 4;
    members.hops[5] = 2;
    relayCredit[PREVIOUS] = 100;
  }

  function seal({
    destination,
    source,
    ttl = 9,
    kind = RECORD,
  }: Partial<Run> & { destination: number }): Buffer {
    const session = sessions.get(PREVIOUS);
    assert(session);
    const plain = { receiver: session.indexB, counter: counter++, kind };
    const inner = (kind & 0x0f) === RECORD ? INNER : HANDSHAKE;
    return sealTransit(session.keyAtoB, { ...plain, dst: destination, src: source ?? PREVIOUS, ttl }, inner);
  }

  const send = (...runs: (Partial<Run> & { destination: number })[]): void => {
    for (const run of runs) sender.sendRaw(seal(run), relay);
  };

  /** What arrived behind the links since the last call, as decisions. */
  async function arrivals(): Promise<Omit<Forwarded, "run" | "items">[]> {
    await relay.idle();
    const found: Omit<Forwarded, "run" | "items">[] = [];
    for (const [node, { datagrams }] of ends) {
      const key = sessions.get(node)?.keyBtoA ?? Buffer.alloc(32);
      for (const datagram of datagrams.splice(0)) {
        if (datagram[0] === RECORD) {
          assert.deepEqual(datagram, INNER);
          found.push({ hop: -1, link: node, ttl: NaN, kind: RECORD });
          continue;
        }
        const header = openTransit(key, datagram);
        assert(header, "sealed for the next hop");
        assert.deepEqual(datagram.subarray(TRANSIT_HEADER), INNER);
        found.push({ hop: slot(node), link: node, ttl: header[1] ?? 0, kind: header[0] ?? 0 });
      }
    }
    return found;
  }

  it("sends on what they leave nothing to decide about, without waking JavaScript", async () => {
    send({ destination: 5, ttl: 3 });
    await relay.idle();
    assert.deepEqual(await arrivals(), [{ hop: slot(4), link: 4, ttl: 2, kind: RECORD }]);
    send({ destination: 3 });
    await relay.idle();
    assert.deepEqual(await arrivals(), [{ hop: -1, link: 3, ttl: NaN, kind: RECORD }]);
    assert.equal(relay.readies, 0);
    assert.equal(state.relayCredit[PREVIOUS], 98);
    assert.deepEqual([state.activity.carried[4], state.activity.carried[3]], [1, 1]);
    const [batches = 0, totalUs = 0, leastWaitUs = 0, readUs = 0] = meter;
    assert.equal(batches, 2);
    assert(totalUs > 0 && totalUs < 1e6 && leastWaitUs >= 0 && leastWaitUs < 1e6);
    assert(readUs <= addon.now() && readUs > addon.now() - 1e7);
  });

  it("hands up the first run beyond the credit, and all behind it, in their order", async () => {
    state.relayCredit[PREVIOUS] = 3;
    send({ destination: 3 }, { destination: 3 }, { destination: 5 }, { destination: 5 }, { destination: 3 });
    send({ destination: 5, ttl: 7 });
    await relay.idle();
    assert.equal(relay.readies > 0, true);
    const { runs, datagrams } = await relay.batch();
    // Two items to 3 were one run, and the two to 5 need more than the one that is left.
    assert.deepEqual(
      runs.map(({ dst, items, ttl }) => [dst, items, ttl]),
      [
        [5, 2, 9],
        [3, 1, 9],
        [5, 1, 7],
      ],
    );
    assert.equal(datagrams, 6);
    assert.equal(state.relayCredit[PREVIOUS], 1);
    relay.forward(0, slot(4), 4, 2, RECORD);
    const got = await arrivals();
    assert.deepEqual(
      got.map(({ link }) => link),
      [3, 3, 4, 4],
    );
  });

  it("gives JavaScript a batch that it has read, with whatever else is in it, once", async () => {
    send({ destination: 3 }, { destination: 3, kind: 1 });
    await relay.idle();
    assert.equal(relay.count("transitForwarded"), 1);
    assert.equal((await relay.batch()).runs.length, 1);
    const again = await relay.batch();
    assert.deepEqual([again.datagrams, again.runs], [0, []]);
  });

  it("counts what is no datagram of a member without waking JavaScript", async () => {
    for (let i = 0; i < 40; i++) sender.sendRaw(randomBytes(60).fill(9, 0, 1), relay);
    await relay.idle();
    assert.equal(relay.count("dropUnknownType"), 40);
    assert.equal(relay.readies, 0);
  });

  it("refuses tables of another size or type, and a second set of them", () => {
    const tables = relayTables(state, meter);
    const other = new LoopbackEngine(9);
    try {
      assert.throws(
        () => other.engine.follow({ ...tables, nextHop: new Uint16Array(65535) }),
        /typed arrays/,
      );
      assert.throws(() => other.engine.follow({ ...tables, known: tables.hops.subarray(1) }), /typed arrays/);
      other.engine.follow(tables);
      assert.throws(() => other.engine.follow({ ...tables }), /already/);
    } finally {
      other.close();
    }
  });

  it("does what JavaScript would do, and all that takes no more than the table's next hop", async function () {
    this.timeout(60_000);
    const node = fc.constantFrom(2, 3, 4, 5, 77);
    const bit = fc.constantFrom(1, 1, 1, 1, 1, 1, 0);
    const table = fc.record({
      nextHop: fc.constantFrom(2, 3, 4, 4, NO_NODE),
      backup: fc.constantFrom(2, 3, NO_NODE),
      hops: fc.constantFrom(0, 1, 2, 5),
      known: bit,
      knownSource: bit,
      linkState: fc.constantFrom(0, 1, 1, 2),
      addressed: bit,
      session: bit,
      confirmed: bit,
      credit: fc.constantFrom(0, 1, 9, 9),
    });
    const run = fc.record({
      destination: node,
      source: fc.constantFrom(PREVIOUS, PREVIOUS, 3, 5, OWN, 77),
      ttl: fc.constantFrom(0, 1, 2, 3, 9, 9, 255),
      kind: fc.constantFrom(RECORD, RECORD, RECORD | 0x20, 1),
    });
    let alone = 0;
    await fc.assert(
      fc.asyncProperty(run, table, async (given, bits) => {
        const { members, activity, relayCredit, slotConfirmed, drops } = state;
        const { destination, source } = given;
        simple();
        members.linkState.fill(0);
        activity.carried.fill(0);
        members.known[source] = bits.knownSource;
        members.known[destination] = bits.known;
        members.nextHop[destination] = bits.nextHop;
        members.backup[destination] = bits.backup;
        members.hops[destination] = bits.hops;
        members.linkState[bits.nextHop] = bits.linkState;
        if (bits.addressed === 0) members.addressed[bits.nextHop] = 0;
        if (bits.session === 0) members.sendSlot[bits.nextHop] = -1;
        slotConfirmed[slot(PREVIOUS)] = bits.confirmed;
        relayCredit[PREVIOUS] = bits.credit;

        const before = relay.count("transitForwarded");
        send(given);
        await relay.idle();
        const { runs } = await relay.batch();
        const did = relay.count("transitForwarded") - before === 1;
        const carried = activity.carried.slice(0, 100);
        activity.carried.fill(0);
        const got = await arrivals();
        const credit = relayCredit[PREVIOUS];

        const dropped = Object.values(drops.report()).reduce((sum, count) => sum + count, 0);
        fake.forwarded.length = 0;
        transit.forward(fake.transit([{ ...given, keypair: slot(PREVIOUS) }]));
        const [would] = fake.forwarded;
        if (did) {
          alone++;
          assert(would);
          const { hop, link, kind } = would;
          assert.deepEqual(got, [
            { hop, link, kind: hop < 0 ? RECORD : kind, ttl: hop < 0 ? NaN : would.ttl },
          ]);
          assert.deepEqual(carried, activity.carried.slice(0, 100));
          assert.equal(
            Object.values(drops.report()).reduce((sum, count) => sum + count, 0),
            dropped,
          );
          assert.equal(credit, bits.credit - 1);
          assert.deepEqual(runs, []);
          return;
        }
        assert.deepEqual(got, []);
        assert.equal(credit, bits.credit);
        const plain =
          would?.link === bits.nextHop && would.kind === given.kind && (given.kind & 0x0f) === RECORD;
        const usable = bits.linkState !== 2 && bits.addressed === 1 && bits.session === 1;
        if (plain && usable && bits.confirmed === 1 && bits.credit > 0) assert.fail("left to JavaScript");
      }),
      { numRuns: 1000 },
    );
    assert(alone > 30, `${alone} of 1000 alone`);
  });

  describe("and hears probes", () => {
    const PROBE = 2;
    const CONTROL = 3;
    const REPLY_WANTED = 1;
    beforeEach(() => {
      relay.engine.setLink(PREVIOUS, sender.address);
      state.members.linkState[PREVIOUS] = LINK_UP;
      state.patient[0] = 1;
    });
    const sendRecord = (payload: Uint8Array, kind = PROBE, from = sender): void => {
      const session = sessions.get(PREVIOUS);
      assert(session);
      const plain = { receiver: session.indexB, counter: counter++, kind, dst: OWN, src: PREVIOUS };
      from.sendRaw(sealRecord(session.keyAtoB, plain, payload), relay);
    };
    const probe = (number: number, flags = 0): Buffer =>
      Buffer.concat([Buffer.of(flags, number), INNER.subarray(0, 67)]);
    const numbers = (messages: readonly { bytes: Buffer }[]): (number | undefined)[] =>
      messages.map(({ bytes }) => bytes[1]);

    it("keeps those that can wait, and hands them up with what it knows of them when it is asked next", async () => {
      const since = addon.now();
      sendRecord(probe(1));
      await relay.idle();
      const until = addon.now();
      sendRecord(probe(2));
      await relay.idle();
      assert.equal(relay.readies, 0);
      const { messages, datagrams } = await relay.batch();
      assert.deepEqual([numbers(messages), datagrams], [[1, 2], 2]);
      assert.deepEqual(messages[0]?.bytes, probe(1));
      assert.deepEqual(
        messages.map(({ kind, keypair, flags, hop, source }) => [kind, keypair, flags, hop, source]),
        [1, 2].map(() => [PROBE, slot(PREVIOUS), 0, -1, PREVIOUS]),
      );
      const { arrivals: times, addresses, received } = relay.engine;
      const first = RECEIVE_SLOTS * 20;
      assert.equal(relay.engine.messages[5], RECEIVE_SLOTS);
      assert(since <= (times[RECEIVE_SLOTS] ?? 0) && (times[RECEIVE_SLOTS] ?? 0) <= until);
      assert.deepEqual(addresses.slice(first, first + 20), sender.address);
      assert.deepEqual([...received.subarray(0, 2)], [1, 2]);
      assert.deepEqual((await relay.batch()).messages, []);
    });

    it("hands them up before what came after them", async () => {
      sendRecord(probe(1));
      await relay.idle();
      sendRecord(probe(2, REPLY_WANTED));
      sendRecord(Buffer.of(0, 3), CONTROL);
      await relay.idle();
      assert(relay.readies > 0);
      assert.deepEqual(numbers((await relay.batch()).messages), [1, 2, 3]);
    });

    it("keeps none waiting behind a message of the same batch: it would be seen before that", async () => {
      sendRecord(probe(1, REPLY_WANTED));
      sendRecord(probe(2));
      await relay.idle();
      assert.deepEqual(numbers((await relay.batch()).messages), [1, 2]);
    });

    it("keeps as many as it has room for", async () => {
      for (let number = 0; number < 40; number++) {
        sendRecord(probe(number));
        if (number % 8 === 7) await relay.idle();
        if (number === 31) assert.equal(relay.readies, 0);
      }
      assert(relay.readies > 0);
      assert.deepEqual(
        numbers((await relay.receive()).messages),
        Array.from({ length: 40 }, (_, i) => i),
      );
    });

    it("forgets them with their session", async () => {
      sendRecord(probe(1));
      await relay.idle();
      relay.engine.removeKeypair(slot(PREVIOUS));
      const { messages, datagrams } = await relay.batch();
      assert.deepEqual([messages, datagrams], [[], 0]);
      assert.equal(relay.count("dropMessageQueue"), 1);
    });

    for (const [what, change, flags, elsewhere] of [
      ["that wants an answer", (): unknown => 0, REPLY_WANTED, false],
      ["from another address", (): unknown => 0, 0, true],
      ["over a link that is not up", (): unknown => (state.members.linkState[PREVIOUS] = 0), 0, false],
      ["of a session that is new", (): unknown => (state.slotConfirmed[slot(PREVIOUS)] = 0), 0, false],
      ["of a node that has just begun", (): unknown => (state.patient[0] = 0), 0, false],
    ] as const) {
      it(`keeps none ${what} waiting`, async () => {
        change();
        const other = new LoopbackEngine(60_001);
        try {
          sendRecord(probe(1, flags), PROBE, elsewhere ? other : sender);
          await relay.idle();
          assert(relay.readies > 0);
          assert.deepEqual(numbers((await relay.batch()).messages), [1]);
        } finally {
          other.close();
        }
      });
    }
  });
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { FRAME_DROPS } from "../../src/dataplane/drops.ts";
import { LINK_DEAD, LINK_NEW, LINK_UP } from "../../src/dataplane/members.ts";
import { Outbound } from "../../src/dataplane/outbound.ts";
import type { PlaneState } from "../../src/dataplane/state.ts";
import {
  addMember,
  BROADCAST,
  dropsOf,
  type FakeEngine,
  frameOf,
  linkOf,
  mac,
  makeState,
  slotOf,
} from "./fake-engine.ts";

const PORT = 0;
const HOST = mac(0x0a01);

interface Plane {
  state: PlaneState;
  engine: FakeEngine;
  outbound: Outbound;
  read: (...frames: (Buffer | readonly [Buffer, number])[]) => void;
  wanted: number[];
}

function plane(...arguments_: Parameters<typeof makeState>): Plane {
  const { state, engine, told } = makeState(...arguments_);
  const outbound = new Outbound(state);
  const read: Plane["read"] = (...frames) => {
    const described = frames.map((frame) => (Buffer.isBuffer(frame) ? ([frame, 1] as const) : frame));
    outbound.forward(PORT, engine.read(described));
  };
  return { state, engine, outbound, read, wanted: told.wanted };
}

/** A station that was heard behind a member. */
function heard(state: PlaneState, station: number, node: number): void {
  const bytes = mac(station);
  state.fib.learn(0, bytes.readUInt16BE(0), bytes.readUInt32BE(2), node, state.nowMs);
}

describe("frames from a port", () => {
  it("to a known station go to its node alone, with all that the engine needs", () => {
    const { state, engine, read } = plane();
    addMember(state, 2);
    addMember(state, 3, 2, 2);
    state.members.size[3] = 1452;
    heard(state, 30, 3);
    const frame = frameOf(mac(30), HOST, "hello");
    read(frame);
    const [sent, ...others] = engine.sent;
    assert.deepEqual(others, []);
    assert.deepEqual(sent, {
      frame,
      frames: 1,
      keypair: slotOf(3),
      hop: slotOf(2),
      link: linkOf(2),
      ttl: 4,
      maxFrame: 1372,
      hopFlags: 0,
    });
    assert.deepEqual(engine.written, []);
    assert.equal(state.activity.carried[2], 1);
    assert.equal(state.activity.unanswered[3], state.nowMs);
  });

  it("take the default TTL where the hops are not known, and no hop to a neighbour", () => {
    const { state, engine, read } = plane();
    addMember(state, 2);
    heard(state, 20, 2);
    read(frameOf(mac(20), HOST));
    assert.equal(engine.sent[0]?.ttl, 200);
    assert.equal(engine.sent[0].hop, -1);
  });

  it("are handed over as one batch, in their order", () => {
    const { state, engine, read } = plane();
    addMember(state, 2);
    heard(state, 20, 2);
    const frames = Array.from({ length: 50 }, (_, i) => frameOf(mac(20), HOST, `number ${i}`));
    read(...frames);
    assert.equal(engine.calls, 1);
    assert.deepEqual(
      engine.sent.map(({ frame }) => frame.toString("hex")),
      frames.map((frame) => frame.toString("hex")),
    );
  });

  for (const [kind, destination] of [
    ["broadcast", BROADCAST],
    ["group", Buffer.from("01005e000001", "hex")],
    ["unknown", mac(99)],
  ] as const) {
    it(`with ${kind} destination go once to each member, whatever lies between`, () => {
      const { state, engine, read } = plane();
      addMember(state, 2);
      addMember(state, 3, 2, 2);
      addMember(state, 4);
      read([frameOf(destination, HOST), 5]);
      assert.deepEqual(
        engine.sent.map(({ keypair, hop, frames }) => [keypair, hop, frames]),
        [
          [slotOf(2), -1, 5],
          [slotOf(3), slotOf(2), 5],
          [slotOf(4), -1, 5],
        ],
      );
      assert.equal(state.floodCopies, 10);
    });
  }

  it("of a flood larger than the table of sends are all sent", () => {
    const { state, engine, read } = plane();
    for (let node = 2; node < 102; node++) addMember(state, node);
    for (let i = 0; i < 50; i++)
      read(frameOf(BROADCAST, HOST, `${i}`), frameOf(BROADCAST, HOST, `again ${i}`));
    assert.equal(engine.sent.length, 100 * 100);
    read(...Array.from({ length: 45 }, (_, i) => frameOf(mac(99), HOST, `${i}`)));
    // 100 floods were the storm guard's burst.
    assert.equal(engine.sent.length, 100 * 100);
    state.nowMs += 1000;
    read(...Array.from({ length: 45 }, (_, i) => frameOf(mac(99), HOST, `${i}`)));
    assert.equal(engine.sent.length, 100 * 145);
    assert.deepEqual(dropsOf(state), { dropStorm: 45 });
  });

  it("on one VLAN say nothing of a station on another", () => {
    const { state, engine, read } = plane();
    addMember(state, 2);
    addMember(state, 3);
    heard(state, 20, 2);
    read(frameOf(mac(20), HOST, "", 5));
    assert.equal(engine.sent.length, 2);
    read(frameOf(mac(20), HOST, "", 0));
    assert.equal(engine.sent.length, 3);
  });

  it("teach where their source is, so that nothing for it goes into the mesh", () => {
    const { state, engine, read } = plane();
    addMember(state, 2);
    read(frameOf(BROADCAST, HOST));
    read(frameOf(HOST, mac(0x0a02)));
    assert.equal(engine.sent.length, 1);
    assert.deepEqual(dropsOf(state), { dropSamePlace: 1 });
  });

  it("with a group, a zero or a foreign claimed source are dropped and not learned", () => {
    const { state, engine, read } = plane();
    addMember(state, 2);
    assert(state.fib.pin(0x0200, 0x77, 2, 0));
    read(
      frameOf(BROADCAST, Buffer.from("030000000001", "hex")),
      frameOf(BROADCAST, Buffer.alloc(6)),
      frameOf(BROADCAST, mac(0x77)),
    );
    assert.deepEqual(engine.sent, []);
    assert.deepEqual(dropsOf(state), { dropSourceRefused: 3 });
    assert.equal(state.fib.size, 1);
  });

  it("that we have just written to the port are reflections: dropped, and the station stays where it is", () => {
    const { state, engine, read } = plane();
    addMember(state, 2);
    heard(state, 20, 2);
    const frame = frameOf(BROADCAST, mac(20), "out and back");
    state.reflections.wrote(PORT, frame, 0, frame.length, state.nowMs);
    read(frame);
    assert.deepEqual(engine.sent, []);
    assert.deepEqual(dropsOf(state), { dropReflection: 1 });
    assert.equal(state.fib.lookup(0, 0x0200, 20), 2);
  });

  it("find no way: counted, once for each copy", () => {
    const { state, engine, read } = plane();
    read(frameOf(BROADCAST, HOST));
    assert.deepEqual(dropsOf(state), { dropNoRoute: 1 });
    heard(state, 20, 2);
    read([frameOf(mac(20), HOST), 4]);
    assert.deepEqual(dropsOf(state), { dropNoRoute: 5 });
    addMember(state, 3);
    state.members.floodSet = Uint16Array.of(2, 3);
    read(frameOf(BROADCAST, HOST));
    assert.deepEqual(dropsOf(state), { dropNoRoute: 6 });
    assert.equal(engine.sent.length, 1);
    assert.equal(state.floodCopies, 1);
  });

  it("go to another local port, one that lives in JavaScript included", () => {
    const got: Uint8Array[] = [];
    const { state, engine, read } = plane([
      { id: 0 },
      { id: 1 },
      { id: 2, deliver: (frame) => got.push(frame) > 0 },
    ]);
    addMember(state, 2);
    const frame = frameOf(BROADCAST, HOST, "to all");
    read([frame, 3]);
    assert.deepEqual(
      engine.written.map(({ port, frames }) => [port, frames]),
      [[1, 3]],
    );
    assert.equal(got.length, 3);
    assert.deepEqual(Buffer.from(got[0] ?? []), frame);
    assert.equal(engine.sent.length, 1);
    // Three copies of three frames, of which the first needs no copying.
    assert.equal(state.floodCopies, 6);
    assert.equal(engine.counters[1], 6);
  });

  it("that a port in JavaScript does not take are counted", () => {
    let got = 0;
    const { state, read, engine } = plane([{ id: 0 }, { id: 1, deliver: () => ++got <= 2 }]);
    read([frameOf(BROADCAST, HOST, "x"), 5]);
    assert.equal(engine.counters[1], 2);
    assert.equal(state.drops.report()["dropPortBacklog"], 3);
  });

  it("that exceed the room for a port in JavaScript are counted", () => {
    let got = 0;
    const { state, read, engine } = plane([{ id: 0 }, { id: 1, deliver: () => ++got > 0 }]);
    const large = frameOf(BROADCAST, HOST, "x".repeat(60_000));
    read([large, 20]);
    assert(got > 5 && got < 10);
    assert.equal(engine.counters[1], got);
    assert.deepEqual(dropsOf(state), { dropExport: 20 - got });
  });

  it("for a port that is gone are counted", () => {
    const { state, read } = plane();
    state.fib.learn(0, 0x0200, 20, -1 - 5, state.nowMs);
    read([frameOf(mac(20), HOST), 2]);
    assert.deepEqual(dropsOf(state), { dropNoPort: 2 });
  });
});

describe("frames whose way is broken", () => {
  /** 3 is reached over 2, or else over 4. */
  function repairing(directFallback: boolean = false): Plane {
    const made = plane([{ id: PORT }], "auto", directFallback);
    const { members } = made.state;
    addMember(made.state, 2);
    addMember(made.state, 3, 2, 2);
    addMember(made.state, 4);
    members.backup[3] = 4;
    for (const node of [2, 4]) members.linkState[node] = LINK_UP;
    heard(made.state, 30, 3);
    return made;
  }
  const ways = ({ engine }: Plane): number[][] =>
    engine.sent.map(({ hop, link, hopFlags }) => [hop, link, hopFlags]);

  it("go by the backup while the next hop's link is dead, once each, flagged 0x20", () => {
    const made = repairing();
    made.state.members.linkState[2] = LINK_DEAD;
    made.read(frameOf(mac(30), HOST, "one"), frameOf(mac(30), HOST, "two"));
    made.state.members.linkState[2] = LINK_UP;
    made.read(frameOf(mac(30), HOST, "three"));
    assert.deepEqual(ways(made), [
      [slotOf(4), linkOf(4), 0x20],
      [slotOf(4), linkOf(4), 0x20],
      [slotOf(2), linkOf(2), 0],
    ]);
    assert.deepEqual(dropsOf(made.state), {});
    assert.deepEqual([made.state.activity.carried[2], made.state.activity.carried[4]], [1, 1]);
  });

  it("are flooded by backups too, to each member once", () => {
    const made = repairing();
    made.state.members.linkState[2] = LINK_DEAD;
    made.read(frameOf(BROADCAST, HOST));
    assert.deepEqual(
      made.engine.sent.map(({ keypair, hop, link, hopFlags }) => [keypair, hop, link, hopFlags]),
      [
        [slotOf(2), -1, linkOf(2), 0],
        [slotOf(3), slotOf(4), linkOf(4), 0x20],
        [slotOf(4), -1, linkOf(4), 0],
      ],
    );
  });

  it("go to the node itself when the backup is dead too, in one record without a hop", () => {
    const made = repairing(true);
    const { members } = made.state;
    members.linkState[2] = members.linkState[4] = LINK_DEAD;
    members.linkState[3] = LINK_UP;
    members.link[3] = linkOf(3);
    members.addressed[3] = 1;
    members.linkIpv4[3] = 1;
    made.read(frameOf(mac(30), HOST));
    assert.deepEqual(
      made.engine.sent.map(({ hop, link, maxFrame }) => [hop, link, maxFrame]),
      [[-1, linkOf(3), 1500 - 28 - 40]],
    );
  });

  it("that waited for a session leave by the backup as soon as that has one", () => {
    const made = repairing();
    const { members } = made.state;
    members.sendSlot[2] = members.sendSlot[4] = -1;
    made.read(frameOf(mac(30), HOST));
    assert.equal(made.engine.sent.length, 0);
    members.sendSlot[4] = slotOf(4);
    made.outbound.release(3);
    assert.deepEqual(ways(made), [[slotOf(4), linkOf(4), 0x20]]);
  });
});

describe("frames before a table has come", () => {
  it("go directly to members whose link is up, and wait for those whose is not", () => {
    const { state, engine, read, outbound } = plane([{ id: PORT }], "auto", true);
    for (const node of [2, 3]) {
      addMember(state, node);
      state.members.nextHop[node] = 0xffff;
    }
    state.members.linkState[2] = LINK_UP;
    state.members.linkState[3] = LINK_NEW;
    read(frameOf(BROADCAST, HOST));
    assert.deepEqual(
      engine.sent.map(({ keypair, hop, link }) => [keypair, hop, link]),
      [[slotOf(2), -1, linkOf(2)]],
    );
    assert.equal(state.waiting.size, 1);
    state.members.linkState[3] = LINK_UP;
    outbound.release(3);
    assert.equal(engine.sent.length, 2);
    assert.deepEqual(dropsOf(state), {});
  });

  it("have no way once there is a table that does not name the member", () => {
    const { state, read } = plane([{ id: PORT }], "auto", true);
    addMember(state, 2);
    state.members.setRoutes([{ destination: 7, nextHop: 7, hops: 1 }], Uint16Array.of(2));
    read(frameOf(BROADCAST, HOST));
    assert.deepEqual(dropsOf(state), { dropNoRoute: 1 });
  });
});

describe("frames without a session", () => {
  it("wait, and leave in their order when there is a way; they were read once", () => {
    const { state, engine, outbound, read, wanted } = plane();
    addMember(state, 2);
    heard(state, 20, 2);
    state.members.sendSlot[2] = -1;
    const frames = Array.from({ length: 10 }, (_, i) => frameOf(mac(20), HOST, `number ${i}`));
    read(...frames);
    assert.equal(engine.sent.length, 0);
    assert.deepEqual([...new Set(wanted)], [2]);
    assert.equal(state.waiting.size, 10);
    state.members.sendSlot[2] = slotOf(2);
    outbound.release(2);
    assert.deepEqual(
      engine.sent.map(({ frame }) => frame.toString("hex")),
      frames.map((frame) => frame.toString("hex")),
    );
    assert.equal(state.waiting.size, 0);
    assert.equal(engine.counters[0], 10);
    assert.equal(engine.counters[1], 0);
    assert.deepEqual(dropsOf(state), {});
  });

  it("to a node behind a relay want both sessions, and wait for both and the relay's address", () => {
    const { state, engine, outbound, read, wanted } = plane();
    addMember(state, 2);
    addMember(state, 3, 2, 2);
    heard(state, 30, 3);
    state.members.sendSlot[2] = -1;
    state.members.sendSlot[3] = -1;
    read(frameOf(mac(30), HOST));
    assert(wanted.includes(3));
    state.members.sendSlot[3] = slotOf(3);
    outbound.release(3);
    assert.equal(engine.sent.length, 0);
    read(frameOf(mac(30), HOST));
    assert(wanted.includes(2));
    state.members.sendSlot[2] = slotOf(2);
    state.members.addressed[2] = 0;
    outbound.release(3);
    assert.equal(engine.sent.length, 0);
    assert.equal(state.waiting.size, 2);
    state.members.addressed[2] = 1;
    outbound.release(3);
    assert.equal(engine.sent.length, 2);
  });

  it("keep their age while a release finds no way", () => {
    const { state, outbound, read } = plane();
    addMember(state, 2);
    heard(state, 20, 2);
    state.members.sendSlot[2] = -1;
    read(frameOf(mac(20), HOST));
    state.nowMs += 2900;
    outbound.release(2);
    state.nowMs += 200;
    assert.equal(state.waiting.expire(state.nowMs), 1);
  });

  it("are not even copied once no more may wait", () => {
    const { state, engine, read } = plane();
    addMember(state, 2);
    state.members.sendSlot[2] = -1;
    heard(state, 20, 2);
    let copies = 0;
    const exportFrames = engine.exportFrames.bind(engine);
    engine.exportFrames = (...arguments_) => {
      copies++;
      return exportFrames(...arguments_);
    };
    for (let i = 0; i < 100; i++) read(frameOf(mac(20), HOST));
    assert.equal(copies, 32);
    assert.deepEqual(dropsOf(state), { dropWaitQueueFull: 68 });
  });

  it("beyond what may wait are counted, super-frames by their segments", () => {
    const { state, read } = plane();
    addMember(state, 2);
    heard(state, 20, 2);
    state.members.sendSlot[2] = -1;
    read([frameOf(mac(20), HOST, "segment"), 45]);
    assert.equal(state.waiting.size, 32);
    assert.deepEqual(dropsOf(state), { dropWaitQueueFull: 13 });
  });
});

describe("the books of frames from ports", () => {
  // Any mixture of members, ports, tables and frames: what was read, and the copies made, is what left, waits or was
  // dropped for a reason that FRAME_DROPS names.
  it("balance whatever is sent to whomever", () => {
    const member = fc.record({
      routed: fc.boolean(),
      session: fc.boolean(),
      addressed: fc.boolean(),
      via: fc.integer({ min: 2, max: 6 }),
      backup: fc.integer({ min: 2, max: 8 }),
      link: fc.constantFrom(LINK_NEW, LINK_UP, LINK_DEAD),
    });
    const sending = fc.record({
      to: fc.integer({ min: 0, max: 12 }),
      from: fc.integer({ min: 0, max: 12 }),
      frames: fc.integer({ min: 1, max: 40 }),
      pause: fc.integer({ min: 0, max: 1500 }),
    });
    fc.assert(
      fc.property(
        fc.array(member, { minLength: 0, maxLength: 5 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(sending, { maxLength: 60 }),
        fc.boolean(),
        (members, ports, sendings, directFallback) => {
          let delivered = 0;
          const list = [{ id: 0 }, { id: 1 }, { id: 2, deliver: () => ++delivered > 0 }].slice(0, ports);
          const { state, engine, outbound, read } = plane(list, "auto", directFallback);
          for (const [i, { routed, session, addressed, via, backup, link }] of members.entries()) {
            const node = i + 2;
            addMember(state, node, via);
            if (!routed) state.members.nextHop[node] = 0xffff;
            if (!session) state.members.sendSlot[node] = -1;
            state.members.addressed[node] = addressed ? 1 : 0;
            state.members.backup[node] = backup;
            state.members.linkState[node] = link;
            heard(state, node, node);
          }
          state.fib.learn(0, 0x0200, 9, -2, 0);
          state.fib.learn(0, 0x0200, 10, -8, 0);
          let expired = 0;
          for (const { to, from, frames, pause } of sendings) {
            const target = to === 12 ? BROADCAST : mac(to);
            const source = from === 12 ? BROADCAST : mac(from);
            read([frameOf(target, source, "abc"), frames]);
            state.nowMs += pause;
            if (pause > 1000) {
              state.members.sendSlot[2] = slotOf(2);
              state.members.addressed[2] = 1;
              for (const node of [...state.waiting.nodes]) outbound.release(node);
              expired += state.waiting.expire(state.nowMs);
            }
          }
          const report = state.drops.report();
          const dropped = FRAME_DROPS.reduce((sum, name) => sum + (report[name] ?? 0), 0);
          const sealed = engine.sent.reduce((sum, { frames }) => sum + frames, 0);
          const written = engine.written.reduce((sum, { frames }) => sum + frames, 0);
          const read_ = sendings.reduce((sum, { frames }) => sum + frames, 0);
          assert.equal(engine.counters[0], read_);
          assert.equal(engine.counters[1], written + delivered);
          assert.equal(
            read_ + state.floodCopies,
            sealed + written + delivered + dropped + expired + state.waiting.size,
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

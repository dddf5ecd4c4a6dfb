import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { FLAG_MOVED, FROM_MESH } from "../../src/dataplane/descriptors.ts";
import { FRAME_DROPS } from "../../src/dataplane/drops.ts";
import { Inbound } from "../../src/dataplane/inbound.ts";
import { Outbound } from "../../src/dataplane/outbound.ts";
import type { PlaneState } from "../../src/dataplane/state.ts";
import {
  addMember,
  BROADCAST,
  dropsOf,
  type FakeEngine,
  frameOf,
  mac,
  makeState,
  slotOf,
  type Told,
} from "./fake-engine.ts";

interface Plane {
  state: PlaneState;
  engine: FakeEngine;
  told: Told;
  from: (node: number, ...frames: (Buffer | readonly [Buffer, number])[]) => number;
}

function plane(...arguments_: Parameters<typeof makeState>): Plane {
  const { state, engine, told } = makeState(...arguments_);
  const inbound = new Inbound(state, new Outbound(state));
  for (const node of [2, 3]) addMember(state, node);
  const from: Plane["from"] = (node, ...frames) => {
    const described = frames.map((frame) => (Buffer.isBuffer(frame) ? ([frame, 1] as const) : frame));
    return inbound.deliver(engine.opened(described, slotOf(node)));
  };
  return { state, engine, told, from };
}

const HOST = mac(0x0a01);
const ownHost = (state: PlaneState): void => {
  state.fib.learn(0, 0x0200, 0x0a01, -1, state.nowMs);
};

describe("frames from the mesh", () => {
  it("to a station behind a port go there, and teach which node their source is behind", () => {
    const { state, engine, from } = plane();
    ownHost(state);
    const frame = frameOf(HOST, mac(20), "hello");
    assert.equal(from(2, [frame, 9]), 1);
    assert.deepEqual(engine.written, [{ source: FROM_MESH, frame, frames: 9, port: 0 }]);
    assert.equal(state.fib.lookup(0, 0x0200, 20), 2);
    assert.equal(state.activity.owed[2], state.nowMs);
  });

  for (const [kind, destination] of [
    ["broadcast", BROADCAST],
    ["unknown", mac(99)],
  ] as const) {
    it(`with ${kind} destination go to all ports and never back into the mesh`, () => {
      let got = 0;
      const { state, engine, from } = plane([{ id: 0 }, { id: 1 }, { id: 2, deliver: () => ++got > 0 }]);
      from(2, [frameOf(destination, mac(20)), 4]);
      assert.deepEqual(
        engine.written.map(({ port, frames }) => [port, frames]),
        [
          [0, 4],
          [1, 4],
        ],
      );
      assert.equal(got, 4);
      assert.equal(state.floodCopies, 8);
      assert.deepEqual(engine.sent, []);
    });
  }

  it("to a station behind a member are dropped: split horizon, or it is there already", () => {
    const { state, engine, from } = plane();
    from(3, frameOf(BROADCAST, mac(30)));
    engine.written.length = 0;
    from(2, [frameOf(mac(30), mac(20)), 2], frameOf(mac(20), mac(21)));
    assert.deepEqual(engine.written, []);
    assert.deepEqual(engine.sent, []);
    assert.deepEqual(dropsOf(state), { dropSplitHorizon: 2, dropSamePlace: 1 });
  });

  it("cannot claim the address of a port, a group or nobody", () => {
    const { state, engine, from } = plane();
    state.fib.pin(0x0200, 0x0a01, -1, 0);
    from(
      2,
      frameOf(BROADCAST, HOST),
      frameOf(BROADCAST, Buffer.from("010000000001", "hex")),
      frameOf(BROADCAST, Buffer.alloc(6)),
    );
    assert.deepEqual(engine.written, []);
    assert.deepEqual(dropsOf(state), { dropSourceRefused: 3 });
  });

  it("do not take a station over that has just spoken elsewhere, yet are delivered", () => {
    const { state, engine, from } = plane();
    from(2, frameOf(BROADCAST, mac(20)));
    from(3, frameOf(BROADCAST, mac(20)));
    assert.equal(engine.written.length, 2);
    assert.equal(state.fib.lookup(0, 0x0200, 20), 2);
    state.nowMs += 3000;
    from(3, frameOf(BROADCAST, mac(20)));
    assert.equal(state.fib.lookup(0, 0x0200, 20), 3);
  });

  it("of a node without ports are counted", () => {
    const { state, from } = plane([]);
    from(2, [frameOf(BROADCAST, mac(20)), 3]);
    assert.deepEqual(dropsOf(state), { dropNoPort: 3 });
    assert.equal(state.floodCopies, 0);
  });

  it("written to a port are recognised when it reflects them", () => {
    const { state, engine, from } = plane();
    const frame = frameOf(BROADCAST, mac(20), "out and back");
    from(2, frame);
    new Outbound(state).forward(0, engine.read([[frame, 1]]));
    assert.deepEqual(dropsOf(state), { dropReflection: 1 });
  });

  it("confirm their keypair once and tell of a new address", () => {
    const { state, engine, told } = plane();
    const inbound = new Inbound(state, new Outbound(state));
    state.slotConfirmed[slotOf(2)] = 0;
    inbound.deliver(engine.opened([[frameOf(BROADCAST, mac(20)), 1]], slotOf(2), FLAG_MOVED));
    assert.deepEqual(told.confirmed, [slotOf(2)]);
    assert.deepEqual(told.moved, [[2, 7]]);
  });

  it("leave books that balance, whatever arrives from whomever", () => {
    const arrival = fc.record({
      node: fc.integer({ min: 2, max: 3 }),
      to: fc.integer({ min: 0, max: 8 }),
      from: fc.integer({ min: 0, max: 8 }),
      frames: fc.integer({ min: 1, max: 64 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), fc.array(arrival, { maxLength: 60 }), (ports, arrivals) => {
        let delivered = 0;
        const list = [{ id: 0 }, { id: 1 }, { id: 2, deliver: () => ++delivered > 0 }].slice(0, ports);
        const { state, engine, from } = plane(list);
        for (const [station, owner] of [
          [1, -1],
          [2, -2],
          [3, -9],
        ] as const) {
          state.fib.learn(0, 0x0200, station, owner, 0);
        }
        state.fib.pin(0x0200, 4, -1, 0);
        let opened = 0;
        for (const one of arrivals) {
          from(one.node, [
            frameOf(one.to === 8 ? BROADCAST : mac(one.to), one.from === 8 ? BROADCAST : mac(one.from)),
            one.frames,
          ]);
          opened += one.frames;
        }
        const report = state.drops.report();
        const dropped = FRAME_DROPS.reduce((sum, name) => sum + (report[name] ?? 0), 0);
        const written = engine.written.reduce((sum, { frames }) => sum + frames, 0);
        assert.equal(opened + state.floodCopies, written + delivered + dropped);
        assert.equal(engine.counters[1], written + delivered);
        assert.deepEqual(engine.sent, []);
      }),
      { numRuns: 300 },
    );
  });
});

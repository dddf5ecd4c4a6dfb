import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { NOT_FOUND, portOwner } from "../../src/switch/fib.ts";
import { floodSet } from "../../src/switch/flood-set.ts";
import {
  decide,
  DROP_SAME_PLACE,
  DROP_SPLIT_HORIZON,
  FLOOD_ALL,
  FLOOD_PORTS,
  TO_NODE,
  TO_PORT,
} from "../../src/switch/forwarding.ts";
import { ReflectionGuard } from "../../src/switch/reflection-guard.ts";
import { StormGuard } from "../../src/switch/storm-guard.ts";

const TAP = portOwner(0);
const NIC = portOwner(1);

describe("forwarding decision", () => {
  it("follows the table", () => {
    assert.equal(decide(TAP, 7, false), TO_NODE);
    assert.equal(decide(TAP, NIC, false), TO_PORT);
    assert.equal(decide(TAP, TAP, false), DROP_SAME_PLACE);
    assert.equal(decide(TAP, NOT_FOUND, false), FLOOD_ALL);
    assert.equal(decide(TAP, 7, true), FLOOD_ALL);
    assert.equal(decide(7, TAP, false), TO_PORT);
    assert.equal(decide(7, 7, false), DROP_SAME_PLACE);
    assert.equal(decide(7, 8, false), DROP_SPLIT_HORIZON);
    assert.equal(decide(7, NOT_FOUND, false), FLOOD_PORTS);
    assert.equal(decide(7, NOT_FOUND, true), FLOOD_PORTS);
  });

  it("never sends back into the mesh what came from it", () => {
    const place = fc.integer({ min: -1024, max: 65531 });
    fc.assert(
      fc.property(
        fc.nat({ max: 65531 }),
        fc.oneof(place, fc.constant(NOT_FOUND)),
        fc.boolean(),
        (node, found, group) => {
          const decision = decide(node, found, group);
          assert.ok(decision !== TO_NODE && decision !== FLOOD_ALL);
        },
      ),
    );
  });
});

describe("flood set", () => {
  it("is every destination of the row once, without this node and the supernode", () => {
    assert.deepEqual([...floodSet([9, 2, 300, 2, 1, 65533, 65532, 65531], 1)], [2, 9, 300, 65531]);
    assert.deepEqual([...floodSet([], 1)], []);
  });
});

describe("reflection guard", () => {
  const frame = (fill: number, length = 60): Uint8Array => new Uint8Array(length).fill(fill);

  it("knows a frame that it wrote to the same port within a second", () => {
    const guard = new ReflectionGuard(64);
    guard.wrote(1, frame(5), 0, 60, 0);
    assert.equal(guard.isReflection(1, frame(5), 0, 60, 999), true);
    assert.equal(guard.isReflection(1, frame(5), 0, 60, 1000), false);
    assert.equal(guard.isReflection(0, frame(5), 0, 60, 10), false);
    assert.equal(guard.isReflection(1, frame(6), 0, 60, 10), false);
    assert.equal(guard.isReflection(1, frame(5, 61), 0, 61, 10), false);
  });

  it("knows it at another place in a buffer, and with a checksum filled in meanwhile", () => {
    const guard = new ReflectionGuard(64);
    guard.wrote(1, frame(5), 0, 60, 0);
    const elsewhere = new Uint8Array(200);
    elsewhere.set(frame(5), 70);
    elsewhere[70 + 50] = 0xaa;
    assert.equal(guard.isReflection(1, elsewhere, 70, 130, 10), true);
  });

  it("says nothing false of 10 000 other frames, and takes frames of any length", () => {
    const guard = new ReflectionGuard();
    let wrong = 0;
    for (let i = 0; i < 10_000; i++) {
      const bytes = frame(0);
      new DataView(bytes.buffer).setUint32(20, i);
      if (i % 2 === 0) guard.wrote(1, bytes, 0, 60, 0);
      else if (guard.isReflection(1, bytes, 0, 60, 1)) wrong++;
    }
    assert.ok(wrong <= 1);
    guard.wrote(1, frame(1, 3), 0, 3, 5);
    assert.equal(guard.isReflection(1, frame(1, 3), 0, 3, 6), true);
  });
});

describe("storm guard", () => {
  it("lets a burst through, then the rate, each source by itself", () => {
    const guard = new StormGuard(100, 20, 4);
    const passed = (source: number, now: number): number => {
      let count = 0;
      for (let i = 0; i < 1000; i++) if (guard.admit(source, now)) count++;
      return count;
    };
    assert.equal(passed(0, 0), 20);
    assert.equal(passed(1, 0), 20);
    assert.equal(passed(0, 100), 10);
    assert.equal(passed(0, 100), 0);
    assert.equal(passed(0, 60_000), 20);
  });

  it("gives nothing for a clock that goes back, nor to sources it does not know", () => {
    const guard = new StormGuard(100, 1, 1);
    assert.equal(guard.admit(0, 5000), true);
    assert.equal(guard.admit(0, 1000), false);
    assert.equal(guard.admit(1, 0), false);
    assert.equal(guard.admit(-1, 0), false);
  });

  it("never admits more than rate × time + burst", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 50 }), { maxLength: 300 }), (steps) => {
        const guard = new StormGuard(200, 5, 1);
        let now = 0;
        let admitted = 0;
        for (const step of steps) {
          now += step;
          if (guard.admit(0, now)) admitted++;
          assert.ok(admitted <= 5 + now * 0.2 + 1e-6);
        }
      }),
    );
  });
});

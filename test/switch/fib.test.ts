import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  Fib,
  LEARN_MOVED,
  LEARN_NEW,
  LEARN_REFRESHED,
  LEARN_REFUSED_BUSY,
  LEARN_REFUSED_DAMPED,
  LEARN_REFUSED_FULL,
  LEARN_REFUSED_GROUP,
  LEARN_REFUSED_OWNER_FULL,
  LEARN_REFUSED_PINNED,
  NOT_FOUND,
  ownerPort,
  portOwner,
} from "../../src/switch/fib.ts";

const TAP = portOwner(0);

describe("FIB", () => {
  it("learns, refreshes, and tells VLANs and ports apart", () => {
    const fib = new Fib();
    assert.equal(fib.lookup(0, 0x0200, 1), NOT_FOUND);
    assert.equal(fib.learn(0, 0x0200, 1, 7, 0), LEARN_NEW);
    assert.equal(fib.learn(0, 0x0200, 1, 7, 5), LEARN_REFRESHED);
    assert.equal(fib.learn(5, 0x0200, 1, TAP, 5), LEARN_NEW);
    assert.equal(fib.lookup(0, 0x0200, 1), 7);
    assert.equal(fib.lookup(5, 0x0200, 1), TAP);
    assert.equal(ownerPort(fib.lookup(5, 0x0200, 1)), 0);
    assert.equal(fib.lookup(6, 0x0200, 1), NOT_FOUND);
  });

  it("learns no group, broadcast or zero address, which are bytes 01:… and 00:00:00:00:00:00", () => {
    const fib = new Fib();
    for (const [hi, lo] of [
      [0x0100, 1],
      [0x3333, 1],
      [0xffff, 0xffffffff],
      [0, 0],
    ] as const) {
      assert.equal(fib.learn(0, hi, lo, 7, 0), LEARN_REFUSED_GROUP);
    }
    assert.equal(fib.size, 0);
    assert.equal(fib.learn(0, 0, 1, 7, 0), LEARN_NEW);
  });

  it("moves a MAC after two seconds of silence of its owner, or at once when it is announced", () => {
    const fib = new Fib();
    fib.learn(0, 2, 1, 7, 0);
    fib.learn(0, 2, 1, 7, 1000);
    assert.equal(fib.learn(0, 2, 1, 8, 2999), LEARN_REFUSED_BUSY);
    assert.equal(fib.learn(0, 2, 1, 8, 3000), LEARN_MOVED);
    assert.equal(fib.lookup(0, 2, 1), 8);
    assert.equal(fib.learn(0, 2, 1, 9, 3001, true), LEARN_MOVED);
    assert.equal(fib.sizeOf(8), 0);
    assert.equal(fib.sizeOf(9), 1);
  });

  it("holds a MAC that moved more than five times in ten seconds for ten seconds", () => {
    const fib = new Fib();
    fib.learn(0, 2, 1, 1, 0);
    for (let i = 0; i < 5; i++) assert.equal(fib.learn(0, 2, 1, 2 + (i % 2), 100 + i, true), LEARN_MOVED);
    assert.equal(fib.learn(0, 2, 1, 9, 200, true), LEARN_REFUSED_DAMPED);
    assert.equal(fib.learn(0, 2, 1, 9, 10_199, true), LEARN_REFUSED_DAMPED);
    assert.equal(fib.lookup(0, 2, 1), 2);
    assert.equal(fib.learn(0, 2, 1, 9, 10_200, true), LEARN_MOVED);
  });

  it("does not damp while a gateway takeover is under way", () => {
    const fib = new Fib();
    fib.learn(0, 2, 1, 1, 0);
    fib.pauseDamping(1000);
    for (let i = 0; i < 50; i++) assert.equal(fib.learn(0, 2, 1, 2 + (i % 2), i, true), LEARN_MOVED);
  });

  it("learns a pinned MAC from nobody else, on no VLAN, and never ages it", () => {
    const fib = new Fib({ timeoutMs: 1000 });
    fib.learn(0, 2, 1, 7, 0);
    fib.learn(9, 2, 1, 7, 0);
    assert.equal(fib.pin(2, 1, TAP, 0), true);
    assert.equal(fib.lookup(0, 2, 1), TAP);
    assert.equal(fib.lookup(9, 2, 1), TAP);
    assert.equal(fib.sizeOf(7), 0);
    assert.equal(fib.learn(9, 2, 1, 7, 1e6, true), LEARN_REFUSED_PINNED);
    assert.equal(fib.learn(9, 2, 1, TAP, 1e6), LEARN_REFRESHED);
    assert.equal(fib.pin(2, 1, portOwner(1), 0), false);
    assert.equal(fib.sweep(1e9), 0);
    assert.equal(fib.lookup(0, 2, 1), TAP);
    fib.unpin(2, 1);
    assert.equal(fib.lookup(0, 2, 1), NOT_FOUND);
    assert.equal(fib.learn(0, 2, 1, 7, 1e9), LEARN_NEW);
    assert.equal(fib.pin(0x0100, 1, TAP, 0), false);
  });

  it("is bounded in all and for each owner, and keeps what it knows", () => {
    const fib = new Fib({ maxEntries: 100, maxPerOwner: 60 });
    for (let i = 1; i <= 1000; i++) fib.learn(0, 2, i, 7, 0);
    assert.equal(fib.sizeOf(7), 60);
    assert.equal(fib.learn(0, 2, 5000, 7, 0), LEARN_REFUSED_OWNER_FULL);
    for (let i = 2001; i <= 3000; i++) fib.learn(0, 2, i, 8, 0);
    assert.equal(fib.size, 100);
    assert.equal(fib.learn(0, 2, 5000, 9, 0), LEARN_REFUSED_FULL);
    assert.equal(fib.lookup(0, 2, 1), 7);
    assert.equal(fib.learn(0, 2, 2001, 7, 9000), LEARN_REFUSED_OWNER_FULL);
  });

  it("ages entries in a sweep done in pieces", () => {
    const fib = new Fib({ maxEntries: 1000, timeoutMs: 1000 });
    for (let i = 1; i <= 900; i++) fib.learn(0, 2, i, 7, i <= 450 ? 0 : 500);
    let removed = 0;
    for (let i = 0; i < 2 * 2048; i += 64) removed += fib.sweep(1200, 64);
    assert.equal(removed, 450);
    assert.equal(fib.size, 450);
    assert.equal(new Fib({ timeoutMs: 0 }).sweep(1e12), 0);
  });

  it("agrees with a map in every respect, whatever happens in whatever order", () => {
    // Few addresses in a tiny table, so that runs are long, wrap around, and are cut in the middle.
    const owner = fc.constantFrom(0, 1, 65531, portOwner(0), portOwner(1023));
    const command = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.tuple(fc.constant("learn" as const), fc.nat({ max: 30 }), owner, fc.boolean()),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(fc.constant("purge" as const), fc.nat({ max: 30 }), owner, fc.boolean()),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(fc.constant("sweep" as const), fc.nat({ max: 30 }), owner, fc.boolean()),
      },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 150 }), (commands) => {
        const fib = new Fib({ maxEntries: 16, maxPerOwner: 9, timeoutMs: 5000, maxMoves: 1e4 });
        const model = new Map<number, { owner: number; seen: number }>();
        const owned = (who: number): number =>
          [...model.values()].filter((entry) => entry.owner === who).length;
        let now = 0;
        for (const [what, n, who, announced] of commands) {
          now += 1 + n * 40;
          if (what === "purge") {
            for (const [key, entry] of model) if (entry.owner === who) model.delete(key);
            fib.purgeOwner(who);
          } else if (what === "sweep") {
            for (const [key, entry] of model) if (now - entry.seen >= 5000) model.delete(key);
            for (let i = 0; i < 2; i++) fib.sweep(now);
          } else {
            const entry = model.get(n);
            if (entry?.owner === who) entry.seen = now;
            else if (entry) {
              if ((announced || now - entry.seen >= 2000) && owned(who) < 9)
                model.set(n, { owner: who, seen: now });
            } else if (model.size < 16 && owned(who) < 9) model.set(n, { owner: who, seen: now });
            fib.learn(n % 3, 0x0200 + (n % 2), n, who, now, announced);
          }
          assert.equal(fib.size, model.size);
          for (let key = 0; key <= 30; key++) {
            assert.equal(fib.lookup(key % 3, 0x0200 + (key % 2), key), model.get(key)?.owner ?? NOT_FOUND);
          }
        }
        assert.deepEqual(
          [...fib.entries()].map((entry) => entry.lo).sort((a, b) => a - b),
          [...model.keys()].sort((a, b) => a - b),
        );
        for (const who of [0, 1, 65531, portOwner(0), portOwner(1023)])
          assert.equal(fib.sizeOf(who), owned(who));
      }),
      { numRuns: 300 },
    );
  });
});

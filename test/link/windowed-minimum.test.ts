import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { WindowedMinimum } from "../../src/link/windowed-minimum.ts";

const HALF = 1000;
const LONGEST_GAP = 700;

describe("windowed minimum", () => {
  it("is that of at least the last half-window, and of nothing much older than two", () => {
    const samples = fc.array(
      fc.tuple(fc.integer({ min: 0, max: LONGEST_GAP }), fc.integer({ min: -50, max: 50 })),
      {
        minLength: 1,
      },
    );
    fc.assert(
      fc.property(samples, (steps) => {
        const minimum = new WindowedMinimum(HALF);
        const seen: { at: number; sample: number }[] = [];
        let at = -5000;
        for (const [gap, sample] of steps) {
          at += gap;
          minimum.add(at, sample);
          seen.push({ at, sample });
        }
        const since = (age: number): number[] =>
          seen.filter((one) => one.at > at - age).map(({ sample }) => sample);
        assert.ok(minimum.value <= Math.min(...since(HALF)));
        assert.ok(minimum.value >= Math.min(...since(2 * (HALF + LONGEST_GAP))));
      }),
    );
  });

  it("knows nothing before the first sample and after a reset", () => {
    const minimum = new WindowedMinimum(HALF);
    assert.equal(minimum.value, Infinity);
    minimum.add(10, 3);
    assert.equal(minimum.value, 3);
    minimum.reset();
    assert.equal(minimum.value, Infinity);
  });
});

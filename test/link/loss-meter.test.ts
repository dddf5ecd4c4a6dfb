import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { lossFromBitmap, LossMeter } from "../../src/link/loss-meter.ts";

function bitmapOf(meter: LossMeter): boolean[] {
  const bytes = new Uint8Array(16);
  meter.writeBitmap(bytes);
  return Array.from({ length: 128 }, (_, i) => (((bytes[15 - (i >> 3)] ?? 0) >> (i & 7)) & 1) === 1);
}

describe("loss meter", () => {
  it("keeps the same bitmap as a set of the sequence numbers that arrived", () => {
    const gaps = fc.array(fc.integer({ min: -20, max: 200 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(gaps, (steps) => {
        const meter = new LossMeter();
        const arrived = new Set<number>();
        let newest = 0;
        let at = 500;
        steps.forEach((step, i) => {
          at = Math.max(1, newest + (i === 0 ? 500 : step));
          newest = Math.max(newest, at);
          arrived.add(at);
          meter.onProbe(i, at, 0, 0);
        });
        const expected = Array.from({ length: 128 }, (_, back) => arrived.has(newest - back));
        assert.deepEqual(bitmapOf(meter), expected);
      }),
    );
  });

  it("uses probes alone on an idle link, and both ends agree", () => {
    const meter = new LossMeter();
    for (let i = 1; i <= 100; i++) if (i % 4 !== 0) meter.onProbe(i * 1_000_000, i, i, 0);
    assert.ok(Math.abs((meter.loss() ?? 0) - 0.25) < 0.02);
    const bytes = new Uint8Array(16);
    meter.writeBitmap(bytes);
    assert.ok(Math.abs((lossFromBitmap(bytes, 100) ?? 0) - 0.25) < 0.02);
  });

  it("uses counts of real traffic where there is some, across the wrap of the sender's count", () => {
    const meter = new LossMeter();
    const start = 2 ** 32 - 500;
    for (let i = 0; i < 10; i++) meter.onProbe(i * 200_000, i + 1, (start + i * 100) >>> 0, i * 95);
    assert.ok(Math.abs((meter.loss() ?? 0) - 0.05) < 1e-9);
  });

  it("never says less than none or more than all", () => {
    const meter = new LossMeter();
    meter.onProbe(0, 1, 0, 0);
    meter.onProbe(1, 2, 1000, 5000);
    assert.equal(meter.loss(), 0);
    meter.reset();
    assert.equal(meter.loss(), undefined);
    meter.onProbe(0, 1, 0, 0);
    meter.onProbe(1, 2, 1000, 0);
    assert.equal(meter.loss(), 1);
  });
});

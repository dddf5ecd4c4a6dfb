import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { lossFromBitmap, LossMeter } from "../../src/link/loss-meter.ts";
import { seeded } from "./link-pair.ts";

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
    assert.ok(Math.abs((meter.measured()?.share ?? 0) - 0.25) < 0.02);
    const bytes = new Uint8Array(16);
    meter.writeBitmap(bytes);
    assert.ok(Math.abs((lossFromBitmap(bytes, 100) ?? 0) - 0.25) < 0.02);
  });

  it("does not hold against a link what was lost while it was down", () => {
    const meter = new LossMeter();
    for (let i = 1; i <= 30; i++) if (i <= 5 || i > 25) meter.onProbe(i * 1_000_000, i, i, 0);
    assert.ok((meter.measured()?.share ?? 0) > 0.5);
    meter.linkRose();
    for (let i = 31; i <= 40; i++) meter.onProbe(i * 1_000_000, i, i, 0);
    assert.equal(meter.measured()?.share, 0);
    for (let i = 41; i <= 50; i++) if (i % 2 === 0) meter.onProbe(i * 1_000_000, i, i, 0);
    assert.equal(meter.measured()?.share, 0.25);
  });

  it("uses probes alone while nobody counts what comes, and owes nothing for that time afterwards", () => {
    const meter = new LossMeter();
    const probe = (i: number, received: number | undefined): void =>
      meter.onProbe(i * 200_000, i, i * 100, received);
    for (let i = 1; i <= 40; i++) if (i % 4 !== 0) probe(i, undefined);
    assert.ok(Math.abs((meter.measured()?.share ?? 0) - 0.25) < 0.03, `${meter.measured()?.share}`);
    for (let i = 41; i <= 80; i++) probe(i, (i - 40) * 100);
    assert.equal(meter.measured()?.share, 0);
    probe(81, undefined);
    probe(82, 4000);
    probe(83, 4100);
    probe(84, 4200);
    assert.equal(meter.measured()?.share, 0);
  });

  it("uses counts of real traffic where there is some, across the wrap of the sender's count", () => {
    const meter = new LossMeter();
    const start = 2 ** 32 - 500;
    for (let i = 0; i < 10; i++) meter.onProbe(i * 200_000, i + 1, (start + i * 100) >>> 0, i * 95);
    assert.ok(Math.abs((meter.measured()?.share ?? 0) - 0.05) < 1e-9);
  });

  /** Traffic at a rate with probes among it, each datagram lost by chance; the estimate after each probe. */
  function estimates(seed: number, rate: number, seconds: number, lossAt: (s: number) => number): number[][] {
    const random = seeded(seed);
    const meter = new LossMeter();
    const seen: number[][] = [];
    let received = 0;
    let sequence = 0;
    let probeAt = 0;
    for (let sent = 1; sent <= rate * seconds; sent++) {
      const at = sent / rate;
      const arrives = random() / 2 ** 32 >= lossAt(at);
      if (arrives) received++;
      if (at < probeAt) continue;
      probeAt = at + 0.16 + (0.08 * random()) / 2 ** 32;
      sequence++;
      if (arrives) meter.onProbe(at * 1e6, sequence, sent, received);
      seen.push([at, meter.measured()?.share ?? 0]);
    }
    return seen;
  }

  const deviation = (values: number[]): number => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  };

  it("shows 5 % of 200 datagrams a second in two seconds, and goes on showing it", () => {
    const after = (seconds: number): number[] =>
      Array.from({ length: 60 }, (_, seed) => {
        const seen = estimates(seed + 1, 200, 20 + seconds, (at) => (at < 20 ? 0 : 0.05));
        return seen.at(-1)?.[1] ?? 0;
      }).sort((x, y) => x - y);
    for (const seconds of [2, 3, 4, 6]) {
      const values = after(seconds);
      console.log(
        `      5 % after ${seconds} s: median ${((values[30] ?? 0) * 100).toFixed(1)} %, ` +
          `5th percentile ${((values[3] ?? 0) * 100).toFixed(1)} %, σ ${(deviation(values) * 100).toFixed(2)} %`,
      );
      assert.ok((values[3] ?? 0) > 0.025, `5th percentile after ${seconds} s: ${values[3]}`);
      assert.ok((values[30] ?? 0) > 0.04 && (values[30] ?? 1) < 0.065);
    }
  });

  it("does not make much of half a per cent in ten minutes", () => {
    const values = estimates(11, 200, 600, () => 0.005)
      .slice(50)
      .map(([, loss]) => loss ?? 0);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const above = values.filter((value) => value > 0.015).length / values.length;
    console.log(
      `      0.5 %: mean ${(mean * 100).toFixed(2)} %, σ ${(deviation(values) * 100).toFixed(2)} %, ` +
        `most ${(Math.max(...values) * 100).toFixed(2)} %`,
    );
    assert.ok(mean > 0.003 && mean < 0.007);
    assert.ok(deviation(values) < 0.004);
    assert.ok(above < 0.01, `${above} of the time above 1.5 %`);
  });

  it("makes little of one lost probe on an idle link, and much of three in twenty", () => {
    const meter = new LossMeter();
    let sequence = 0;
    const pass = (count: number): void => {
      for (let i = 0; i < count; i++) meter.onProbe(++sequence * 1e6, sequence, sequence, 0);
    };
    pass(200);
    sequence++;
    pass(1);
    assert.ok(Math.abs((meter.measured()?.share ?? 1) - 1 / 128) < 1e-9);
    sequence += 2;
    pass(1);
    assert.ok(Math.abs((meter.measured()?.share ?? 1) - 3 / 20) < 1e-9);
    pass(20);
    assert.ok(Math.abs((meter.measured()?.share ?? 1) - 3 / 128) < 1e-9);
  });

  it("says how many datagrams it knows it from", () => {
    const idle = new LossMeter();
    for (let i = 1; i <= 40; i++) idle.onProbe(i * 1e6, i, i, i);
    assert.equal(idle.measured()?.of, 40);
    const busy = new LossMeter();
    for (let i = 1; i <= 40; i++) busy.onProbe(i * 200_000, i, i * 100, i * 100);
    assert.equal(busy.measured()?.of, 2500);
    const spoilt = new LossMeter();
    for (let i = 1; i <= 60; i++) if (i < 40 || i % 5 !== 0) spoilt.onProbe(i * 1e6, i, i, i);
    assert.deepEqual(spoilt.measured(), { share: 4 / 20, of: 20 });
  });

  it("goes by what traffic told when that moves away, until the probes have seen as much", () => {
    const meter = new LossMeter();
    let [sequence, sent, received] = [0, 0, 0];
    const pass = (probes: number, between: number, loss: number): void => {
      for (let i = 0; i < probes; i++) {
        sent += between;
        received += between * (1 - loss);
        meter.onProbe(++sequence * 200_000, sequence, sent, received);
      }
    };
    pass(200, 40, 0);
    pass(25, 40, 0.05);
    pass(30, 1, 0);
    const { share = 0, of = 0 } = meter.measured() ?? {};
    assert.ok(share > 0.03 && share < 0.05, `${share}`);
    assert.ok(of > 128 && of < 1000, `${of}`);
    pass(128, 1, 0);
    assert.deepEqual(meter.measured(), { share: 0, of: 128 });
  });

  it("never says less than none or more than all", () => {
    const meter = new LossMeter();
    meter.onProbe(0, 1, 0, 0);
    meter.onProbe(1, 2, 1000, 5000);
    assert.equal(meter.measured()?.share, 0);
    meter.reset();
    assert.equal(meter.measured()?.share, undefined);
    meter.onProbe(0, 1, 0, 0);
    meter.onProbe(1, 2, 1000, 0);
    assert.equal(meter.measured()?.share, 1);
  });
});

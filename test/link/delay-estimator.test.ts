import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { DelayEstimator } from "../../src/link/delay-estimator.ts";

const SECOND = 1_000_000;

describe("delay estimator", () => {
  it("knows nothing before the first sample, and all of it after", () => {
    const estimator = new DelayEstimator();
    assert.equal(estimator.base, undefined);
    assert.equal(estimator.working, undefined);
    estimator.add(0, -7_000_000);
    assert.equal(estimator.base, -7_000_000);
    assert.equal(estimator.working, -7_000_000);
    assert.equal(estimator.jitter, 0);
    estimator.reset();
    assert.equal(estimator.last, undefined);
  });

  it("forgets a minimum after five to ten seconds", () => {
    const estimator = new DelayEstimator();
    estimator.add(0, 1000);
    for (let t = 1; t <= 4; t++) estimator.add(t * SECOND, 5000);
    assert.equal(estimator.base, 1000);
    for (let t = 5; t <= 10; t++) estimator.add(t * SECOND, 5000);
    assert.equal(estimator.base, 5000);
  });

  it("clips a lone spike to 20 ms above the base and weighs it by an eighth", () => {
    const estimator = new DelayEstimator();
    for (let i = 0; i < 50; i++) estimator.add(i * 1000, 10_000);
    estimator.add(51_000, 3_000_000);
    assert.equal(estimator.working, 10_000 + 20_000 / 8);
    assert.equal(estimator.jitterP95, 0);
  });

  it("forgets late samples where an early one shows what they were", () => {
    const estimator = new DelayEstimator();
    for (let i = 0; i < 5; i++) estimator.add(i * 200_000, 4_000_000);
    for (let i = 5; i < 25; i++) estimator.add(i * 200_000, 20_000);
    assert.ok((estimator.working ?? 0) < 21_000, `${estimator.working}`);
    assert.ok(estimator.jitter < 5000, `${estimator.jitter}`);
  });

  it("does not forget a delay that has lasted for one early sample: it may rise again", () => {
    const estimator = new DelayEstimator();
    for (let i = 0; i < 100; i++) estimator.add(i * 200_000, 200_000);
    estimator.add(100 * 200_000, 20_000);
    estimator.add(101 * 200_000, 20_000);
    assert.ok((estimator.working ?? 0) > 100_000, `${estimator.working}`);
    assert.ok(estimator.jitter > 10_000, `${estimator.jitter}`);
  });

  it("keeps what it knows of a jittery link where one sample is a little earlier than all before", () => {
    const estimator = new DelayEstimator();
    for (let i = 0; i < 200; i++) estimator.add(i * 200_000, 100_000 + (i % 2) * 100_000);
    const [working = 0, jitter] = [estimator.working, estimator.jitter];
    estimator.add(200 * 200_000, 95_000);
    assert.ok((estimator.working ?? 0) > 0.6 * working);
    assert.ok(estimator.jitter > 0.8 * jitter);
  });

  it("follows a lasting rise, and a fall twice as fast", () => {
    const rise = new DelayEstimator();
    rise.add(0, 0);
    const fall = new DelayEstimator();
    fall.add(0, 20_000);
    for (let i = 1; i <= 5; i++) {
      rise.add(i, 20_000);
      fall.add(i, 0);
    }
    assert.ok((rise.working ?? 0) > 9000 && (rise.working ?? 0) < 11_000);
    assert.ok((fall.working ?? 0) < 5000);
  });

  it("lets a sample weigh more where samples are rare, but a lone one never as much as it says", () => {
    const rise = new DelayEstimator();
    for (let i = 0; i <= 20; i++) rise.add(i * SECOND, 10_000);
    rise.add(21 * SECOND, 30_000);
    const once = (rise.working ?? 0) - 10_000;
    assert.ok(Math.abs(once - 20_000 * (1 - (7 / 8) ** 3)) < 1);
    rise.add(22 * SECOND, 10_000);
    assert.ok((rise.working ?? 0) - 10_000 < 3000);
    for (let i = 23; i <= 26; i++) rise.add(i * SECOND, 30_000);
    assert.ok((rise.working ?? 0) > 25_000);
  });

  it("is additive: an offset between two clocks moves base and working by itself and nothing else", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 500_000 }), { minLength: 1, maxLength: 100 }),
        fc.integer({ min: -1e12, max: 1e12 }),
        (samples, offset) => {
          const plain = new DelayEstimator();
          const shifted = new DelayEstimator();
          samples.forEach((sample, i) => {
            plain.add(i * 200_000, sample);
            shifted.add(i * 200_000, sample + offset);
          });
          assert.equal(shifted.base, (plain.base ?? 0) + offset);
          assert.ok(Math.abs((shifted.working ?? 0) - offset - (plain.working ?? 0)) < 1);
          assert.ok(Math.abs(shifted.jitter - plain.jitter) < 1);
          assert.equal(shifted.jitterP95, plain.jitterP95);
          assert.ok((plain.base ?? 0) <= (plain.working ?? 0) + 1e-6);
        },
      ),
    );
  });
});

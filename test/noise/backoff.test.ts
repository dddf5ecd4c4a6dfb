import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { Backoff } from "../../src/noise/backoff.ts";
import { DEFAULT_TIMERS } from "../../src/noise/timers.ts";

/** One that has just made its `n`th attempt, at `now`; the middle of the jitter. */
function after(n: number, now: number): Backoff {
  const backoff = new Backoff(DEFAULT_TIMERS);
  for (let i = 0; i < n; i++) backoff.attempt(now, 0.5);
  return backoff;
}

describe("the pause between two initiations", () => {
  it("is cut to half a second, counted from the last attempt, when somebody waits", () => {
    const backoff = after(10, 1000);
    assert.equal(backoff.dueAt, 6000);
    backoff.press();
    assert.equal(backoff.dueAt, 1500);
    backoff.press();
    assert.equal(backoff.dueAt, 1500, "pressing twice changes nothing");
  });

  it("grows on beneath: without frames the next one is long again", () => {
    const backoff = after(10, 1000);
    backoff.press();
    backoff.attempt(1500, 0.5);
    assert.equal(backoff.dueAt, 6500);
  });

  it("is never longer for being pressed, nor shorter than half a second less the jitter", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 8 }),
        (fractions) => {
          const backoff = new Backoff(DEFAULT_TIMERS);
          for (const fraction of fractions) backoff.attempt(1000, fraction);
          const before = backoff.dueAt;
          backoff.press();
          assert.ok(backoff.dueAt <= before && backoff.dueAt <= 1600);
          assert.ok(backoff.dueAt >= Math.min(before, 1400));
        },
      ),
    );
  });

  it("grows to twenty seconds when a peer has been away for a minute, and is short again after a success", () => {
    const backoff = new Backoff(DEFAULT_TIMERS);
    const attempts: number[] = [];
    for (let now = 0; now < 200_000; now = backoff.dueAt) {
      attempts.push(now);
      backoff.attempt(now, 0.5);
    }
    const pauses = attempts.slice(1).map((at, i) => ({ at, pause: at - (attempts[i] ?? 0) }));
    assert.ok(pauses.every(({ at, pause }) => pause <= 5000 || at > 60_000));
    assert.equal(pauses.at(-1)?.pause, 20_000);
    backoff.press();
    assert.ok(backoff.dueAt <= (attempts.at(-1) ?? 0) + 500);
    backoff.stop();
    backoff.attempt(300_000, 0.5);
    assert.equal(backoff.dueAt, 300_250);
  });

  it("does not begin by being pressed, and is over when it is stopped", () => {
    const idle = new Backoff(DEFAULT_TIMERS);
    idle.press();
    assert.ok(!idle.running);
    const backoff = after(5, 0);
    backoff.stop();
    backoff.press();
    assert.equal(backoff.dueAt, Infinity);
  });
});

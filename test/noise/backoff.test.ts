import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { Backoff } from "../../src/noise/backoff.ts";
import { DEFAULT_TIMERS } from "../../src/noise/timers.ts";
import { VainCalls } from "../../src/noise/vain-calls.ts";
import { seeded } from "../link/link-pair.ts";

function alone(): Backoff {
  return new Backoff(DEFAULT_TIMERS, new VainCalls(DEFAULT_TIMERS.retrySpacing));
}

/** One that has just made its `n`th attempt, at `now`; the middle of the jitter. */
function after(n: number, now: number): Backoff {
  const backoff = alone();
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
          const backoff = alone();
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
    const backoff = alone();
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
    const idle = alone();
    idle.press();
    assert.ok(!idle.running);
    const backoff = after(5, 0);
    backoff.stop();
    backoff.press();
    assert.equal(backoff.dueAt, Infinity);
  });
});

describe("the calls of a node that nobody answers", () => {
  const { retrySpacing, retryMax } = DEFAULT_TIMERS;

  /** Attempts of `count` calls at once, with their times, in a given number of ms. */
  function attempts(count: number, ms: number): { at: number; of: Backoff }[] {
    const shared = new VainCalls(retrySpacing);
    const calls = Array.from({ length: count }, () => new Backoff(DEFAULT_TIMERS, shared));
    const random = seeded(count);
    const made: { at: number; of: Backoff }[] = [];
    for (let at = 0; at < ms; at += 50) {
      for (const of of calls) {
        if (of.running && of.dueAt > at) continue;
        made.push({ at, of });
        of.attempt(at, random() / 2 ** 32);
      }
    }
    return made;
  }

  it("make one attempt a second together, however many they are, after a quick series of each", () => {
    for (const count of [30, 100, 400]) {
      const made = attempts(count, 900_000);
      const [quick, late] = [made.filter(({ at }) => at < 12_000), made.filter(({ at }) => at >= 600_000)];
      assert.ok(quick.length >= 5 * count, `${quick.length} attempts of ${count} calls in the first seconds`);
      assert.ok(made.length - quick.length <= 1.3 * 888, `${made.length - quick.length} attempts later`);
      assert.ok(late.length >= 0.7 * 300, `${late.length} attempts in the last five minutes`);
    }
  });

  it("do not slow each other down while they are few", () => {
    const one = attempts(1, 300_000).length;
    assert.ok(attempts(5, 300_000).length >= 5 * one * 0.85);
  });

  it("are fewer when one is answered, given up or has reason to hope", () => {
    const shared = new VainCalls(retrySpacing);
    const [answered, hopeful, other] = [1, 2, 3].map(() => new Backoff(DEFAULT_TIMERS, shared));
    assert.ok(answered && hopeful && other);
    for (const call of [answered, hopeful, other]) for (let i = 0; i < 8; i++) call.attempt(0, 0.5);
    assert.equal(shared.pause, 3 * retrySpacing);
    hopeful.hasten(10);
    assert.equal(hopeful.dueAt, 260, "it goes on at once");
    answered.stop();
    answered.stop();
    assert.equal(shared.pause, retrySpacing);
    other.attempt(0, 0.5);
    assert.equal(other.dueAt, retryMax);
  });

  it("are still pressed by frames that wait: one of a hundred does not wait for the others", () => {
    const shared = new VainCalls(retrySpacing);
    const calls = Array.from({ length: 100 }, () => new Backoff(DEFAULT_TIMERS, shared));
    for (const call of calls) for (let i = 0; i < 8; i++) call.attempt(0, 0.5);
    const [first] = calls;
    first?.attempt(1000, 0.5);
    assert.equal(first?.dueAt, 101_000);
    first.press();
    assert.equal(first.dueAt, 1500);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ProbeSchedule } from "../../src/link/probe-schedule.ts";
import { LINK_TUNING } from "../../src/link/tuning.ts";

const MS = 1000;
const S = 1_000_000;

/** Whether a link that carried frames at these times is active at once, and from when on it is not any more, ms. */
function activity(timesMs: readonly number[]): { active: boolean; untilMs: number | undefined } {
  const schedule = new ProbeSchedule(LINK_TUNING);
  const startMs = 1_000_000;
  let nowMs = startMs;
  for (const atMs of timesMs) {
    nowMs = startMs + atMs;
    schedule.carried(nowMs * MS);
  }
  if (!schedule.active(nowMs * MS)) return { active: false, untilMs: undefined };
  while (schedule.active(nowMs * MS)) nowMs++;
  return { active: true, untilMs: nowMs - startMs };
}

describe("a link is probed at the fast rate", () => {
  it("by traffic: a flow, a ping each second", () => {
    assert.deepEqual(activity([0, 100, 200]), { active: true, untilMs: 10_200 });
    assert.deepEqual(activity([0, 1000, 2000]), { active: true, untilMs: 12_000 });
  });

  it("not by a frame now and then", () => {
    assert.equal(activity([0]).active, false);
    assert.equal(activity([0, 200]).active, false);
    assert.equal(activity([0, 2000, 4000, 6000, 8000]).active, false);
  });

  it("not by the frames of one burst", () => {
    assert.equal(activity([0, 20, 40, 60, 80]).active, false);
    assert.equal(activity([0, 20, 40, 1000, 1020, 1040]).active, false);
  });

  it("by a flow of any rate, ten seconds beyond its last frame", () => {
    for (const gapMs of [1, 10, 33, 50, 99, 150, 700, 1400]) {
      const times = Array.from({ length: Math.ceil(4000 / gapMs) }, (_, i) => i * gapMs);
      assert.deepEqual([gapMs, activity(times).untilMs], [gapMs, (times.at(-1) ?? 0) + 10_000]);
    }
  });

  it("while the peer says so", () => {
    const schedule = new ProbeSchedule(LINK_TUNING);
    schedule.heardActivity(0, true);
    assert.deepEqual([schedule.active(2.9 * S), schedule.active(3 * S)], [true, false]);
    schedule.heardActivity(4 * S, true);
    schedule.heardActivity(5 * S, false);
    assert.equal(schedule.active(5 * S), false);
  });
});

describe("the first frame in ten seconds", () => {
  it("is told from those that follow", () => {
    const schedule = new ProbeSchedule(LINK_TUNING);
    const first = [0, 0.05, 2, 11, 11.1, 21.2].map((atS) => schedule.carried(atS * S));
    assert.deepEqual(first, [true, false, false, false, false, true]);
  });
});

describe("a scheduled probe", () => {
  it("may leave a little ahead, and the next one counts from there", () => {
    const schedule = new ProbeSchedule(LINK_TUNING);
    schedule.start(1000 * MS);
    assert.equal(schedule.takeRegular(974 * MS, true, 0x80000000, 25 * MS), false);
    assert.equal(schedule.takeRegular(975 * MS, true, 0x80000000), false);
    assert.equal(schedule.takeRegular(975 * MS, true, 0x80000000, 25 * MS), true);
    assert.equal(schedule.nextDeadline(), 1175 * MS);
  });
});

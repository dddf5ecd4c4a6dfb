import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "mocha";
import { DeadlineTimer } from "../../src/dataplane/deadline-timer.ts";

const HORIZON_US = 50_000;

describe("the deadline timer", () => {
  it("runs once, for the earliest of the deadlines that are near", async () => {
    let runs = 0;
    const timer = new DeadlineTimer(HORIZON_US, () => runs++);
    timer.arm(0, 40_000);
    timer.arm(0, 5_000);
    timer.arm(0, 20_000);
    await sleep(150);
    assert.equal(runs, 1);
    timer.arm(0, 1_000);
    await sleep(100);
    assert.equal(runs, 2);
  });

  it("leaves what is far to others, and can be stopped", async () => {
    let runs = 0;
    const timer = new DeadlineTimer(HORIZON_US, () => runs++);
    timer.arm(0, HORIZON_US);
    timer.arm(0, Infinity);
    timer.arm(0, 5_000);
    timer.stop();
    await sleep(100);
    assert.equal(runs, 0);
  });

  it("forgets a deadline that is done when told what comes next", async () => {
    let runs = 0;
    const timer = new DeadlineTimer(HORIZON_US, () => runs++);
    timer.arm(0, 5_000);
    timer.set(0, Infinity);
    await sleep(100);
    assert.equal(runs, 0);
    timer.set(0, 40_000);
    timer.set(0, 5_000);
    await sleep(100);
    assert.equal(runs, 1);
  });

  it("does not keep a thread busy with what is always overdue", async () => {
    let runs = 0;
    const timer: DeadlineTimer = new DeadlineTimer(HORIZON_US, () => {
      runs++;
      timer.arm(0, -1000);
    });
    timer.arm(0, -1000);
    await sleep(100);
    timer.stop();
    assert(runs > 0 && runs < 100, `${runs}`);
  });
});

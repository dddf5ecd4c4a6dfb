import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Urgency } from "../../src/dataplane/urgency.ts";

const STEP_MS = 50;
const EPERM = 1;

/** A thread that uses a share of a core for a while, looked at on each tick. */
class Thread {
  readonly asked: boolean[] = [];
  readonly urgency: Urgency;
  #nowMs = 1e6;
  #cpuUs = 5e6;

  constructor({ wanted = true, errno = 0 } = {}) {
    const setRealtime = (on: boolean): number => {
      this.asked.push(on);
      return errno;
    };
    this.urgency = new Urgency(setRealtime, wanted, this.#nowMs, this.#cpuUs);
  }

  run(ms: number, share: number): void {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.#nowMs += STEP_MS;
      this.#cpuUs += STEP_MS * 1000 * share;
      if (this.urgency.isDue(this.#nowMs)) this.urgency.look(this.#nowMs, this.#cpuUs);
    }
  }
}

describe("a data plane's urgency", () => {
  it("is real time once the thread has been calm for a second", () => {
    const thread = new Thread();
    thread.run(900, 0.02);
    assert.equal(thread.urgency.state, "normal");
    thread.run(300, 0.02);
    assert.equal(thread.urgency.state, "realtime");
    assert.ok(Math.abs(thread.urgency.share - 0.02) < 1e-6);
    thread.run(60_000, 0.02);
    assert.deepEqual(thread.asked, [true]);
  });

  it("ends within a few hundred milliseconds of a flow that takes a whole core, and comes back after it", () => {
    const thread = new Thread();
    thread.run(2000, 0.02);
    thread.run(400, 1);
    assert.equal(thread.urgency.state, "normal");
    thread.run(60_000, 1);
    assert.deepEqual(thread.asked, [true, false]);
    thread.run(800, 0.02);
    assert.equal(thread.urgency.state, "normal");
    thread.run(400, 0.02);
    assert.deepEqual(thread.asked, [true, false, true]);
  });

  it("is left as it is by a flow of medium rate", () => {
    const thread = new Thread();
    thread.run(5000, 0.3);
    assert.equal(thread.urgency.state, "normal");
    thread.run(2000, 0.02);
    thread.run(60_000, 0.3);
    assert.deepEqual(thread.asked, [true]);
    assert.equal(thread.urgency.state, "realtime");
  });

  it("does not begin between bursts that come each second", () => {
    const thread = new Thread();
    for (let i = 0; i < 20; i++) {
      thread.run(800, 0.02);
      thread.run(200, 0.9);
    }
    assert.deepEqual(thread.asked, []);
  });

  it("is asked for once where the system refuses it, and says why", () => {
    const thread = new Thread({ errno: EPERM });
    thread.run(60_000, 0.02);
    assert.deepEqual(thread.asked, [true]);
    assert.equal(thread.urgency.state, "refused");
    assert.equal(thread.urgency.errno, EPERM);
    thread.urgency.leave();
    assert.deepEqual(thread.asked, [true]);
  });

  it("is not asked for where the file says so", () => {
    const thread = new Thread({ wanted: false });
    thread.run(10_000, 0.02);
    assert.deepEqual(thread.asked, []);
    assert.equal(thread.urgency.state, "off");
  });

  it("is given up when the data plane closes", () => {
    const thread = new Thread();
    thread.run(2000, 0.02);
    thread.urgency.leave();
    thread.urgency.leave();
    assert.deepEqual(thread.asked, [true, false]);
  });
});

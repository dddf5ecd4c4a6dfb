import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Liveness } from "../../src/link/liveness.ts";
import { LINK_TUNING } from "../../src/link/tuning.ts";

const SECOND = 1_000_000;

function alive(): Liveness {
  const liveness = new Liveness(LINK_TUNING);
  assert.equal(liveness.answered(0, SECOND), true);
  return liveness;
}

describe("liveness", () => {
  it("suspects when a probe is late and buries when no question is answered in time", () => {
    const liveness = alive();
    assert.equal(liveness.judge(SECOND - 1), "none");
    assert.equal(liveness.judge(SECOND), "suspect");
    assert.equal(liveness.suspect(), true);
    assert.equal(liveness.suspect(), false);
    liveness.questionsSent(SECOND, 60_000);
    assert.equal(liveness.nextDeadline(), SECOND + 60_000);
    assert.equal(liveness.judge(SECOND + 59_999), "none");
    assert.equal(liveness.judge(SECOND + 60_000), "dead");
    assert.equal(liveness.up, false);
    assert.equal(liveness.deaths, 1);
  });

  it("is calm again after one answer", () => {
    const liveness = alive();
    liveness.suspect();
    liveness.questionsSent(SECOND, 60_000);
    liveness.answered(SECOND + 1, 2 * SECOND);
    assert.equal(liveness.suspected, false);
    assert.equal(liveness.judge(2 * SECOND - 1), "none");
    assert.equal(liveness.judge(2 * SECOND), "suspect");
  });

  it("asks once more, and only once, when it slept through the deadline itself", () => {
    const liveness = alive();
    liveness.suspect();
    liveness.questionsSent(SECOND, 60_000);
    assert.equal(liveness.judge(4 * SECOND), "suspect");
    assert.equal(liveness.up, true);
    liveness.questionsSent(4 * SECOND, 60_000);
    assert.equal(liveness.judge(7 * SECOND), "dead");
  });

  it("doubles the wait with every death up to a minute, and forgets one death a minute", () => {
    const liveness = alive();
    let now = 0;
    const die = (): void => {
      liveness.suspect();
      liveness.questionsSent(now, 0);
      assert.equal(liveness.judge(now), "dead");
      liveness.peerRestarted();
      liveness.answered(++now, Infinity);
    };
    const waits = Array.from({ length: 7 }, () => (die(), liveness.recoveryUs / SECOND));
    assert.deepEqual(waits, [2, 4, 8, 16, 32, 60, 60]);
    now += 5 * 60 * SECOND + 1;
    die();
    assert.equal(liveness.deaths, 3);
  });
});

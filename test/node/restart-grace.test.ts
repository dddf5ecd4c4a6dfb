import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { RestartGrace } from "../../src/node/restart-grace.ts";

const heard = (from: number): unknown => ({ from, costUs: 1000 });

describe("a supernode's grace after a restart", () => {
  it("is none for one that never ran before", () => {
    assert.equal(new RestartGrace(false, 0).check(0), true);
  });

  it("ends when everybody whom a report names as heard has reported, but not within two seconds", () => {
    const grace = new RestartGrace(true, 1000);
    grace.reported(1, [heard(2), heard(3), { from: 9, costUs: null }]);
    grace.reported(2, [heard(1)]);
    assert.equal(grace.check(3500), false);
    grace.reported(3, []);
    assert.equal(grace.check(2900), false);
    assert.equal(grace.check(3000), true);
    assert.equal(grace.settled, true);
  });

  it("ends by itself when somebody who is heard never reports, and not before anybody does", () => {
    const grace = new RestartGrace(true, 0);
    assert.equal(grace.check(20_000), false);
    grace.reported(1, [heard(2)]);
    assert.equal(grace.check(24_900), false);
    assert.equal(grace.check(25_000), true);
  });

  it("survives reports of any shape", () => {
    const grace = new RestartGrace(true, 0);
    grace.reported(1, [null, 5, "x", { from: "2", costUs: 1 }, [], { from: 3 }]);
    assert.equal(grace.check(2000), true);
  });

  it("does not wait for who was heard and is no member any more, nor for what is no NodeID", () => {
    const grace = new RestartGrace(true, 0);
    grace.reported(1, [heard(2), heard(1.5), heard(-1), heard(1e300)]);
    assert.equal(
      grace.check(3000, () => true),
      false,
    );
    assert.equal(
      grace.check(3000, (nodeId) => nodeId !== 2),
      true,
    );
  });

  it("begins when an edge comes with the row of another process: the state directory was lost", () => {
    const grace = new RestartGrace(false, 0);
    grace.reported(1, [heard(2)]);
    assert.equal(grace.check(100), true);
    grace.foundRow(5000);
    assert.equal(grace.settled, false);
    grace.foundRow(6000);
    grace.reported(3, [heard(1)]);
    assert.equal(grace.check(8000), false, "2 is heard and has not reported");
    grace.reported(2, []);
    assert.equal(grace.check(8000), true);
  });

  it("takes at least two seconds from there, and twenty-five at most", () => {
    for (const [reports, seconds] of [
      [[], 2],
      [[heard(9)], 25],
    ] as const) {
      const grace = new RestartGrace(false, 0);
      grace.foundRow(5000);
      grace.reported(1, reports);
      assert.equal(grace.check(5000 + seconds * 1000 - 1), false);
      assert.equal(grace.check(5000 + seconds * 1000), true);
    }
  });

  it("begins once, and not where a network has long been this process's own", () => {
    const once = new RestartGrace(false, 0);
    once.foundRow(0);
    once.reported(1, []);
    assert.equal(once.check(3000), true);
    once.foundRow(3500);
    assert.equal(once.settled, true);
    const own = new RestartGrace(false, 0);
    own.reported(1, []);
    own.check(25_000);
    own.foundRow(25_001);
    assert.equal(own.check(25_002), true);
    const lonely = new RestartGrace(false, 0);
    lonely.check(60_000);
    lonely.foundRow(60_001);
    assert.equal(lonely.check(60_002), false, "nobody has come before");
  });
});

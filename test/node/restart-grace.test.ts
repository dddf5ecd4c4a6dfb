import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { RestartGrace } from "../../src/node/restart-grace.ts";

const members = (): number[] => [1, 2, 3, 4, 9];
const heard = (from: number): unknown => ({ from, costUs: 1000 });

describe("a supernode's grace after a restart", () => {
  it("is none for one that never ran before, nor does one begin by edges that have no row", () => {
    const grace = new RestartGrace(false);
    assert.equal(grace.check(0, members), true);
    grace.reported(10, 1, [heard(2)]);
    assert.equal(grace.check(10, members), true);
    grace.reported(500, 2, []);
    assert.equal(grace.check(500, members), true);
  });

  it("ends when everybody whom a report names as heard has reported, but not within two seconds", () => {
    const grace = new RestartGrace(true);
    grace.reported(1000, 1, [heard(2), heard(3), { from: 9, costUs: null }]);
    grace.reported(1500, 2, [heard(1)]);
    assert.equal(grace.check(3500, members), false);
    grace.reported(2500, 3, []);
    assert.equal(grace.check(2900, members), false);
    assert.equal(grace.check(3000, members), true);
    assert.equal(grace.settled, true);
  });

  it("ends by itself when somebody who is heard never reports", () => {
    const grace = new RestartGrace(true);
    grace.reported(0, 1, [heard(2)]);
    assert.equal(grace.check(24_900, members), false);
    assert.equal(grace.check(25_000, members), true);
  });

  it("goes on while nobody can reach it, and its time counts from when the first one does", () => {
    const grace = new RestartGrace(true);
    for (let ms = 0; ms < 60_000; ms += 1000) assert.equal(grace.check(ms, members), false);
    grace.foundRow(60_000, 1);
    assert.equal(grace.check(60_000, members), false);
    grace.reported(60_100, 1, [heard(2), heard(3)]);
    assert.equal(grace.check(60_100, members), false);
    grace.reported(68_000, 2, [heard(1)]);
    assert.equal(grace.check(84_000, members), false);
    grace.reported(84_500, 3, [heard(1)]);
    assert.equal(grace.check(84_500, members), true);
  });

  it("does not end early on the word of an edge that hears nobody and has no row: a new one on the same host", () => {
    const grace = new RestartGrace(true);
    grace.reported(0, 1, []);
    assert.equal(grace.check(8000, members), false);
    grace.foundRow(8100, 2);
    grace.reported(8100, 2, [heard(3), heard(4)]);
    grace.reported(9000, 3, [heard(2)]);
    assert.equal(grace.check(9000, members), false);
    grace.reported(9500, 4, [heard(2)]);
    assert.equal(grace.check(9500, members), true);
    const alone = new RestartGrace(true);
    alone.reported(0, 1, []);
    assert.equal(alone.check(24_999, members), false);
    assert.equal(alone.check(25_000, members), true, "nobody else comes");
  });

  it("ends when edges that all are new hear one another", () => {
    const grace = new RestartGrace(true);
    for (const nodeId of [1, 2, 3]) grace.reported(nodeId, nodeId, []);
    grace.reported(1200, 1, [heard(2), heard(3)]);
    assert.equal(grace.check(2100, members), true);
  });

  it("ends where one that came with a row of another process hears nobody", () => {
    const grace = new RestartGrace(true);
    grace.foundRow(0, 1);
    grace.reported(0, 1, []);
    assert.equal(grace.check(1999, members), false);
    assert.equal(grace.check(2000, members), true);
  });

  it("survives reports of any shape", () => {
    const grace = new RestartGrace(true);
    grace.reported(0, 1, [null, 5, "x", { from: "2", costUs: 1 }, [], { from: 3 }, heard(1)]);
    assert.equal(grace.check(2000, members), true);
  });

  it("does not wait for who was heard and is no member any more, nor for what is no NodeID", () => {
    const grace = new RestartGrace(true);
    grace.reported(0, 1, [heard(2), heard(1.5), heard(-1), heard(1e300)]);
    assert.equal(grace.check(3000, members), false);
    assert.equal(
      grace.check(3000, () => [1, 3]),
      true,
    );
  });

  it("begins when an edge comes with the row of another process: the state directory was lost", () => {
    const grace = new RestartGrace(false);
    grace.reported(0, 1, [heard(2)]);
    assert.equal(grace.check(100, members), true);
    grace.foundRow(5000, 3);
    assert.equal(grace.settled, false);
    grace.foundRow(6000, 4);
    grace.reported(6000, 3, [heard(1)]);
    assert.equal(grace.check(8000, members), false, "2 and 4 have not reported");
    grace.reported(8000, 2, []);
    assert.equal(grace.check(8000, members), false, "4 has not reported");
    grace.reported(8000, 4, []);
    assert.equal(grace.check(8000, members), true);
  });

  it("takes at least two seconds from there, and twenty-five at most", () => {
    for (const [reports, seconds] of [
      [[], 2],
      [[heard(9)], 25],
    ] as const) {
      const grace = new RestartGrace(false);
      grace.foundRow(5000, 1);
      grace.reported(5000, 1, reports);
      assert.equal(grace.check(5000 + seconds * 1000 - 1, members), false);
      assert.equal(grace.check(5000 + seconds * 1000, members), true);
    }
  });

  it("begins once more after it ended on the word of a few: the others come when the uplink is back", () => {
    for (const restarted of [true, false]) {
      const grace = new RestartGrace(restarted);
      if (!restarted) grace.foundRow(0, 1);
      // An edge in the supernode's own LAN.
      grace.reported(0, 1, []);
      assert.equal(grace.check(25_000, members), true);
      grace.foundRow(60_000, 2);
      assert.equal(grace.check(60_000, members), false);
      grace.reported(60_000, 2, [heard(1), heard(3)]);
      assert.equal(grace.check(65_000, members), false);
      grace.reported(66_000, 3, [heard(1)]);
      assert.equal(grace.check(66_000, members), true);
      // Nobody keeps rows back again and again.
      grace.foundRow(100_000, 4);
      assert.equal(grace.check(100_000, members), true);
    }
  });

  it("does not begin in a network that is known: most members have reported, and it was time for the others", () => {
    for (const restarted of [true, false]) {
      const grace = new RestartGrace(restarted);
      for (const nodeId of [1, 2, 3]) grace.reported(0, nodeId, [heard(4)]);
      assert.equal(grace.check(24_000, members), !restarted);
      assert.equal(grace.check(25_000, members), true);
      grace.foundRow(30_000, 9);
      assert.equal(grace.check(30_000, members), true);
    }
  });

  it("still begins where nobody but edges without a row had come, however long ago", () => {
    const alone = new RestartGrace(false);
    alone.reported(0, 1, []);
    alone.check(40_000, members);
    alone.foundRow(60_000, 2);
    alone.reported(60_000, 2, [heard(3)]);
    assert.equal(alone.check(63_000, members), false);
    const empty = new RestartGrace(false);
    empty.check(60_000, members);
    empty.foundRow(60_001, 1);
    assert.equal(empty.check(90_000, members), false, "nobody has reported");
    empty.reported(90_000, 1, [heard(2)]);
    assert.equal(empty.check(92_000, members), false);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Allowances } from "../../src/control/allowances.ts";
import type { Allowance } from "../../src/control/allowances.ts";
import type { EdgeMessage } from "../../src/control/messages.ts";

const SECOND = 1_000_000;

const report = (links: number, gone = 0): EdgeMessage => ({
  type: "report",
  report: {
    ...{ incarnation: 1, counter: 1, epoch: 1, full: false, dead: [] },
    links: new Array<unknown>(links).fill(0),
    gone: new Array<number>(gone).fill(1),
  },
});

/** So many messages of this sort are taken at once. */
function taken(allowance: Allowance, nowUs: number, message: EdgeMessage, bytes = 100): number {
  for (let count = 0; ; count++) {
    if (!allowance.bytes(nowUs, bytes) || !allowance.message(nowUs, message)) return count;
  }
}

describe("what a member may ask of its supernode", () => {
  it("is 100 messages a second and 500 at once", () => {
    const allowance = new Allowances().of(1);
    assert.equal(taken(allowance, 0, { type: "row-request" }), 500);
    assert.equal(taken(allowance, SECOND, { type: "row-request" }), 100);
  });

  it("is less where messages are long, and where reports have many entries, be they as short as they like", () => {
    const allowances = new Allowances();
    assert.equal(taken(allowances.of(1), 0, { type: "row-request" }, 640 * 1024), 50);
    assert.equal(taken(allowances.of(2), 0, report(4096)), 7);
    assert.equal(taken(allowances.of(3), 0, report(0, 4096)), 7);
    assert.equal(taken(allowances.of(4), 0, report(4)), 470);
  });

  it("is enough for what an edge of the largest network says: all its links once a minute, some each second", () => {
    const allowance = new Allowances().of(1);
    const say = (nowUs: number, links: number): void => {
      assert.ok(allowance.bytes(nowUs, 170 * links) && allowance.message(nowUs, report(links)), `${links}`);
    };
    for (let second = 0; second < 300; second++) {
      if (second % 60 === 0) say(second * SECOND, 4096);
      say(second * SECOND, 1000);
    }
  });

  it("is five hellos at once and one a second", () => {
    const allowance = new Allowances().of(1);
    const hellos = (nowUs: number): number => {
      for (let count = 0; ; count++) if (!allowance.hello(nowUs)) return count;
    };
    assert.deepEqual([hellos(0), hellos(SECOND), hellos(3 * SECOND)], [5, 1, 2]);
  });

  it("is each member's own, and the same when it comes again", () => {
    const allowances = new Allowances();
    taken(allowances.of(1), 0, { type: "row-request" });
    assert.equal(taken(allowances.of(1), 0, { type: "row-request" }), 0);
    assert.equal(taken(allowances.of(2), 0, { type: "row-request" }), 500);
  });

  it("is forgotten of those who came longest ago, so that the list has an end", () => {
    const allowances = new Allowances();
    const first = allowances.of(0);
    for (let nodeId = 1; nodeId < 8192; nodeId++) allowances.of(nodeId);
    assert.equal(allowances.of(0), first);
    allowances.of(8192);
    assert.equal(allowances.of(0), first);
    for (let nodeId = 1; nodeId < 8192; nodeId++) allowances.of(nodeId);
    allowances.of(8193);
    assert.notEqual(allowances.of(0), first);
  });
});

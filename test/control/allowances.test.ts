import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Allowances } from "../../src/control/allowances.ts";
import type { Allowance } from "../../src/control/allowances.ts";
import { MESSAGE_LIMIT } from "../../src/control/messages.ts";
import type { EdgeMessage } from "../../src/control/messages.ts";

const SECOND = 1_000_000;

/** What an edge says of one link, bytes of JSON, and of one that it cannot send to. */
const LINK_BYTES = 170;
const DEAD_BYTES = 6;

const report = (links: number, gone = 0, dead = 0): EdgeMessage => ({
  type: "report",
  report: {
    ...{ incarnation: 1, counter: 1, epoch: 1, full: false },
    links: new Array<unknown>(links).fill(0),
    gone: new Array<number>(gone).fill(1),
    dead: new Array<number>(dead).fill(1),
  },
});

/** An edge says this; everything instead where that is too long for a message. */
function say(allowance: Allowance, nowUs: number, all: number, links: number, dead = 0): void {
  const told = LINK_BYTES * links + DEAD_BYTES * dead > MESSAGE_LIMIT ? all : links;
  const bytes = LINK_BYTES * told + DEAD_BYTES * dead;
  const isTaken = allowance.bytes(nowUs, bytes) && allowance.message(nowUs, report(told, 0, dead));
  assert.ok(isTaken, `${told} links and ${dead} dead ones at ${nowUs / SECOND} s`);
}

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
    for (const changed of [300, 1000]) {
      const allowance = new Allowances().of(1);
      for (let second = 0; second < 300; second++) {
        if (second % 60 === 0) say(allowance, second * SECOND, 4096, 4096);
        say(allowance, second * SECOND, 4096, changed);
      }
    }
  });

  it("is enough in an outage, when every report names all whom the edge cannot send to", () => {
    // A quarter of a thousand links die within half a second, each with a report or nearly.
    const outage = new Allowances().of(1);
    say(outage, 0, 1000, 1000);
    for (let i = 1; i <= 200; i++) say(outage, SECOND + (i * SECOND) / 400, 1000, 2, Math.round(1.25 * i));
    // Links go and come while most stay dead.
    const after = new Allowances().of(1);
    for (let i = 0; i < 15 * 120; i++) say(after, (i * SECOND) / 15, 1000, 2, 700);
    const largest = new Allowances().of(1);
    for (let i = 0; i < 15 * 120; i++) say(largest, (i * SECOND) / 15, 4096, 1, 4000);
  });

  it("is less for who names very many whom it cannot send to", () => {
    assert.equal(taken(new Allowances().of(1), 0, report(0, 0, 4096)), 100);
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

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { SuperChoice } from "../../src/node/super-choice.ts";

const SECOND = 1000;

describe("the choice among supernodes", () => {
  it("falls on the first one that answers, then at once on one before it, at the start", () => {
    const choice = new SuperChoice(0);
    assert.equal(choice.obeyed, 0);
    assert.equal(choice.isHeard, false);
    assert.equal(choice.opened(2, SECOND), true);
    assert.equal(choice.opened(1, 2 * SECOND), true);
    assert.equal(choice.opened(0, 3 * SECOND), true);
    assert.equal(choice.obeyed, 0);
    assert.equal(choice.isHeard, true);
    assert.deepEqual([...choice.open].sort(), [0, 1, 2]);
  });

  it("stays where it is when the preferred one answers first, or another one comes later", () => {
    const choice = new SuperChoice(0);
    assert.equal(choice.opened(0, 0), false);
    assert.equal(choice.opened(1, 0), false);
    assert.equal(choice.closed(1, SECOND), false);
    assert.equal(choice.obeyed, 0);
  });

  it("moves on when the one that is obeyed is lost, and back when that one has been there for a while", () => {
    const choice = new SuperChoice(0);
    choice.opened(0, 0);
    choice.opened(1, 0);
    assert.equal(choice.closed(0, 5 * SECOND), true);
    assert.equal(choice.obeyed, 1);
    assert.equal(choice.opened(0, 6 * SECOND), false, "it was lost: no haste, although all has just begun");
    assert.equal(choice.reconsider(7 * SECOND), false);
    assert.equal(choice.reconsider(36 * SECOND), false);
    assert.equal(choice.reconsider(37 * SECOND), true);
    assert.equal(choice.obeyed, 0);
    assert.equal(choice.reconsider(100 * SECOND), false);
  });

  it("counts the time anew for one that went again", () => {
    const choice = new SuperChoice(0);
    for (const index of [0, 1]) choice.opened(index, 0);
    choice.closed(0, 0);
    choice.opened(0, SECOND);
    choice.reconsider(2 * SECOND);
    choice.closed(0, 30 * SECOND);
    choice.reconsider(31 * SECOND);
    choice.opened(0, 32 * SECOND);
    assert.equal(choice.reconsider(33 * SECOND), false);
    assert.equal(choice.reconsider(62 * SECOND), false);
    assert.equal(choice.reconsider(63 * SECOND), true);
  });

  it("keeps the last one while none is there, and tells once for how long", () => {
    const choice = new SuperChoice(0);
    choice.opened(1, 40 * SECOND);
    assert.equal(choice.closed(1, 50 * SECOND), false);
    assert.equal(choice.obeyed, 1);
    assert.equal(choice.isHeard, false);
    assert.equal(choice.aloneSeconds(60 * SECOND, 50 * SECOND), undefined);
    assert.equal(choice.aloneSeconds(100 * SECOND, 0), undefined);
    assert.equal(choice.aloneSeconds(100 * SECOND, 50 * SECOND), 50);
    assert.equal(choice.aloneSeconds(200 * SECOND, 50 * SECOND), undefined);
    assert.equal(choice.opened(0, 201 * SECOND), true, "none is obeyed that is there");
  });

  it("also tells of being alone when no supernode has ever answered", () => {
    const choice = new SuperChoice(10 * SECOND);
    assert.equal(choice.aloneSeconds(59 * SECOND, 50 * SECOND), undefined);
    assert.equal(choice.aloneSeconds(60 * SECOND, 50 * SECOND), 50);
    assert.equal(choice.aloneSeconds(120 * SECOND, 50 * SECOND), undefined);
    const other = new SuperChoice(0);
    other.opened(0, SECOND);
    assert.equal(other.aloneSeconds(60 * SECOND, 50 * SECOND), undefined);
  });
});

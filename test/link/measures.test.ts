import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { LinkMeasures } from "../../src/link/measures.ts";
import { LINK_TUNING } from "../../src/link/tuning.ts";

const SECOND = 1_000_000;

describe("clock epochs of a peer", () => {
  it("that are over are known by late probes, several of them", () => {
    const measures = new LinkMeasures(LINK_TUNING);
    for (const [at, epoch] of [1, 2, 3, 4].entries())
      assert.equal(measures.noteEpoch(at * SECOND, epoch), "new");
    for (const epoch of [1, 2, 3]) assert.equal(measures.noteEpoch(4 * SECOND, epoch), "stale");
    assert.equal(measures.noteEpoch(4 * SECOND, 4), "same");
  });

  it("never make a link deaf: one that goes on arriving counts again", () => {
    const measures = new LinkMeasures(LINK_TUNING);
    measures.noteEpoch(0, 1);
    measures.noteEpoch(SECOND, 2);
    // A probe of epoch 1 that was held back for long.
    assert.equal(measures.noteEpoch(20 * SECOND, 1), "new");
    assert.equal(measures.noteEpoch(21 * SECOND, 2), "stale");
    assert.equal(measures.noteEpoch(31 * SECOND, 2), "new");
    assert.equal(measures.noteEpoch(32 * SECOND, 2), "same");
  });

  it("do not touch the round trip, which needs one clock only", () => {
    const measures = new LinkMeasures(LINK_TUNING);
    measures.noteEpoch(0, 1);
    measures.onEcho(SECOND, 0, 400_000);
    const { patienceUs } = measures;
    measures.noteEpoch(2 * SECOND, 2);
    measures.beginEpoch();
    assert.equal(measures.patienceUs, patienceUs);
    measures.sendingMoved();
    assert.ok(measures.patienceUs < patienceUs);
  });
});

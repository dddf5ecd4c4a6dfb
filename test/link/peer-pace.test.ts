import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { PeerPace } from "../../src/link/peer-pace.ts";
import { LinkPair, MS, SECOND } from "./link-pair.ts";

const OWN = 1.2 * SECOND;

function pace(...gaps: number[]): PeerPace {
  const found = new PeerPace();
  let nowUs = 0;
  found.heard(nowUs, false);
  for (const gap of gaps) found.heard((nowUs += gap), false);
  return found;
}

describe("the pace of a peer's idle probes", () => {
  it("is taken for the own one until it is clearly slower", () => {
    assert.equal(pace().longestInterval(OWN), OWN);
    assert.equal(pace(...new Array<number>(9).fill(1.2 * SECOND)).longestInterval(OWN), OWN);
    assert.equal(pace(...new Array<number>(4).fill(4 * SECOND)).longestInterval(OWN), OWN);
    assert.equal(pace(...new Array<number>(5).fill(4 * SECOND)).longestInterval(OWN), 6 * SECOND);
  });

  it("is not misled by single probes that were lost or asked for, nor by the fast schedule", () => {
    assert.equal(pace(SECOND, SECOND, 3 * SECOND, SECOND, 50 * MS).longestInterval(OWN), OWN);
    const busy = new PeerPace();
    for (let i = 0; i < 20; i++) busy.heard(i * 4 * SECOND, i % 2 === 0);
    assert.equal(busy.longestInterval(OWN), OWN);
    assert.equal(pace(...new Array<number>(5).fill(600 * SECOND)).longestInterval(OWN), 60 * SECOND);
  });

  it("lets a hub that calls seldom go without suspicion, and its death be found all the same", () => {
    const pair = new LinkPair(1, 10 * MS);
    pair.start();
    pair.a.link.idleIntervalUs = 8 * SECOND;
    pair.run(120 * SECOND);
    const before = pair.b.sent.length;
    pair.run(80 * SECOND);
    // Its own probes, one a second; three questions for each late call would be some 30 more.
    assert.ok(pair.b.sent.length - before < 110, `${pair.b.sent.length - before} probes`);
    assert.equal(pair.b.link.up, true);
    pair.a.cut = true;
    pair.run(20 * SECOND);
    assert.equal(pair.b.link.up, false);
  });
});

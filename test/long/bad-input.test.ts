// The floods of test/e2e/bad-input.test.ts for as long as the promise says, and faster than it says.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { afterEach, it } from "mocha";
import { badInputFlood, edgesAndStranger, handshakeFlood } from "../support/flood-scenario.ts";
import { describeAsRoot, median, TestBed } from "../e2e/harness.ts";

const MEBIBYTE = 1 << 20;

describeAsRoot("an edge under a long flood", function () {
  this.timeout(180_000);
  const bed = new TestBed();
  afterEach(async function () {
    await bed.close(this.currentTest?.state === "failed");
  });

  it("of 60 000 bad datagrams a second for a minute loses no ping, does not grow and counts every one", async () => {
    const under = await edgesAndStranger(bed);
    const seed = randomBytes(4).readUInt32LE();
    const figures = await badInputFlood(under, 60, 60_000, seed);
    console.log(
      JSON.stringify({ seed, ...figures, rss: figures.rss.map((bytes) => Math.round(bytes / MEBIBYTE)) }),
    );
    assert.ok(figures.flood.sent >= 50_000 * 60, `${figures.flood.sent} sent`);
    assert.equal(figures.flood.answers, 0);
    assert.equal(figures.pingLoss, 0);
    const [early, late] = [median(figures.rss.slice(5, 15)), median(figures.rss.slice(-10))];
    assert.ok(late - early < 4 * MEBIBYTE, `from ${early} to ${late} bytes`);
  });

  it("of as many bad datagrams as the machine can send still counts every one", async () => {
    const under = await edgesAndStranger(bed);
    const figures = await badInputFlood(under, 10, 1_000_000, 1);
    console.log(JSON.stringify(figures));
    assert.equal(figures.flood.answers, 0);
  });

  it("of handshakes for half a minute stays responsive and lets a true one in", async () => {
    const under = await edgesAndStranger(bed);
    const figures = await handshakeFlood(under, 30, 50_000);
    console.log(JSON.stringify(figures));
    assert.equal(figures.flood.largest, 64);
    assert.ok(figures.flood.answerBytes * 3 <= figures.flood.bytes);
    assert.ok(figures.slowestStatus < 2000, `status after ${figures.slowestStatus} ms`);
    assert.ok(figures.backAfter < 10_000, `new session after ${figures.backAfter} ms`);
  });
});

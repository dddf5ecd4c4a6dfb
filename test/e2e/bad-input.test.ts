// What strangers may send: rubbish in any amount, and handshakes that they have no right to.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { afterEach, it } from "mocha";
import { badInputFlood, edgesAndStranger, handshakeFlood } from "../support/flood-scenario.ts";
import { describeAsRoot, TestBed } from "./harness.ts";

const MEBIBYTE = 1 << 20;

describeAsRoot("an edge flooded with bad datagrams", function () {
  this.timeout(60_000);
  const bed = new TestBed();
  afterEach(async function () {
    await bed.close(this.currentTest?.state === "failed");
  });

  it("keeps answering pings, keeps its size, answers nothing and counts every datagram", async () => {
    const under = await edgesAndStranger(bed);
    const seed = randomBytes(4).readUInt32LE();
    const figures = await badInputFlood(under, 5, 60_000, seed);
    const { flood, pingLoss, rss, kernelDrops } = figures;
    assert.ok(flood.sent >= 250_000, `${flood.sent} sent (seed ${seed})`);
    assert.equal(flood.answers, 0, `answers to rubbish (seed ${seed})`);
    assert.equal(pingLoss, 0, `ping loss (seed ${seed}), kernel drops ${kernelDrops}`);
    const growth = (rss.at(-1) ?? 0) - (rss[0] ?? 0);
    assert.ok(growth < 24 * MEBIBYTE, `grew by ${growth} bytes (seed ${seed})`);
  });

  it("stays responsive under handshakes that only lack a key, answers less, and lets a true one in", async () => {
    const under = await edgesAndStranger(bed);
    const figures = await handshakeFlood(under, 6, 20_000);
    const { flood, pingLoss, slowestStatus, backAfter } = figures;
    assert.ok(flood.sent >= 90_000, `${flood.sent} sent`);
    assert.ok(flood.answers > 0, "cookies were given");
    assert.equal(flood.largest, 64, "and nothing else");
    assert.ok(flood.answerBytes * 3 <= flood.bytes, `${flood.answerBytes} bytes for ${flood.bytes}`);
    assert.ok(slowestStatus < 2000, `status after ${slowestStatus} ms`);
    assert.equal(pingLoss, 0, "the session that was there");
    assert.ok(backAfter < 4000, `new session after ${backAfter} ms`);
  });
});

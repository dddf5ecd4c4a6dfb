// What happens to traffic when the way that it takes dies.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import { describeAsRoot } from "./harness.ts";
import { sleep } from "./outage.ts";
import { dropsOf, eventuallyKeeps, everybodyAnswers, flow, statusOf, SuperBed } from "./super-bed.ts";
import type { CloudMesh } from "./super-bed.ts";

/** a→b directly is slow; r is a fast relay and s the second best. */
const RELAYS = {
  edges: ["a", "b", "r", "s"],
  all: { delayMs: 10 },
  ways: { "a>b": { delayMs: 60 }, "b>a": { delayMs: 60 }, "a>s": { delayMs: 15 }, "s>b": { delayMs: 15 } },
};
/** Generous: the budget is judged over many runs, by hand. */
const OUTAGE_LIMIT_MS = 3000;

describeAsRoot("traffic over a relay", function () {
  this.timeout(90_000);
  const bed = new SuperBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  async function outage(harm: (mesh: CloudMesh) => Promise<unknown>): Promise<void> {
    const mesh = await bed.start(RELAYS);
    await everybodyAnswers(mesh);
    await eventuallyKeeps(mesh, "a r b");
    const steady = await flow(mesh, "a", "b");
    await sleep(1000);
    await harm(mesh);
    await sleep(4000);
    const report = await steady.stop();
    console.log(`      outage ${report.outage.ms.toFixed(0)} ms, ${report.lost} of ${report.sent} lost`);
    assert.ok(report.outage.ms < OUTAGE_LIMIT_MS, `${report.outage.ms} ms`);
    assert.equal(report.duplicated, 0);
    assert.equal(await dropsOf(mesh, "dropTtl"), 0);
  }

  it("takes another way when the relay's process is killed", () =>
    outage((mesh) => mesh.program("r").crash()));

  it("takes another way when the link to the relay is cut", () =>
    outage((mesh) => mesh.lab.wires("a", "r").cut()));

  it("takes another way when the link to the relay is cut in the sending direction only", () =>
    outage((mesh) => mesh.lab.wire("a", "r").cut()));

  it("takes another way when the relay's own link to the destination is cut", () =>
    outage((mesh) => mesh.lab.wires("r", "b").cut()));
});

describeAsRoot("a session of two nodes of whom only one reaches the other directly", function () {
  this.timeout(90_000);
  const bed = new SuperBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  it("is renewed by way of others, although only that one begins", async () => {
    const mesh = bed.prepare({
      edges: ["a", "b", "r"],
      all: { delayMs: 5 },
      adjust: (config, { name }) => {
        // b keeps old keys for three minutes: nothing but a's renewals can go wrong.
        if (name === "a") config["sessionTimers"] = { rekeyAfter: 3, rejectAfter: 9 };
      },
    });
    await mesh.start();
    await everybodyAnswers(mesh);
    await eventuallyKeeps(mesh, "a b");
    await mesh.lab.wire("b", "a").cut();
    await eventuallyKeeps(mesh, "b r a");
    const handshakes = async (): Promise<number> =>
      (await statusOf(mesh, "a")).peers.find(({ name }) => name === "b")?.session.handshakes ?? 0;
    const before = await handshakes();
    const steady = await flow(mesh, "a", "b");
    await sleep(15_000);
    const report = await steady.stop();
    const count = (await handshakes()) - before;
    console.log(`      ${report.lost} of ${report.sent} lost, ${count} handshakes`);
    assert.equal(report.lost, 0);
    assert.ok(count >= 2);
  });
});

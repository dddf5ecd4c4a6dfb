// Outages over many runs: RUNS=50 tools/test-long test/long/super-failover.test.ts

import assert from "node:assert/strict";
import { it } from "mocha";
import { describeAsRoot } from "../e2e/harness.ts";
import { sleep } from "../e2e/outage.ts";
import {
  dropsOf,
  eventuallyKeeps,
  everybodyAnswers,
  flow,
  percentile,
  SuperBed,
  type CloudMesh,
} from "../e2e/super-bed.ts";

const runs = Number(process.env["RUNS"] ?? 50);

/** a→b directly is slow; r is a fast relay and s the second best. */
const RELAYS = {
  edges: ["a", "b", "r", "s"],
  all: { delayMs: 10 },
  ways: { "a>b": { delayMs: 60 }, "b>a": { delayMs: 60 }, "a>s": { delayMs: 15 }, "s>b": { delayMs: 15 } },
};

interface Result {
  outageMs: number;
  lost: number;
  duplicated: number;
  ttlDrops: number;
}

async function once(harm: (mesh: CloudMesh) => Promise<unknown>): Promise<Result> {
  const bed = new SuperBed();
  const mesh = await bed.start(RELAYS);
  try {
    await everybodyAnswers(mesh);
    await eventuallyKeeps(mesh, "a r b");
    const steady = await flow(mesh, "a", "b");
    await sleep(1000 + Math.random() * 1000);
    await harm(mesh);
    await sleep(4000);
    const { outage, lost, duplicated } = await steady.stop();
    return { outageMs: outage.ms, lost, duplicated, ttlDrops: await dropsOf(mesh, "dropTtl") };
  } catch (error) {
    console.error(mesh.logs());
    throw error;
  } finally {
    await bed.close();
  }
}

describeAsRoot("the outage of traffic over a relay, over many runs,", function () {
  const kinds: [string, (mesh: CloudMesh) => Promise<unknown>][] = [
    ["when the relay's process is killed", (mesh) => mesh.program("r").crash()],
    ["when the link to it is cut", (mesh) => mesh.lab.wires("a", "r").cut()],
    ["when the link to it is cut in the sending direction", (mesh) => mesh.lab.wire("a", "r").cut()],
  ];
  for (const [name, harm] of kinds) {
    it(name, async function () {
      this.timeout(runs * 90_000);
      const results: Result[] = [];
      for (let run = 0; run < runs; run++) {
        const result = await once(harm);
        results.push(result);
        console.log(`      ${run + 1}/${runs}: ${result.outageMs.toFixed(0)} ms, ${result.lost} lost`);
      }
      const outages = results.map(({ outageMs }) => outageMs);
      const [p50, p95] = [percentile(outages, 0.5), percentile(outages, 0.95)];
      console.log(
        `      p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, worst ${Math.max(...outages).toFixed(0)} ms`,
      );
      assert.equal(Math.max(...results.map(({ duplicated }) => duplicated)), 0);
      assert.equal(Math.max(...results.map(({ ttlDrops }) => ttlDrops)), 0);
      assert.ok(p50 <= 600 && p95 <= 1000);
    });
  }
});

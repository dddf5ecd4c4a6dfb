// The first seconds of a network: links are young, tables change every second, some nodes have new rows before others.
// RUNS=20 tools/test-long test/long/super-start.test.ts

import assert from "node:assert/strict";
import { it } from "mocha";
import { describeAsRoot } from "../e2e/harness.ts";
import { sleep } from "../e2e/outage.ts";
import { dropsOf, everybodyAnswers, flow, SuperBed } from "../e2e/super-bed.ts";

const runs = Number(process.env["RUNS"] ?? 10);

/** Directions that differ, so that most pairs go over relays one way and directly back. */
const NETWORK = {
  edges: ["berlin", "lima", "osaka", "dakar", "oslo"],
  all: { delayMs: 60 },
  ways: {
    "berlin>lima": { delayMs: 110 },
    "lima>berlin": { delayMs: 25 },
    "berlin>dakar": { delayMs: 12 },
    "dakar>lima": { delayMs: 14 },
    "berlin>oslo": { delayMs: 18 },
    "oslo>lima": { delayMs: 22 },
    "berlin>osaka": { delayMs: 90 },
    "osaka>berlin": { delayMs: 90 },
  },
};
const PAIRS = ["berlin lima", "lima berlin", "berlin osaka", "osaka berlin", "dakar berlin", "oslo lima"];

describeAsRoot("a network that has just come up", function () {
  it(`loses no packet and doubles none while it finds its ways, in ${runs} starts`, async function () {
    this.timeout(runs * 60_000);
    const losses: string[] = [];
    for (let run = 1; run <= runs; run++) {
      const bed = new SuperBed();
      const mesh = await bed.start(NETWORK);
      try {
        await everybodyAnswers(mesh);
        const flows = [];
        for (const pair of PAIRS) {
          const [from = "", to = ""] = pair.split(" ");
          flows.push({ pair, packets: await flow(mesh, from, to, 50) });
        }
        await sleep(6000);
        for (const { pair, packets } of flows) {
          const { lost, duplicated } = await packets.stop();
          if (lost + duplicated > 0) losses.push(`run ${run}: ${pair} lost ${lost}, doubled ${duplicated}`);
        }
        const [loops, ttl] = [await dropsOf(mesh, "dropTransitLoop"), await dropsOf(mesh, "dropTtl")];
        if (loops + ttl > 0) losses.push(`run ${run}: ${loops} packets turned back, ${ttl} ran out of TTL`);
      } finally {
        await bed.close();
      }
    }
    assert.deepEqual(losses, []);
  });
});

// Traffic for an hour with keys that live a few seconds: memory does not grow and nothing stalls.
//   SOAK_SECONDS=60 tools/test-long test/long/rekey-soak.test.ts
// SOAK_RATE=800M holds the flow at that rate, so that the machine can do something else meanwhile.
//
// A machine that is itself stopped for a while, as virtual ones are, stops everything on it: such pauses are watched for by
// processes of the highest urgency, printed, and a stall beside one of them is not put down to the nodes.
//
// Memory is what is left when all garbage was collected: an hour without is 220 KB a minute and node, with it 0 from the
// eighth minute on.

import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, it } from "mocha";
import { Child } from "../../tools/netlab/child.ts";
import { nativeProgram } from "../../tools/netlab/native.ts";
import { chain, describeAsRoot, type Edge, iperf, settle, TestBed } from "../e2e/harness.ts";

const RATE = process.env["SOAK_RATE"];
const SECONDS = Number(process.env["SOAK_SECONDS"] ?? 3600);
/** Of iperf3's JSON for one piece; the whole hour in one would be 36 000 intervals. Memory is looked at in between. */
const PIECE = Math.min(300, SECONDS);
const WARM_UP = Math.min(10, SECONDS / 4);
/** Looks until memory counts: functions are still being compiled. */
const SETTLED = Math.min(2, Math.floor(SECONDS / PIECE / 2));
const GROWTH_BYTES = 16 * 2 ** 20;
/** ms: pauses of the machine that can make TCP miss a tenth of a second; and how near to one a stall must be. */
const PAUSE = 50;
const NEAR = 500;

describeAsRoot(`${SECONDS} s of traffic with short-lived keys`, function () {
  this.timeout((SECONDS + 120) * 1000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  const rss = (edges: readonly Edge[]): number => edges.reduce((sum, edge) => sum + edge.child.rssBytes(), 0);

  it("neither grow memory nor stall the flow", async () => {
    const { mesh } = await bed.mesh(chain(["a", "b"]), {
      adjust: (config) => (config["sessionTimers"] = { rekeyAfter: 3, rejectAfter: 8 }),
      env: { NODE_OPTIONS: `--import=${join(import.meta.dirname, "../support/collect-garbage.mjs")}` },
    });
    await settle(mesh);
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    await iperf(a.node, b.node, b.address, { time: WARM_UP });
    const sizes = [rss([a, b])];
    const watch = new Child([nativeProgram("pauses"), `${PAUSE}`]);
    let [intervals, bytes, left] = [0, 0, SECONDS];
    const stalls: number[] = [];
    while (left > 0) {
      const time = Math.min(PIECE, left);
      const pace = RATE === undefined ? {} : { bitrate: RATE };
      const begin = Date.now();
      const flow = await iperf(a.node, b.node, b.address, { time, ...pace, extra: ["-i", "0.1"] });
      for (const { start, bitsPerSecond } of flow.intervals) {
        if (bitsPerSecond === 0) stalls.push(begin + start * 1000);
      }
      intervals += flow.intervals.length;
      bytes += flow.bytes;
      left -= time;
      sizes.push(rss([a, b]));
    }
    const [before = 0, after = 0] = [sizes[SETTLED], sizes.at(-1)];
    await watch.stop("SIGTERM");
    const pauses = [...watch.log.matchAll(/^(\d+) (\d+) \d+$/gm)].map(([, at, ms]) => [
      Number(at),
      Number(ms),
    ]);
    const own = stalls.filter((stall) => !pauses.some(([at = 0]) => Math.abs(at - stall) < NEAR));
    const status = await a.status();
    const handshakes = status.peers[0]?.session.handshakes ?? 0;
    console.log(
      `      ${(bytes / 1e9).toFixed(1)} GB, ${handshakes} handshakes, ${stalls.length} of ${intervals} tenths of a second ` +
        `without a byte, ${own.length} of them not beside a pause of the machine (${pauses.length} pauses, ` +
        `up to ${Math.max(0, ...pauses.map(([, ms = 0]) => ms))} ms); RSS of both every ${PIECE} s, MB: ${sizes.map((size) => (size / 2 ** 20).toFixed(0)).join(" ")}`,
    );
    assert.ok(handshakes >= SECONDS / 10, `${handshakes} handshakes`);
    assert.equal(own.length, 0);
    assert.ok(after - before <= GROWTH_BYTES, `grew by ${((after - before) / 2 ** 20).toFixed(1)} MB`);
  });
});

// Traffic for an hour with keys that live a few seconds: memory does not grow and nothing stalls.
//   SOAK_SECONDS=60 tools/test-long test/long/rekey-soak.test.ts
// SOAK_RATE=800M holds the flow at that rate, so that the machine can do something else meanwhile.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import { chain, describeAsRoot, type Edge, iperf, settle, TestBed } from "../e2e/harness.ts";

const RATE = process.env["SOAK_RATE"];
const SECONDS = Number(process.env["SOAK_SECONDS"] ?? 3600);
/** Of iperf3's JSON for one piece; the whole hour in one would be 36 000 intervals. */
const PIECE = Math.min(600, SECONDS);
const WARM_UP = Math.min(10, SECONDS / 4);
const GROWTH_BYTES = 16 * 2 ** 20;

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
    });
    await settle(mesh);
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    await iperf(a.node, b.node, b.address, { time: WARM_UP });
    const before = rss([a, b]);
    let [stalls, intervals, bytes, left] = [0, 0, 0, SECONDS];
    while (left > 0) {
      const time = Math.min(PIECE, left);
      const pace = RATE === undefined ? {} : { bitrate: RATE };
      const flow = await iperf(a.node, b.node, b.address, { time, ...pace, extra: ["-i", "0.1"] });
      stalls += flow.intervals.filter((interval) => interval.bitsPerSecond === 0).length;
      intervals += flow.intervals.length;
      bytes += flow.bytes;
      left -= time;
    }
    const after = rss([a, b]);
    const status = await a.status();
    const handshakes = status.peers[0]?.session.handshakes ?? 0;
    console.log(
      `      ${(bytes / 1e9).toFixed(1)} GB, ${handshakes} handshakes, ${stalls} of ${intervals} tenths of a second ` +
        `without a byte, RSS of both ${(before / 2 ** 20).toFixed(1)} → ${(after / 2 ** 20).toFixed(1)} MB`,
    );
    assert.ok(handshakes >= SECONDS / 10, `${handshakes} handshakes`);
    assert.equal(stalls, 0);
    assert.ok(after - before <= GROWTH_BYTES, `grew by ${((after - before) / 2 ** 20).toFixed(1)} MB`);
  });
});

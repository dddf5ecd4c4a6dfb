// Sessions that get new keys every few seconds, under traffic.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import { chain, describeAsRoot, iperf, settle, TestBed } from "./harness.ts";
import { sleep, SteadyPing } from "./outage.ts";

describeAsRoot("a session that is renewed under traffic", function () {
  this.timeout(40_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  it("loses no ping, does not stall, and counts on", async () => {
    const { mesh } = await bed.mesh(chain(["a", "b"]), {
      adjust: (config) => (config["sessionTimers"] = { rekeyAfter: 2, rejectAfter: 5 }),
    });
    await settle(mesh);
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    const begin = (await a.status()).peers[0]?.session.handshakes ?? 0;
    const counts: { tx: number; rx: number }[] = [];
    let done = false;
    const watch = (async () => {
      while (!done) {
        const peer = (await a.status()).peers[0];
        counts.push({ tx: peer?.txBytes ?? 0, rx: peer?.rxBytes ?? 0 });
        await sleep(150);
      }
    })();

    const steady = await SteadyPing.start(a.node, b.address, 0.02);
    await sleep(6000);
    await steady.stop();
    assert.equal(steady.lost(), 0, "no ping lost");

    const flow = await iperf(a.node, b.node, b.address, { time: 6, extra: ["-i", "0.1"] });
    done = true;
    await watch;
    const handshakes = ((await a.status()).peers[0]?.session.handshakes ?? 0) - begin;
    assert.ok(handshakes >= 3, `${handshakes} handshakes`);
    const silent = flow.intervals.filter((interval) => interval.bitsPerSecond === 0);
    console.log(
      `      ${handshakes} handshakes, ${(flow.bitsPerSecond / 1e9).toFixed(1)} Gbit/s, ` +
        `${silent.length} of ${flow.intervals.length} tenths of a second without a byte`,
    );
    assert.equal(silent.length, 0);
    for (const [i, now] of counts.entries()) {
      const before = counts[i - 1] ?? { tx: 0, rx: 0 };
      assert.ok(now.tx >= before.tx && now.rx >= before.rx, "counters never fall");
    }
    const drops = (await b.status()).drops;
    assert.equal(drops["dropAuth"], 0);
    assert.equal(drops["dropReplay"], 0);
  });
});

// UDP to a machine whose kernel takes no UDP super-frames (before 6.2): each datagram is written on its own.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import { chain, describeAsRoot, iperf, settle, TestBed } from "./harness.ts";

const PAYLOAD = 200;
const HEADERS = 14 + 20 + 8;

describeAsRoot("a node without UDP segmentation", function () {
  this.timeout(60_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  it("hands every datagram of a burst to its port, whole and by itself", async () => {
    const { mesh } = await bed.mesh(chain(["a", "b"]), { env: { ETHERLOOM_TEST_NO_USO: "1" } });
    await settle(mesh);
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    const { ports: before } = await b.status();
    // iperf3 leaves room for 280 datagrams: at this pace it may sleep for 40 ms.
    const burst = { udp: true, length: PAYLOAD, bitrate: "10M", time: 3 };
    const { loss } = await iperf(a.node, b.node, b.address, burst);
    const { ports, drops } = await b.status();
    const [now, then] = [ports[0], before[0]];
    assert.ok(now && then);
    assert.ok(!now.offloads.includes("uso"));
    const frames = now.framesOut - then.framesOut;
    const mean = (now.bytesOut - then.bytesOut) / frames;
    console.log(`      ${frames} frames of ${mean.toFixed(1)} bytes, loss ${(100 * loss).toFixed(2)} %`);
    assert.ok(frames > 10_000);
    // In super-frames there is one header for many of them.
    assert.ok(Math.abs(mean - PAYLOAD - HEADERS) < 2, `${mean} bytes`);
    assert.equal(drops["dropPortFrame"] ?? 0, 0);
    assert.ok(loss < 0.05, `${loss}`);
  });
});

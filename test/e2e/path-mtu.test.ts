// Paths on which large packets vanish without a word, as they do behind many a tunnel: they are found, and avoided.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import { describeAsRoot, eventually, iperf, ping } from "./harness.ts";
import { everybodyAnswers, overlayAddress, statusOf, SuperBed, type CloudMesh } from "./super-bed.ts";

/** ICMP payload of the largest packet that the overlay's interface (1350) takes. */
const LARGE = 1350 - 28;
/** Any TCP that is not stuck reaches many times this. */
const FLOOR = 1e6;

describeAsRoot("a path that swallows large packets", function () {
  this.timeout(120_000);
  const bed = new SuperBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  async function largePass(mesh: CloudMesh, from: string, to: string): Promise<boolean> {
    const options = { count: 3, size: LARGE, dontFragment: true };
    const { received } = await ping(mesh.site(from).node, overlayAddress(mesh.site(to)), options);
    return received === 3;
  }

  const mtuOf = async (mesh: CloudMesh, from: string, to: string): Promise<number | null | undefined> =>
    (await statusOf(mesh, from)).peers.find(({ name }) => name === to)?.link?.mtu;

  it("carries frames of every size, also as a relay's second link", async () => {
    const mesh = bed.prepare({ edges: ["a", "r", "b"], all: { delayMs: 5 }, ways: { "b>r": { mtu: 1380 } } });
    for (const [from, to] of [
      ["a", "r"],
      ["r", "b"],
    ] as const) {
      await mesh.lab.wire(from, to).set({ mtu: 1400 });
    }
    await mesh.lab.wires("a", "b").cut();
    await mesh.start();
    await everybodyAnswers(mesh, 30_000);
    await eventually("the sizes are found", async () => (await mtuOf(mesh, "a", "r")) === 1400, 10_000);
    assert.equal(await mtuOf(mesh, "r", "a"), 1500);
    await eventually("the sizes are found", async () => (await mtuOf(mesh, "b", "r")) === 1380, 10_000);
    for (const to of ["r", "b"]) {
      await eventually(`large frames pass to ${to}`, () => largePass(mesh, "a", to), 10_000);
    }
    const target = mesh.site("b");
    for (const reverse of [false, true]) {
      const { bitsPerSecond } = await iperf(mesh.site("a").node, target.node, overlayAddress(target), {
        time: 2,
        reverse,
      });
      assert.ok(bitsPerSecond > FLOOR, `${bitsPerSecond} bit/s`);
    }
  });

  it("is noticed while it is in use", async () => {
    const mesh = await bed.start({ edges: ["a", "b"], all: { delayMs: 5 } });
    await everybodyAnswers(mesh);
    await eventually("the size is found", async () => (await mtuOf(mesh, "a", "b")) === 1500, 5000);
    assert.ok(await largePass(mesh, "a", "b"));
    await mesh.lab.wire("a", "b").set({ mtu: 1400 });
    assert.equal(await largePass(mesh, "a", "b"), false);
    const begin = performance.now();
    await eventually("large frames pass again", () => largePass(mesh, "a", "b"), 45_000);
    console.log(`      after ${((performance.now() - begin) / 1000).toFixed(0)} s`);
    await eventually("its size is found", async () => (await mtuOf(mesh, "a", "b")) === 1400, 10_000);
    const { peers } = await statusOf(mesh, "a");
    assert.equal(peers.find(({ name }) => name === "b")?.link?.deaths, 0);
  });
});

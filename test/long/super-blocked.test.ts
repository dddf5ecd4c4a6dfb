// Every node's main thread stands still for three seconds while its data plane carries a flow: nobody notices.
// tools/test-long test/long/super-blocked.test.ts

import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "mocha";
import { describeAsRoot, iperf } from "../e2e/harness.ts";
import { sleep } from "../e2e/outage.ts";
import { everybodyAnswers, overlayAddress, statusOf, SuperBed, type CloudMesh } from "../e2e/super-bed.ts";

const preload = join(import.meta.dirname, "../support/block-main-thread.mjs");

interface Seen {
  deaths: number;
  owdUs: (number | null)[];
  routes: string;
}

async function look(mesh: CloudMesh, name: string): Promise<Seen> {
  const { peers, routes } = await statusOf(mesh, name);
  return {
    deaths: peers.reduce((sum, { link }) => sum + (link?.deaths ?? 0), 0),
    owdUs: peers.map(({ link }) => link?.owdInUs ?? null),
    routes: JSON.stringify(routes.map(({ destination, nextHop }) => [destination, nextHop])),
  };
}

describeAsRoot("a network whose main threads all stand still", function () {
  it("for three seconds under a full flow keeps its links, its routes and its delays", async function () {
    this.timeout(120_000);
    const bed = new SuperBed();
    const mesh = bed.prepare({ edges: ["a", "b", "c"], shared: true });
    const env = { NODE_OPTIONS: `--import=${preload}` };
    try {
      await mesh.start({ env });
      await everybodyAnswers(mesh);
      await sleep(10_000);
      const names = ["a", "b", "c"];
      const target = mesh.site("b");
      const flow = iperf(mesh.site("a").node, target.node, overlayAddress(target), { time: 12 });
      await sleep(3000);
      const before = await Promise.all(names.map((name) => look(mesh, name)));
      for (const program of mesh.programs) program.child.signal("SIGUSR2");
      await sleep(4000);
      const after = await Promise.all(names.map((name) => look(mesh, name)));
      const { bitsPerSecond } = await flow;
      const moves = after.flatMap(({ owdUs }, i) =>
        owdUs.map((owd, j) => Math.abs((owd ?? 0) - (before[i]?.owdUs[j] ?? 0))),
      );
      console.log(
        `      ${(bitsPerSecond / 1e9).toFixed(2)} Gbit/s; delays moved by at most ${Math.max(...moves).toFixed(0)} µs`,
      );
      assert.deepEqual(
        after.map(({ deaths }) => deaths),
        before.map(({ deaths }) => deaths),
      );
      assert.deepEqual(
        after.map(({ routes }) => routes),
        before.map(({ routes }) => routes),
      );
    } catch (error) {
      console.error(mesh.logs());
      throw error;
    } finally {
      await bed.close();
    }
  });
});

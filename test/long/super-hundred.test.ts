// A hundred members that are all there: what one node with links to all of them and the supernode need for that.
// NODES=100 tools/test-long test/long/super-hundred.test.ts
//
// The others have links to that one node, which relays nothing, and to the supernode. A full mesh of a hundred is 10 000
// probes a second, more than two cores take, and 10 000 neighbours in the kernel, which has room for 1024 in all
// namespaces together (net.ipv4.neigh.default.gc_thresh3).

import assert from "node:assert/strict";
import { it } from "mocha";
import { describeAsRoot, eventually } from "../e2e/harness.ts";
import { sleep } from "../e2e/outage.ts";
import { SUPER, statusOf, SuperBed } from "../e2e/super-bed.ts";
import type { CloudMesh } from "../e2e/super-bed.ts";

const nodes = Number(process.env["NODES"] ?? 100);
const hub = "n1";
/** Started together. */
const batch = 5;
/** A node looks at its memory once a minute. */
const settleSeconds = 130;
const megabyte = 2 ** 20;

/** Only the hub and the supernode can be reached from the others. */
function star(mesh: CloudMesh): void {
  const reachable = [hub, SUPER].map((name) => mesh.site(name).node.address);
  for (const { node, name } of mesh.sites) {
    if (name === hub || name === SUPER) continue;
    node.exec(["ip", "-6", "addr", "flush", "dev", "eth0"]);
    for (const address of reachable) node.exec(["ip", "route", "replace", `${address}/32`, "dev", "eth0"]);
    node.exec(["ip", "route", "del", `${reachable[0]?.replace(/\d+$/, "0")}/24`, "dev", "eth0"]);
  }
}

/** Links of the hub that are up, and sessions that it has, without those with the supernode. */
async function ready(mesh: CloudMesh): Promise<{ links: number; sessions: number }> {
  const { peers } = await statusOf(mesh, hub);
  const members = peers.filter(({ nodeId }) => nodeId <= nodes + 1);
  return {
    links: members.filter(({ link }) => link?.state === "up").length,
    sessions: members.filter(({ session }) => session.state === "established").length,
  };
}

describeAsRoot(`a network of ${nodes} members that are all there`, function () {
  it("costs the node that has links to all of them and the supernode no more than 150 MB", async function () {
    this.timeout(1_800_000);
    const bed = new SuperBed();
    const edges = Array.from({ length: nodes + 1 }, (_, i) => `n${i + 1}`);
    const mesh = bed.prepare({
      edges,
      shared: true,
      adjust: (config, { mode, name }) => {
        if (name === hub) config["relay"] = "never";
        else if (mode === "edge") config["interface"] = { iType: "dummy" };
      },
    });
    try {
      star(mesh);
      const begin = performance.now();
      const seconds = (): string => `${((performance.now() - begin) / 1000).toFixed(0)} s`;
      await mesh.program(SUPER).start();
      for (let i = 0; i < edges.length; i += batch) {
        await Promise.all(mesh.edges.slice(i, i + batch).map((edge) => edge.start({ timeout: 120_000 })));
      }
      console.log(`      all started after ${seconds()}`);
      let last = { links: 0, sessions: 0 };
      await eventually(
        "the hub has links and sessions to all",
        async () => {
          // While all of them are busy with each other, an answer may take its time.
          last = await ready(mesh).catch(() => last);
          return last.links === nodes && last.sessions === nodes;
        },
        600_000,
      ).catch((error: unknown) => {
        throw new Error(`${(error as Error).message}: ${last.links} links, ${last.sessions} sessions`);
      });
      console.log(`      all connected after ${seconds()}`);
      await sleep(settleSeconds * 1000);
      assert.deepEqual(await ready(mesh), { links: nodes, sessions: nodes });
      const { control, peers } = await statusOf(mesh, SUPER);
      assert.equal(control?.connected, nodes + 1);
      assert.equal(peers.filter(({ link }) => link?.state === "up").length, nodes + 1);
      const sizeOf = (name: string): number => mesh.program(name).child.rssBytes() / megabyte;
      const others = edges.filter((name) => name !== hub).map(sizeOf);
      console.log(
        `      RSS of the hub ${sizeOf(hub).toFixed(0)} MB, of the supernode ${sizeOf(SUPER).toFixed(0)} MB, ` +
          `of the others ${Math.min(...others).toFixed(0)} to ${Math.max(...others).toFixed(0)} MB`,
      );
      assert.ok(Math.max(sizeOf(hub), sizeOf(SUPER), ...others) <= 150);
    } catch (error) {
      console.error(mesh.program(SUPER).child.log.slice(-2000), mesh.program(hub).child.log.slice(-2000));
      throw error;
    } finally {
      await bed.close();
    }
  });
});

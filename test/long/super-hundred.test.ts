// A hundred members that are all there: what one node and the supernode need for them.
// NODES=100 tools/test-long test/long/super-hundred.test.ts
// On two cores a hundred nodes do not get ready: NODES=40 is what such a machine takes.

import assert from "node:assert/strict";
import { it } from "mocha";
import { describeAsRoot, eventually, waitForPing } from "../e2e/harness.ts";
import { sleep } from "../e2e/outage.ts";
import { overlayAddress, SUPER, statusOf, SuperBed } from "../e2e/super-bed.ts";

const nodes = Number(process.env["NODES"] ?? 100);
/** Started together. */
const batch = 5;
/** The two that move frames; all others have a dummy port. */
const pair = ["n1", "n2"];
const settleSeconds = 60;
const megabyte = 2 ** 20;

describeAsRoot(`a network of ${nodes} members that are all there`, function () {
  it("costs each of them no more than 150 MB", async function () {
    this.timeout(900_000);
    const bed = new SuperBed();
    const edges = Array.from({ length: nodes + 1 }, (_, i) => `n${i + 1}`);
    const mesh = bed.prepare({
      edges,
      shared: true,
      adjust: (config, { mode, name }) => {
        if (mode === "edge" && !pair.includes(name)) config["interface"] = { iType: "dummy" };
      },
    });
    try {
      await mesh.program(SUPER).start();
      for (let i = 0; i < edges.length; i += batch) {
        await Promise.all(mesh.edges.slice(i, i + batch).map((edge) => edge.start({ timeout: 60_000 })));
      }
      await waitForPing(mesh.site("n1").node, overlayAddress(mesh.site("n2")), 60_000);
      let up = 0;
      await eventually(
        "all links of n1 are up",
        async () => {
          const { peers } = await statusOf(mesh, "n1");
          up = peers.filter(({ nodeId, link }) => nodeId <= nodes + 1 && link?.state === "up").length;
          return up === nodes;
        },
        300_000,
      ).catch((error: unknown) => {
        throw new Error(`${(error as Error).message}: ${up} are`);
      });
      await sleep(settleSeconds * 1000);
      const { peers, routes } = await statusOf(mesh, "n1");
      const sizes = mesh.edges.map(({ child }) => child.rssBytes() / megabyte);
      console.log(
        `      ${peers.length - 1} members, ${routes.length} routes; RSS ${Math.min(...sizes).toFixed(0)} to ` +
          `${Math.max(...sizes).toFixed(0)} MB, of n1 ${sizes[0]?.toFixed(0)} MB, of the supernode ` +
          `${(mesh.program(SUPER).child.rssBytes() / megabyte).toFixed(0)} MB`,
      );
      assert.ok(Math.max(...sizes) <= 150);
    } catch (error) {
      console.error(mesh.program(SUPER).child.log.slice(-2000), mesh.program("n1").child.log.slice(-2000));
      throw error;
    } finally {
      await bed.close();
    }
  });
});

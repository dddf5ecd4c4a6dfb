// The supernode is gone for five minutes: AWAY_SECONDS=300 tools/test-long test/long/super-away.test.ts

import assert from "node:assert/strict";
import { it } from "mocha";
import { describeAsRoot, eventually, waitForPing } from "../e2e/harness.ts";
import { sleep } from "../e2e/outage.ts";
import {
  eventuallyGoes,
  everybodyAnswers,
  flow,
  overlayAddress,
  SUPER,
  statusOf,
  SuperBed,
} from "../e2e/super-bed.ts";

const awaySeconds = Number(process.env["AWAY_SECONDS"] ?? 300);

describeAsRoot("a supernode that is killed and comes back much later", function () {
  it("costs no packet, no session, no route, and a new edge joins then", async function () {
    this.timeout((awaySeconds + 180) * 1000);
    const bed = new SuperBed();
    const mesh = bed.prepare({
      edges: ["a", "b", "r", "late"],
      all: { delayMs: 10 },
      ways: { "a>b": { delayMs: 60 } },
    });
    try {
      await mesh.program(SUPER).start();
      await Promise.all(["a", "b", "r"].map((name) => mesh.program(name).start()));
      await waitForPing(mesh.site("a").node, overlayAddress(mesh.site("b")), 15_000, 0.5);
      await eventuallyGoes(mesh, "a r b", 30_000);
      const steady = await flow(mesh, "a", "b");
      const handshakes = async (): Promise<number> =>
        (await statusOf(mesh, "a")).peers.find(({ name }) => name === "b")?.session.handshakes ?? 0;
      const before = await handshakes();
      await mesh.program(SUPER).crash();
      await sleep(awaySeconds * 1000);
      await mesh.program(SUPER).start();
      await eventually(
        "the edges are back",
        async () => (await statusOf(mesh, SUPER)).control?.connected === 3,
        30_000,
      );
      await sleep(30_000);
      await eventuallyGoes(mesh, "a r b", 1000);
      const { lost, sent, duplicated } = await steady.stop();
      console.log(
        `      ${lost} of ${sent} lost, ${duplicated} twice, ${(await handshakes()) - before} handshakes`,
      );
      assert.equal(lost, 0);
      assert.equal(duplicated, 0);
      if (awaySeconds >= 300) assert.ok((await handshakes()) - before >= 2);
      await mesh.program("late").start();
      await everybodyAnswers(mesh);
    } catch (error) {
      console.error(mesh.logs());
      throw error;
    } finally {
      await bed.close();
    }
  });
});

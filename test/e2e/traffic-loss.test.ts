// Loss on the underlay costs time, never bytes.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, it } from "mocha";
import { sendFileThrough } from "../support/file-transfer.ts";
import { chain, describeAsRoot, settle, TestBed } from "./harness.ts";

describeAsRoot("an underlay that loses datagrams", function () {
  this.timeout(90_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  for (const mtu of [1350, 1404]) {
    const cut = mtu > 1358 ? ", in two fragments each" : "";
    it(`carries a file whole through a relay at 1 % loss, frames of MTU ${mtu}${cut}`, async () => {
      // Without offloads, so that a single datagram is lost and not a train of them.
      const topology = chain(["a", "r", "b"], { offload: false });
      const adjust = (config: { interface: Record<string, unknown> }): void => {
        config.interface["mtu"] = mtu;
      };
      const { mesh } = await bed.mesh(topology, { adjust });
      await settle(mesh);
      const [a, r, b] = [mesh.edge("a"), mesh.edge("r"), mesh.edge("b")];
      r.node.lose(0.01);
      const folder = mkdtempSync(join(tmpdir(), "etherloom-loss-"));
      try {
        const data = randomBytes(mtu === 1350 ? 100_000_000 : 10_000_000);
        writeFileSync(join(folder, "sent"), data);
        const start = performance.now();
        const hash = await sendFileThrough(a, b, join(folder, "sent"), join(folder, "received"));
        const seconds = (performance.now() - start) / 1000;
        assert.equal(hash, createHash("sha256").update(data).digest("hex"));
        const lost = Number(
          /packets (\d+)/.exec(r.node.exec(["nft", "list", "table", "inet", "lab"]).stdout)?.[1],
        );
        console.log(`      ${data.length / 1e6} MB in ${seconds.toFixed(1)} s, ${lost} datagrams lost`);
        assert(lost > data.length / mtu / 300, `${lost} datagrams lost`);
        // Without a repair at the wire, half a frame is given up in time and counted.
        const { counters, drops } = await b.status();
        if (mtu > 1358) {
          assert((counters["fragmentsReceived"] ?? 0) > 0);
          assert((drops["dropFragment"] ?? 0) > 0);
        } else {
          assert.equal(counters["fragmentsReceived"], 0);
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});

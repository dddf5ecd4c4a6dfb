// Files through a relay that loses datagrams, for a long time: different shares, ciphers and sizes of frames.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, it } from "mocha";
import { sendFileThrough } from "../support/file-transfer.ts";
import { chain, describeAsRoot, type EdgeConfig, settle, TestBed } from "../e2e/harness.ts";

const SIZE = 100_000_000;
const ROUNDS = 10;

describeAsRoot("files of 100 MB through a relay that loses datagrams", function () {
  this.timeout(3_600_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  for (const share of [0.001, 0.01, 0.03]) {
    for (const mtu of [1350, 1404]) {
      for (const aead of ["aes-256-gcm", "chacha20-poly1305"]) {
        it(`arrive whole at ${share * 100} % loss, MTU ${mtu}, ${aead}`, async () => {
          const adjust = (config: EdgeConfig): void => {
            config.interface["mtu"] = mtu;
            config["aead"] = aead;
            // Sessions change while the files are on their way.
            config["sessionTimers"] = { rekeyAfter: 5, rejectAfter: 15 };
          };
          const { mesh } = await bed.mesh(chain(["a", "r", "b"], { offload: false }), { adjust });
          await settle(mesh);
          const [a, r, b] = [mesh.edge("a"), mesh.edge("r"), mesh.edge("b")];
          r.node.lose(share);
          const folder = mkdtempSync(join(tmpdir(), "etherloom-loss-"));
          try {
            for (let round = 0; round < ROUNDS; round++) {
              const data = randomBytes(SIZE);
              writeFileSync(join(folder, "sent"), data);
              const [from, to] = round % 2 === 0 ? [a, b] : [b, a];
              const start = performance.now();
              const target = join(folder, `received${round}`);
              const hash = await sendFileThrough(from, to, join(folder, "sent"), target, 600_000);
              assert.equal(hash, createHash("sha256").update(data).digest("hex"));
              console.log(`      round ${round}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
              rmSync(target);
            }
          } finally {
            rmSync(folder, { recursive: true, force: true });
          }
        });
      }
    }
  }
});

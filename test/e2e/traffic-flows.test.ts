// What ends see of the network under load: UDP in order, TCP whole, over IPv4 and IPv6.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, it } from "mocha";
import { sendFileThrough } from "../support/file-transfer.ts";
import { chain, describeAsRoot, type Edge, iperf, type Mesh, ping, settle, TestBed } from "./harness.ts";

const script = join(import.meta.dirname, "../support/datagrams.py");
const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

const FLOWS = 4;
const PER_FLOW = 1000;

/** Sends numbered datagrams of several flows; for each flow the numbers in order of arrival. */
async function numbered(from: Edge, to: Edge, address: string): Promise<number[][]> {
  // While the kernel looks for a neighbour, what it sends when that is found may overtake what waited for it.
  assert.equal((await ping(from.node, address, { count: 1 })).received, 1);
  const receiver = to.node.spawn([python, "-I", script, "receive", address, "9000", "1"]);
  await receiver.waitFor(/^listening$/m, 10_000);
  await from.node.execAsync([python, "-I", script, "send", address, "9000", `${FLOWS}`, `${PER_FLOW}`]);
  await receiver.waitFor(/^done$/m, 30_000);
  const flows: number[][] = Array.from({ length: FLOWS }, () => []);
  for (const [, flow, number, size] of receiver.log.matchAll(/^(\d+) (\d+) (\w+)$/gm)) {
    assert.notEqual(size, "damaged", `flow ${flow} number ${number}`);
    flows[Number(flow)]?.push(Number(number));
  }
  return flows;
}

for (const [way, names, ipv6] of [
  ["directly", ["a", "b"], false],
  ["through a relay", ["a", "r", "b"], false],
  ["through two relays over an IPv6 underlay", ["a", "r1", "r2", "b"], true],
] as const) {
  describeAsRoot(`traffic ${way}`, function () {
    this.timeout(60_000);
    const bed = new TestBed();
    const folder = mkdtempSync(join(tmpdir(), "etherloom-traffic-"));
    let mesh: Mesh;
    let a: Edge;
    let b: Edge;
    let failed = false;

    before(async () => {
      ({ mesh } = await bed.mesh(chain([...names]), { ipv6 }));
      [a, b] = [mesh.edge("a"), mesh.edge("b")];
      await settle(mesh);
    });
    afterEach(function () {
      failed ||= this.currentTest?.state === "failed";
    });
    after(async () => {
      rmSync(folder, { recursive: true, force: true });
      await bed.close(failed);
    });

    for (const family of ["IPv4", "IPv6"] as const) {
      const addressOf = (edge: Edge): string => (family === "IPv4" ? edge.address : edge.address6);

      it(`keeps the order of each UDP flow over ${family}`, async () => {
        const flows = await numbered(a, b, addressOf(b));
        for (const [flow, numbers] of flows.entries()) {
          const disorder = numbers.findIndex((number, i) => i > 0 && number <= (numbers[i - 1] ?? 0));
          assert.equal(disorder, -1, `flow ${flow}: ${numbers[disorder - 1]} then ${numbers[disorder]}`);
          // Twice the same number would be disorder as well; a machine under load may drop at a queue.
          assert(numbers.length > PER_FLOW * 0.95, `flow ${flow}: ${numbers.length} of ${PER_FLOW}`);
        }
      });

      it(`carries pings of all sizes over ${family}`, async () => {
        for (const size of [0, 1, 17, 1000, 1302, 4000]) {
          const result = await ping(a.node, addressOf(b), { count: 2, interval: 0.2, size });
          assert.equal(result.received, 2, `${size} bytes`);
        }
      });

      it(`carries TCP and UDP over ${family}`, async () => {
        // One family forth, the other back.
        const [from, to] = family === "IPv4" ? [a, b] : [b, a];
        const tcp = await iperf(from.node, to.node, addressOf(to), { time: 1 });
        const udp = await iperf(to.node, from.node, addressOf(from), {
          time: 1,
          udp: true,
          length: 1200,
          bitrate: "50M",
        });
        console.log(`      ${family} ${way}: ${(tcp.bitsPerSecond / 1e9).toFixed(2)} Gbit/s`);
        assert(tcp.bitsPerSecond > 2e8, `${tcp.bitsPerSecond} bit/s`);
        assert(udp.loss < 0.05, `UDP loss ${udp.loss}`);
      });
    }

    it("carries a file of 30 MB whole", async () => {
      const file = join(folder, "sent");
      const data = randomBytes(30_000_000);
      writeFileSync(file, data);
      const received = await sendFileThrough(a, b, file, join(folder, "received"));
      assert.equal(received, createHash("sha256").update(data).digest("hex"));
      assert(readFileSync(join(folder, "received")).equals(data));
    });
  });
}

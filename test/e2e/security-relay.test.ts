// A relay, and whoever sits on its wires, sees sealed bytes and can change none of them.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterEach, it } from "mocha";
import { searchKeys } from "../support/memory.ts";
import {
  chain,
  describeAsRoot,
  eventually,
  overlayInterface,
  ping,
  settle,
  TestBed,
  type Edge,
  type MeshUnderTest,
} from "./harness.ts";

const TRANSIT_HEADER = 40;

/** The UDP payloads of a capture. */
const payloads = (rows: string[][]): Buffer[] =>
  rows
    .map(([hex = ""]) => Buffer.from(hex.replaceAll(":", ""), "hex"))
    .filter((datagram) => datagram.length > 0);

describeAsRoot("a relay", function () {
  this.timeout(60_000);
  const bed = new TestBed();
  afterEach(async function () {
    await bed.close(this.currentTest?.state === "failed");
  });

  it("carries no frame content on its wires, and none of the keys it holds opens a record", async () => {
    const under = await bed.mesh(chain(["a", "r", "b"], { offload: false }));
    const { mesh } = under;
    await settle(mesh);
    const [a, r, b] = ["a", "r", "b"].map((name) => mesh.edge(name)) as [Edge, Edge, Edge];
    const marker = randomBytes(16);
    const captures = await Promise.all([
      r.node.capture(r.node.interfaceTo(a.node), "udp"),
      r.node.capture(r.node.interfaceTo(b.node), "udp"),
      a.node.capture(overlayInterface),
    ]);
    const pattern = marker.toString("hex");
    for (let i = 0; i < 10; i++) {
      a.node.exec(["ping", "-n", "-c", "1", "-W", "2", "-s", "400", "-p", pattern, b.address]);
    }
    for (const capture of captures) await capture.stop();
    const [fromA, toB, inside] = captures.map((capture) => capture.bytes());
    assert.ok(inside?.includes(marker), "the marker is in what a sent");
    for (const bytes of [fromA, toB]) {
      assert.ok(bytes && bytes.length > 5000, "the relay carried it");
      for (let at = 0; at + 8 <= 16; at++) {
        assert.equal(bytes.includes(marker.subarray(at, at + 8)), false, "no part of the marker");
      }
      // Nor addresses of the overlay, which every frame has.
      assert.equal(bytes.includes(Buffer.from([10, 77, 0, 1, 10, 77, 0, 3])), false);
    }

    const wire = payloads(captures[0]?.fields(["udp.payload"], `ip.src==${a.node.address}`) ?? []);
    const transit = wire.filter((datagram) => datagram[0] === 5 && datagram.length > 400);
    assert.ok(transit.length >= 10);
    const header = transit.at(-1) ?? Buffer.alloc(0);
    const record = header.subarray(TRANSIT_HEADER);
    const pidOf = async (edge: Edge): Promise<number> => (await edge.status()).node.pid;
    // The search is worth something: it finds the relay's own key, for the header, and the record's at its destination.
    const atRelay = searchKeys(await pidOf(r), [header, record]);
    const atEnd = searchKeys(await pidOf(b), [header, record]);
    const found = [atRelay, atEnd].map((search) => search.found.map((keys) => keys.size));
    assert.deepEqual(found, [
      [1, 0],
      [0, 1],
    ]);
    assert.ok(atRelay.tried > 10_000, `${atRelay.tried} keys tried in ${atRelay.bytes} bytes`);
  });

  it("lets no byte pass that was changed on the way: each is one counted drop, there or at the destination", async () => {
    const under: MeshUnderTest = bed.prepare(chain(["a", "m", "r", "b"]), {
      pairs: [
        ["a", "r"],
        ["r", "b"],
      ],
      adjust: (config) => {
        config.peers = config.peers.filter((peer) => peer.nodeId !== 2);
        for (const peer of config.peers) {
          // a finds r behind the box, and r learns where a is.
          if (config.nodeName === "a" && peer.nodeId === 3) peer.endPoint = "192.0.2.2:4000";
          if (config.nodeName === "r" && peer.nodeId === 1) delete peer.endPoint;
        }
      },
    });
    const { lab, mesh } = under;
    const box = lab
      .node("m")
      .spawn(
        [process.execPath, join(import.meta.dirname, "../support/middlebox.ts"), "4000", "192.0.2.3", "3001"],
        {
          stdin: "pipe",
        },
      );
    await box.waitFor(/^ready$/m, 10_000);
    const [a, r, b] = ["a", "r", "b"].map((name) => mesh.edge(name)) as [Edge, Edge, Edge];
    await Promise.all([a, r, b].map((edge) => edge.start()));
    await eventually(
      "a path through the box",
      async () => (await ping(a.node, b.address, { count: 1, wait: 0.3 })).loss === 0,
      10_000,
    );

    const dropped = async (edge: Edge): Promise<number> =>
      Object.values((await edge.status()).drops).reduce((sum, drops) => sum + drops, 0);
    const before = (await dropped(r)) + (await dropped(b));
    box.process.stdin?.write("flip 178\n");
    // 56 bytes of ping make a frame of 98, a record of 138, a transit datagram of 178 bytes.
    const flood = await ping(a.node, b.address, { count: 178, interval: 0.01, wait: 1 });
    assert.match(box.log, /^done 178$/m);
    assert.equal(flood.received, 0, "no changed datagram was taken");
    await eventually("drops", async () => (await dropped(r)) + (await dropped(b)) >= before + 178);
    assert.equal((await ping(a.node, b.address, { count: 5 })).loss, 0, "unchanged ones pass");
  });
});

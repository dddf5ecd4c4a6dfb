// Edges behind NATs: the supernode sees their public addresses and tells the others.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import type { LabNode } from "../../tools/netlab/lab.ts";
import { describeAsRoot, eventually, iperf, ping, waitForPing } from "./harness.ts";
import { eventuallyGoes, overlayAddress, SUPER, statusOf, SuperBed } from "./super-bed.ts";
import type { CloudMesh } from "./super-bed.ts";

/** Public ports are this far above NodeIDs. */
const PUBLIC_PORTS = 40_000;
const EDGE_PORT = 3001;

/** A NAT and its filter in the node's own namespace: nobody gets in who was not written to before. IPv4 alone. */
function behindNat(node: LabNode, translation: string): void {
  node.nft(`
    table ip nat {
      chain out {
        type nat hook postrouting priority 100;
        oifname "eth0" udp sport ${EDGE_PORT} ${translation}
      }
    }
    table inet wall {
      chain in {
        type filter hook input priority 0;
        iifname "eth0" meta nfproto ipv6 drop
        iifname "eth0" ct state new drop
      }
    }`);
}

/** One public port for all destinations (endpoint-independent mapping, RFC 4787). */
const cone = (node: LabNode): void => behindNat(node, `snat to ${node.address}:${PUBLIC_PORTS + node.id}`);
/** Another public port for every destination (address- and port-dependent mapping). */
const symmetric = (node: LabNode): void => behindNat(node, "masquerade fully-random");

async function linkTo(
  mesh: CloudMesh,
  from: string,
  to: string,
): Promise<{ state: string; endpoint: string }> {
  const peer = (await statusOf(mesh, from)).peers.find(({ name }) => name === to);
  return { state: peer?.link?.state ?? "none", endpoint: peer?.endpoint ?? "none" };
}

describeAsRoot("edges behind NATs", function () {
  this.timeout(90_000);
  const bed = new SuperBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  it("that keep their ports reach each other directly, at the addresses that the supernode saw", async () => {
    const mesh = bed.prepare({ edges: ["a", "b"], all: { delayMs: 10 } });
    for (const name of ["a", "b"]) cone(mesh.site(name).node);
    await mesh.start();
    const begin = performance.now();
    await waitForPing(mesh.site("a").node, overlayAddress(mesh.site("b")), 15_000, 0.5);
    console.log(`      first ping ${(performance.now() - begin).toFixed(0)} ms after the start`);
    for (const [from, to] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      const { address, id } = mesh.site(to).node;
      assert.deepEqual(await linkTo(mesh, from, to), {
        state: "up",
        endpoint: `${address}:${PUBLIC_PORTS + id}`,
      });
    }
    const { median } = await ping(mesh.site("a").node, overlayAddress(mesh.site("b")), { count: 20 });
    assert.ok(median < 25, `${median} ms, 20 directly`);
  });

  it("that change their ports for every destination go over a member that is behind none", async () => {
    const mesh = bed.prepare({ edges: ["a", "b", "r"], all: { delayMs: 10 } });
    for (const name of ["a", "b"]) symmetric(mesh.site(name).node);
    await mesh.start();
    await waitForPing(mesh.site("a").node, overlayAddress(mesh.site("b")), 20_000, 0.5);
    await eventuallyGoes(mesh, "a r b", 30_000);
    assert.notEqual((await linkTo(mesh, "a", "b")).state, "up");
    await eventually("r has links to both", async () => {
      const links = await Promise.all(["a", "b"].map((name) => linkTo(mesh, "r", name)));
      return links.every(({ state }) => state === "up");
    });
    assert.equal((await statusOf(mesh, SUPER)).control?.connected, 3);
    // Records leave in trains, through a NAT on the node itself and a device that computes no checksums.
    const { bitsPerSecond } = await iperf(
      mesh.site("a").node,
      mesh.site("b").node,
      overlayAddress(mesh.site("b")),
    );
    assert.ok(bitsPerSecond > 20e6, `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`);
  });
});

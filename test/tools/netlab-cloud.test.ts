import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import { cloudMesh } from "../../tools/netlab/cloud-mesh.ts";
import type { CloudMesh, Site, SiteConfig } from "../../tools/netlab/cloud-mesh.ts";
import { Flow } from "../../tools/netlab/flow.ts";
import { staticMesh } from "../../tools/netlab/mesh.ts";
import { Lab } from "../../tools/netlab/lab.ts";
import { cloud } from "../../tools/netlab/topology.ts";
import { median, ping, waitForPing } from "../../tools/netlab/traffic.ts";
import { describeAsRoot } from "../e2e/root.ts";

/** A static network of all sites, each directly reachable. */
function direct(site: Site, sites: readonly Site[]): SiteConfig {
  const others = sites.filter((other) => other !== site);
  const rows = sites.map(({ id }) => {
    const rest = sites.filter((other) => other.id !== id);
    return [id, Object.fromEntries(rest.map((other) => [other.id, other.id]))] as const;
  });
  return {
    ...site.common,
    nodeId: site.id,
    interface: { iType: "tap", name: "ov", macAddrPrefix: "02:EE:00:00", ipv4Cidr: "10.77.0.0/24" },
    nextHopTable: Object.fromEntries(rows),
    peers: others.map((other) => ({
      nodeId: other.id,
      pubKey: other.keys.publicKey,
      endPoint: other.endpoint,
    })),
  };
}

describeAsRoot("Etherloom on the virtual Internet", function () {
  this.timeout(60_000);
  let mesh: CloudMesh | undefined;
  let lab: Lab | undefined;
  afterEach(async function () {
    if (this.currentTest?.state === "failed" && mesh) console.error(mesh.logs());
    await mesh?.close();
    await lab?.close();
    mesh = lab = undefined;
  });

  it("runs edges from configurations that the caller writes, over delays that differ by direction", async () => {
    mesh = cloudMesh({
      edges: ["n1", "n2"],
      all: { delayMs: 20 },
      ways: { "n2>n1": { delayMs: 60 } },
      configure: direct,
    });
    await mesh.start();
    const [a, b] = [mesh.site("n1"), mesh.site("n2")];
    await waitForPing(a.node, "10.77.0.2");
    const flow = await Flow.start(a.node, b.node, "10.77.0.2");
    const { rtts } = await ping(a.node, "10.77.0.2", { count: 5, interval: 0.1 });
    const report = await flow.stop();
    assert.equal(report.lost + report.duplicated, 0);
    assert(Math.abs(median(report.delays) - 20) < 8, `one way ${median(report.delays)} ms`);
    assert(Math.abs(median(rtts) - 80) < 15, `round trip ${median(rtts)} ms`);

    assert.equal(mesh.program("n1").running, true);
    await mesh.program("n2").crash();
    assert.equal(mesh.program("n2").running, false);
    await mesh.program("n2").start();
    await waitForPing(a.node, "10.77.0.2");
    await mesh.stop();
    assert.deepEqual(
      mesh.programs.map((program) => program.running),
      [false, false],
    );
  });

  it("carries a static mesh as any other underlay does", async () => {
    lab = Lab.create(cloud(["a", "b", "c"], { all: { delayMs: 5 } }));
    const edges = staticMesh(lab);
    await edges.start();
    await waitForPing(edges.edge("a").node, edges.edge("c").address);
    await edges.stop();
  });
});

// Everything an end-to-end test needs, from one place.
//
//   describeAsRoot("two edges", function () {
//     this.timeout(30_000);
//     const bed = new TestBed();
//     afterEach(() => bed.close());
//     it("carry a ping", async () => {
//       const { mesh } = await bed.mesh(chain(["a", "b"]));
//       const [a, b] = [mesh.edge("a"), mesh.edge("b")];
//       assert.equal((await ping(a.node, b.address)).loss, 0);
//     });
//   });

import { Lab } from "../../tools/netlab/lab.ts";
import { staticMesh } from "../../tools/netlab/mesh.ts";
import type { Mesh, MeshOptions, StartOptions } from "../../tools/netlab/mesh.ts";
import type { Topology } from "../../tools/netlab/topology.ts";
import { waitForPing } from "../../tools/netlab/traffic.ts";

export { Child } from "../../tools/netlab/child.ts";
export { FrameSocket } from "../../tools/netlab/frames.ts";
export { Lab, labNamespaces } from "../../tools/netlab/lab.ts";
export type { LabNode } from "../../tools/netlab/lab.ts";
export * from "../../tools/netlab/mesh.ts";
export { chain, lan, wired } from "../../tools/netlab/topology.ts";
export { iperf, median, ping, waitForPing } from "../../tools/netlab/traffic.ts";
export { describeAsRoot, isRoot } from "./root.ts";

export interface MeshUnderTest {
  lab: Lab;
  mesh: Mesh;
}

/** The labs of one test; what a failed test leaves is closed by `close` in `afterEach`, with the edges' logs shown. */
export class TestBed {
  readonly #open: MeshUnderTest[] = [];

  /** Makes a lab and starts an edge on each of its nodes. */
  async mesh(topology: Topology, options: MeshOptions & StartOptions = {}): Promise<MeshUnderTest> {
    const under = this.prepare(topology, options);
    await under.mesh.start(options);
    return under;
  }

  /** The same with nothing started: the files are written, and may be changed (`edge.config`, `edge.save()`). */
  prepare(topology: Topology, options: MeshOptions = {}): MeshUnderTest {
    const lab = Lab.create(topology);
    const under = { lab, mesh: staticMesh(lab, options) };
    this.#open.push(under);
    return under;
  }

  /** Closes all labs. With `logs` the ends of the edges' logs are printed, for a test that failed. */
  async close(logs = false): Promise<void> {
    for (const { lab, mesh } of this.#open.splice(0)) {
      if (logs) {
        for (const edge of mesh.edges) {
          try {
            console.error(`--- ${edge.config.nodeName}\n${edge.child.log.slice(-3000)}`);
          } catch {
            console.error(`--- ${edge.config.nodeName}: not started`);
          }
        }
      }
      await lab.close();
    }
  }
}

/** Waits until every node answers the first one's pings: all sessions that it needs are up. */
export async function settle(mesh: Mesh, timeout = 10_000): Promise<void> {
  const [first, ...others] = mesh.edges;
  if (!first) return;
  await Promise.all(others.map((other) => waitForPing(first.node, other.address, timeout)));
}

/** Polls until the condition holds; throws with `what` after `timeout` ms. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeout = 5000,
): Promise<void> {
  const end = performance.now() + timeout;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${timeout} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// Networks with a supernode for end-to-end tests, and what they are asked.

import type { StatusDocument, TraceAnswer, WhyAnswer } from "../../src/api/status-model.ts";
import type { CloudMesh } from "../../tools/netlab/cloud-mesh.ts";
import { Flow } from "../../tools/netlab/flow.ts";
import { overlayAddress, superMesh } from "../../tools/netlab/super-mesh.ts";
import type { SuperMeshOptions } from "../../tools/netlab/super-mesh.ts";
import { waitForPing } from "../../tools/netlab/traffic.ts";
import { eventually } from "./harness.ts";

export { Flow, percentile } from "../../tools/netlab/flow.ts";
export type { CloudMesh } from "../../tools/netlab/cloud-mesh.ts";
export { overlayAddress, SUPER } from "../../tools/netlab/super-mesh.ts";

/** A way that is the same for so long is settled. */
const KEPT_MS = 3000;

export class SuperBed {
  readonly #open: CloudMesh[] = [];

  /** The files are written and nothing is started. */
  prepare(options: SuperMeshOptions): CloudMesh {
    const mesh = superMesh(options);
    this.#open.push(mesh);
    return mesh;
  }

  async start(options: SuperMeshOptions): Promise<CloudMesh> {
    const mesh = this.prepare(options);
    await mesh.start();
    return mesh;
  }

  /** Closes all labs. With `logs` the ends of all logs are printed, for a test that failed. */
  async close(logs = false): Promise<void> {
    for (const mesh of this.#open.splice(0)) {
      if (logs) console.error(mesh.logs());
      await mesh.close();
    }
  }
}

export const statusOf = (mesh: CloudMesh, name: string): Promise<StatusDocument> =>
  mesh.program(name).status();

/** Names of the nodes on the way, by what each node's table says now; ends early where there is no route. */
export async function wayOf(mesh: CloudMesh, from: string, to: string): Promise<string[]> {
  const target = mesh.site(to).id;
  const way = [from];
  for (let here = from; here !== to && way.length <= mesh.sites.length;) {
    const { routes } = await statusOf(mesh, here);
    const route = routes.find(({ destination }) => destination === target);
    const nextHop = route?.inUse?.nextHop ?? route?.nextHop;
    const next = mesh.sites.find(({ id, mode }) => mode === "edge" && id === nextHop);
    if (next === undefined) break;
    way.push(next.name);
    here = next.name;
  }
  return way;
}

/** Waits until frames from one edge to another go this way (`n1 n3 n2`). */
export async function eventuallyGoes(mesh: CloudMesh, way: string, timeout = 15_000): Promise<void> {
  const names = way.split(" ");
  const [from = "", to = ""] = [names[0], names.at(-1)];
  let seen: string[] = [];
  await eventually(
    `frames go ${way}`,
    async () => {
      seen = await wayOf(mesh, from, to);
      return seen.join(" ") === way;
    },
    timeout,
  ).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}; they go ${seen.join(" ")}`);
  });
}

/** The same, and they have gone this way for a while: just after a start, clocks are set and ways may change once more. */
export async function eventuallyKeeps(mesh: CloudMesh, way: string, timeout = 30_000): Promise<void> {
  const [from = "", to = ""] = [way.split(" ")[0], way.split(" ").at(-1)];
  let since = performance.now();
  await eventually(
    `frames keep going ${way}`,
    async () => {
      if ((await wayOf(mesh, from, to)).join(" ") !== way) since = performance.now();
      return performance.now() - since >= KEPT_MS;
    },
    timeout,
  );
}

/** Waits until every edge answers the first one's pings. */
export async function everybodyAnswers(mesh: CloudMesh, timeout = 15_000): Promise<void> {
  const [first, ...others] = mesh.edges;
  if (first === undefined) return;
  await Promise.all(
    others.map((other) => waitForPing(first.node, overlayAddress(mesh.site(other.node.name)), timeout, 0.5)),
  );
}

export function flow(mesh: CloudMesh, from: string, to: string, packetsPerSecond = 100): Promise<Flow> {
  const target = mesh.site(to);
  return Flow.start(mesh.site(from).node, target.node, overlayAddress(target), { packetsPerSecond });
}

export const why = async (mesh: CloudMesh, from: string, to: string): Promise<WhyAnswer> =>
  (await mesh.program(from).ask(`why ${to}`)) as WhyAnswer;

export const trace = async (mesh: CloudMesh, from: string, to: string): Promise<TraceAnswer> =>
  (await mesh.program(from).ask(`trace ${to}`)) as TraceAnswer;

/** Sum of one counter or drop reason over all edges. */
export async function dropsOf(mesh: CloudMesh, reason: string): Promise<number> {
  let sum = 0;
  for (const edge of mesh.edges) {
    if (!edge.running) continue;
    const { drops } = await edge.status();
    sum += drops[reason] ?? 0;
  }
  return sum;
}

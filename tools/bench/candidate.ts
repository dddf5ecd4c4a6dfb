// What the benchmark compares: programs that make an overlay between the nodes of a lab.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { staticMesh } from "../netlab/mesh.ts";
import type { Child } from "../netlab/child.ts";
import type { Lab } from "../netlab/lab.ts";

export interface Running {
  /** daemons by node name; a node may have several */
  daemons: Map<string, Child[]>;
  /** overlay address of the last node */
  target: string;
}

export interface Candidate {
  name: string;
  /** what must be on PATH */
  programs: readonly string[];
  /** whether it can carry traffic a–r–b when a and b have no direct way */
  relays: boolean;
  /** Starts a daemon on every node of a chain; resolves when the first may be pinged from the others soon. */
  start(lab: Lab): Promise<Running>;
}

export function onPath(program: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => existsSync(join(folder, program)));
}

export const lastNode = (lab: Lab): Lab["nodes"][number] => {
  const node = lab.nodes.at(-1);
  if (!node) throw new Error("bench: a lab without nodes");
  return node;
};

function etherloom(name: string, aead: string): Candidate {
  return {
    name,
    programs: [],
    relays: true,
    start(lab) {
      const mesh = staticMesh(lab, { adjust: (config) => Object.assign(config, { aead, logLevel: "warn" }) });
      const daemons = new Map(mesh.edges.map((edge) => [edge.node.name, [edge.launch()]]));
      return Promise.resolve({ daemons, target: mesh.edge(lastNode(lab).name).address });
    },
  };
}

/** No overlay at all: what the veth pair itself carries. */
const underlay: Candidate = {
  name: "underlay",
  programs: [],
  relays: false,
  start: (lab) => Promise.resolve({ daemons: new Map<string, Child[]>(), target: lastNode(lab).address }),
};

export const ownCandidates: readonly Candidate[] = [
  etherloom("etherloom", "auto"),
  etherloom("etherloom-chacha20", "chacha20-poly1305"),
  underlay,
];

// The demonstration's network: configs/six-nodes as it is, each file in a namespace of its own.
//
//   1 ── 2 ── 3 ── 5        Neighbours can talk on the underlay; every other pair is cut off there, so that what
//         \  /              reaches a far node did go through the nodes between.
//          4 ── 6

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Child } from "../netlab/child.ts";
import { Lab } from "../netlab/lab.ts";
import type { LabNode } from "../netlab/lab.ts";
import { systemNode } from "../netlab/mesh.ts";
import type { NextHopTable } from "../netlab/mesh.ts";
import { lan } from "../netlab/topology.ts";
import type { Pair } from "../netlab/topology.ts";

export const checkout: string = join(import.meta.dirname, "../..");
const folder = join(checkout, "configs/six-nodes");

export const links: readonly (readonly [number, number])[] = [
  [1, 2],
  [2, 3],
  [2, 4],
  [3, 4],
  [3, 5],
  [4, 6],
];

interface NodeFile {
  nodeId: number;
  interface: { name: string; ipv4Cidr: string };
  nextHopTable: NextHopTable;
}

export interface Member {
  node: LabNode;
  file: NodeFile;
  configFile: string;
  stateDir: string;
  /** its overlay address */
  address: string;
  child: Child;
}

/** The network's address plus the NodeID, for the /24 of the files. */
const overlayAddress = (cidr: string, id: number): string => cidr.replace(/\d+\/\d+$/, `${id}`);

/** Wires the underlay and starts `node edge --config FILE` on each node. */
export function startNetwork(): { lab: Lab; members: Member[] } {
  const ids = [1, 2, 3, 4, 5, 6];
  const only = links.map(([a, b]): Pair => [`n${a}`, `n${b}`]);
  const lab = Lab.create(lan(ids.map((id) => `n${id}`), { only })); // prettier-ignore
  const members = lab.nodes.map((node) => {
    const text = readFileSync(join(folder, `node${node.id}.yaml`), "utf8");
    const file = parse(text) as NodeFile;
    // The file as it is but for the state, which must not mix with that of a node this machine really runs.
    const stateDir = join(lab.folder, `state${node.id}`);
    const configFile = join(lab.folder, `node${node.id}.yaml`);
    writeFileSync(configFile, `${text}\nstateDir: ${stateDir}\n`, { mode: 0o600 });
    // Through the launcher, with whatever Node.js this machine has: as a user would.
    const child = node.spawn([systemNode(), "edge", "--config", configFile], {
      cwd: checkout,
      env: { EG_UAPI_DIR: lab.folder },
    });
    const address = overlayAddress(file.interface.ipv4Cidr, node.id);
    return { node, file, configFile, stateDir, address, child };
  });
  return { lab, members };
}

/** Smallest IP packet the underlay counters look at: larger than any probe or handshake, smaller than a big ping. */
const countedSize = 900;

/** Counts large datagrams on the underlay, by receiver and sender: proof of the way from outside the program. */
export class HopCounter {
  readonly #members: readonly Member[];

  constructor(members: readonly Member[]) {
    this.#members = members;
    for (const { node } of members) {
      const rules = members
        .filter((other) => other.node !== node)
        .map(
          (other) =>
            `ip saddr ${other.node.address} meta length > ${countedSize} counter comment "${other.node.id}"`,
        );
      node.nft(
        `table inet demo { chain seen {\ntype filter hook prerouting priority -200;\n${rules.join("\n")}\n}\n}`,
      );
    }
  }

  /** "a>b" → large datagrams from a that arrived at b so far. */
  read(): Map<string, number> {
    const seen = new Map<string, number>();
    for (const { node } of this.#members) {
      const text = node.exec(["nft", "list", "table", "inet", "demo"]).stdout;
      for (const match of text.matchAll(/counter packets (\d+) bytes \d+ comment "(\d+)"/g)) {
        seen.set(`${match[2]}>${node.id}`, Number(match[1]));
      }
    }
    return seen;
  }
}

/** The nodes that `count` or more datagrams went through from `source`, in order, by what the counters gained. */
export function wayOnTheWire(
  before: Map<string, number>,
  after: Map<string, number>,
  source: number,
  destination: number,
  count: number,
): number[] {
  const way = [source];
  for (let here = source; here !== destination;) {
    const next = [...after]
      .filter(([hop, total]) => hop.startsWith(`${here}>`) && total - (before.get(hop) ?? 0) >= count)
      .map(([hop]) => Number(hop.split(">")[1]))
      .find((id) => !way.includes(id));
    if (next === undefined) break;
    way.push(next);
    here = next;
  }
  return way;
}

// Topologies: which namespaces there are and how their underlay is wired.
//
// File form (YAML); everything but `nodes` has a default:
//
//   nodes: [a, r, b]            # ids 1, 2, 3 in this order; or [{name: a, id: 7}, …], or a number: 3 = n1, n2, n3
//   lan:                        # one shared segment: a bridge in a namespace of its own
//     members: [a, b]           # default: all nodes
//     mtu: 1500
//     offload: true             # false: segmentation and checksum offloads off, so that the wire sees real packets
//     only: [[a, r], [r, b]]    # pairs that may hear each other; all others are cut. Default: everybody
//   links:                      # one veth pair each, no forwarding between them: the way is real
//     - {between: [a, r], mtu: 1500, offload: true}
//
// Node <id> has the underlay addresses 192.0.2.<id> and fd00:2::<id>, on every link the same ones.

import { parse } from "yaml";

export interface NodeSpec {
  name: string;
  /** 1..254; the last byte of the underlay address */
  id: number;
}
export type Pair = readonly [string, string];
export interface WireOptions {
  /** bytes, default 1500 */
  mtu?: number;
  /** default true: what the kernel offers */
  offload?: boolean;
}
export interface LanSpec extends WireOptions {
  members: string[];
  only?: Pair[];
}
export interface LinkSpec extends WireOptions {
  between: Pair;
}
export interface Topology {
  nodes: NodeSpec[];
  lan?: LanSpec;
  links: LinkSpec[];
}

const namePattern = /^[a-z][a-z0-9]{0,9}$/;

/** Throws an Error that names the fault. */
export function checkTopology(topology: Topology): Topology {
  const names = new Set<string>();
  const ids = new Set<number>();
  for (const { name, id } of topology.nodes) {
    if (!namePattern.test(name) || name === "lan") throw new Error(`topology: bad node name '${name}'`);
    if (!Number.isInteger(id) || id < 1 || id > 254)
      throw new Error(`topology: node ${name}: id must be 1..254`);
    if (names.has(name) || ids.has(id)) throw new Error(`topology: node ${name} (id ${id}) is there twice`);
    names.add(name);
    ids.add(id);
  }
  if (names.size === 0) throw new Error("topology: no nodes");
  const pairs = [...topology.links.map((link) => link.between), ...(topology.lan?.only ?? [])];
  for (const name of [...pairs.flat(), ...(topology.lan?.members ?? [])]) {
    if (!names.has(name)) throw new Error(`topology: '${name}' is not a node`);
  }
  for (const [a, b] of pairs) if (a === b) throw new Error(`topology: a link from ${a} to itself`);
  const mtus = [...topology.links, ...(topology.lan ? [topology.lan] : [])].map((wire) => wire.mtu ?? 1500);
  for (const mtu of mtus) {
    if (!Number.isInteger(mtu) || mtu < 576 || mtu > 65535) throw new Error(`topology: bad mtu ${mtu}`);
  }
  return topology;
}

interface TopologyFile {
  nodes?: number | (string | NodeSpec)[];
  lan?: (Omit<LanSpec, "members"> & { members?: string[] }) | true;
  links?: LinkSpec[];
}

export function parseTopology(text: string): Topology {
  const file = parse(text) as TopologyFile | null;
  if (typeof file !== "object" || file === null) throw new Error("topology: not a mapping");
  const unknown = Object.keys(file).find((key) => !["nodes", "lan", "links"].includes(key));
  if (unknown !== undefined) throw new Error(`topology: unknown key '${unknown}'`);
  const listed =
    typeof file.nodes === "number"
      ? Array.from({ length: file.nodes }, (_, i) => `n${i + 1}`)
      : (file.nodes ?? []);
  const nodes = listed.map((node, i) => (typeof node === "string" ? { name: node, id: i + 1 } : node));
  const lan = file.lan === true ? {} : file.lan;
  return checkTopology({
    nodes,
    links: file.links ?? [],
    ...(lan && { lan: { ...lan, members: lan.members ?? nodes.map((node) => node.name) } }),
  });
}

const named = (names: readonly string[]): NodeSpec[] => names.map((name, i) => ({ name, id: i + 1 }));

/** Nodes in a row, each wired to the next by a veth pair: `chain(["a", "b"])` is two nodes on a veth. */
export function chain(names: readonly string[], options: WireOptions = {}): Topology {
  const links = names.slice(1).map((name, i) => ({ between: [names[i] ?? "", name] as const, ...options }));
  return checkTopology({ nodes: named(names), links });
}

/** Nodes with a veth pair for each of the given pairs (all pairs by default). */
export function wired(
  names: readonly string[],
  pairs?: readonly Pair[],
  options: WireOptions = {},
): Topology {
  const all = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b] as const));
  return checkTopology({
    nodes: named(names),
    links: (pairs ?? all).map((between) => ({ between, ...options })),
  });
}

/** Nodes on one shared segment. */
export function lan(names: readonly string[], options: WireOptions & { only?: Pair[] } = {}): Topology {
  return checkTopology({ nodes: named(names), links: [], lan: { members: [...names], ...options } });
}

// Topologies: which namespaces there are and how their underlay is wired.
//
// File form (YAML); everything but `nodes` has a default:
//
//   nodes: [a, r, b]            # ids 1, 2, 3 in this order; or [{name: a, id: 7}, …], or a number: 3 = n1, n2, n3
//                               # a node may have a clock of its own: {name: a, id: 7, timeOffsetSeconds: 864000, driftPpm: 100}
//   lan:                        # one shared segment: a bridge in a namespace of its own
//     members: [a, b]           # default: all nodes
//     mtu: 1500
//     offload: true             # false: segmentation and checksum offloads off, so that the wire sees real packets
//     only: [[a, r], [r, b]]    # pairs that may hear each other; all others are cut. Default: everybody
//   links:                      # one veth pair each, no forwarding between them: the way is real
//     - {between: [a, r], mtu: 1500, offload: true}
//     - {between: [r, b], wire: {ab: {delayMs: 5, loss: 0.01}, ba: {delayMs: 30}}}    # through the wire; offloads are off
//   cloud:                      # the Internet: every member reaches every other, each direction with its own wire
//     members: [a, r, b]        # default: all nodes
//     mtu: 1500                 # of the members' interfaces
//     all: {delayMs: 40}        # of every direction
//     ways: {"a>r": {delayMs: 5}, "r>b": {delayMs: 5, jitterMs: 2}}     # on top of `all`, for one direction
//
// Node <id> has the underlay addresses 192.0.2.<id> and fd00:2::<id>, on every link the same ones.

import { parse } from "yaml";
import { checkParameters } from "./parameters.ts";
import type { WireParameters } from "./parameters.ts";

export type { WireParameters } from "./parameters.ts";

/** A clock that differs from the machine's. */
export interface NodeClock {
  /** The monotonic clocks are this much ahead: programs run in a time namespace. Not before the machine's start. */
  timeOffsetSeconds?: number;
  /** Parts per million that programs of ours add to the pace of their clock (ETHERLOOM_TEST_DRIFT_PPM). */
  driftPpm?: number;
}
export interface NodeSpec extends NodeClock {
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
  /** goes through the wire: from the first of the pair to the second, and back */
  wire?: { ab?: WireParameters; ba?: WireParameters };
}
export interface CloudSpec {
  members: string[];
  /** of the members' interfaces, default 1500 */
  mtu?: number;
  /** of every direction */
  all?: WireParameters;
  /** of single directions, "from>to"; what is not named there is as in `all` */
  ways?: Readonly<Record<string, WireParameters>>;
}
export interface Topology {
  nodes: NodeSpec[];
  lan?: LanSpec;
  links: LinkSpec[];
  cloud?: CloudSpec;
}

const namePattern = /^[a-z][a-z0-9]{0,9}$/;
/** Names of the lab's own namespaces. */
const reserved = ["lan", "wire"];

/** "a>b" as ["a", "b"]; throws when it is not of that form. */
export function parseWay(way: string): Pair {
  const [from = "", to = "", ...rest] = way.split(">");
  if (from === "" || to === "" || rest.length > 0) throw new Error(`topology: bad way '${way}' (from>to)`);
  return [from, to];
}

function checkNodes(nodes: readonly NodeSpec[]): Set<string> {
  const names = new Set<string>();
  const ids = new Set<number>();
  for (const { name, id, timeOffsetSeconds = 0, driftPpm = 0 } of nodes) {
    if (!namePattern.test(name) || reserved.includes(name))
      throw new Error(`topology: bad node name '${name}'`);
    if (!Number.isInteger(id) || id < 1 || id > 254)
      throw new Error(`topology: node ${name}: id must be 1..254`);
    if (names.has(name) || ids.has(id)) throw new Error(`topology: node ${name} (id ${id}) is there twice`);
    if (!Number.isInteger(timeOffsetSeconds))
      throw new Error(`topology: node ${name}: bad timeOffsetSeconds`);
    if (!Number.isFinite(driftPpm)) throw new Error(`topology: node ${name}: bad driftPpm`);
    names.add(name);
    ids.add(id);
  }
  if (names.size === 0) throw new Error("topology: no nodes");
  return names;
}

function checkMtu(mtu = 1500): void {
  if (!Number.isInteger(mtu) || mtu < 576 || mtu > 65535) throw new Error(`topology: bad mtu ${mtu}`);
}

/** Throws an Error that names the fault. */
export function checkTopology(topology: Topology): Topology {
  const { lan, links, cloud } = topology;
  const names = checkNodes(topology.nodes);
  const ways = Object.keys(cloud?.ways ?? {}).map(parseWay);
  const pairs = [...links.map((link) => link.between), ...(lan?.only ?? []), ...ways];
  const members = [...(lan?.members ?? []), ...(cloud?.members ?? [])];
  for (const name of [...pairs.flat(), ...members]) {
    if (!names.has(name)) throw new Error(`topology: '${name}' is not a node`);
  }
  for (const [a, b] of pairs) if (a === b) throw new Error(`topology: a link from ${a} to itself`);
  for (const one of [...links, lan, cloud]) checkMtu(one?.mtu);
  for (const { wire } of links) {
    checkParameters(wire?.ab);
    checkParameters(wire?.ba);
  }
  if (!cloud) return topology;
  for (const name of ways.flat()) {
    if (!cloud.members.includes(name)) throw new Error(`topology: '${name}' is not in the cloud`);
  }
  const both = cloud.members.find((name) => lan?.members.includes(name));
  if (both !== undefined) throw new Error(`topology: '${both}' cannot be in the lan and in the cloud`);
  checkParameters(cloud.all);
  for (const parameters of Object.values(cloud.ways ?? {})) checkParameters(parameters);
  return topology;
}

interface TopologyFile {
  nodes?: number | (string | NodeSpec)[];
  lan?: (Omit<LanSpec, "members"> & { members?: string[] }) | true;
  links?: LinkSpec[];
  cloud?: (Omit<CloudSpec, "members"> & { members?: string[] }) | true;
}

export function parseTopology(text: string): Topology {
  const file = parse(text) as TopologyFile | null;
  if (typeof file !== "object" || file === null) throw new Error("topology: not a mapping");
  const unknown = Object.keys(file).find((key) => !["nodes", "lan", "links", "cloud"].includes(key));
  if (unknown !== undefined) throw new Error(`topology: unknown key '${unknown}'`);
  const listed =
    typeof file.nodes === "number"
      ? Array.from({ length: file.nodes }, (_, i) => `n${i + 1}`)
      : (file.nodes ?? []);
  const nodes = listed.map((node, i) => (typeof node === "string" ? { name: node, id: i + 1 } : node));
  const all = nodes.map((node) => node.name);
  const lan = file.lan === true ? {} : file.lan;
  const cloud = file.cloud === true ? {} : file.cloud;
  return checkTopology({
    nodes,
    links: file.links ?? [],
    ...(lan && { lan: { ...lan, members: lan.members ?? all } }),
    ...(cloud && { cloud: { ...cloud, members: cloud.members ?? all } }),
  });
}

const named = (names: readonly string[]): NodeSpec[] => names.map((name, i) => ({ name, id: i + 1 }));

/** Nodes in a row, each wired to the next by a veth pair: `chain(["a", "b"])` is two nodes on a veth. */
export function chain(
  names: readonly string[],
  options: WireOptions & Pick<LinkSpec, "wire"> = {},
): Topology {
  const links = names.slice(1).map((name, i) => ({ between: [names[i] ?? "", name] as const, ...options }));
  return checkTopology({ nodes: named(names), links });
}

/** Nodes with a veth pair for each of the given pairs (all pairs by default). */
export function wired(
  names: readonly string[],
  pairs?: readonly Pair[],
  options: WireOptions & Pick<LinkSpec, "wire"> = {},
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

/** Nodes on a virtual Internet; `clocks` gives some of them a clock of their own. */
export function cloud(
  names: readonly string[],
  options: Omit<CloudSpec, "members"> & { clocks?: Readonly<Record<string, NodeClock>> } = {},
): Topology {
  const { clocks = {}, ...spec } = options;
  const stranger = Object.keys(clocks).find((name) => !names.includes(name));
  if (stranger !== undefined) throw new Error(`topology: '${stranger}' is not a node`);
  return checkTopology({
    nodes: named(names).map((node) => ({ ...node, ...clocks[node.name] })),
    links: [],
    cloud: { members: [...names], ...spec },
  });
}

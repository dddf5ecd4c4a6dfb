// Etherloom in a lab: configuration files with fresh keys for a static network, and its edges as running programs.

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { STATUS_SOCKET } from "../../src/api/status-server.ts";
import { generateKeys, generatePsk } from "./keys.ts";
import type { KeyPair } from "./keys.ts";
import type { Lab, LabNode } from "./lab.ts";
import { Program } from "./program.ts";
import type { StartOptions } from "./program.ts";
import type { Pair } from "./topology.ts";

export * from "./keys.ts";
export * from "./program.ts";

/** source → destination → next hop, by NodeID */
export type NextHopTable = Record<number, Record<number, number>>;

/** Fewest hops along undirected edges; among equals, the lowest next hop. */
export function fewestHops(
  ids: readonly number[],
  edges: readonly (readonly [number, number])[],
): NextHopTable {
  const neighbours = (id: number): number[] =>
    edges
      .filter((edge) => edge.includes(id))
      .map(([a, b]) => (a === id ? b : a))
      .toSorted((a, b) => a - b);
  const table: NextHopTable = {};
  for (const source of ids) {
    const row: Record<number, number> = {};
    // Breadth first; each destination inherits the first hop it was found through.
    const queue = neighbours(source).map((id) => ({ id, first: id }));
    for (const { id, first } of queue) {
      if (id === source || id in row) continue;
      row[id] = first;
      queue.push(...neighbours(id).map((next) => ({ id: next, first })));
    }
    table[source] = row;
  }
  return table;
}

/** The nodes from `source` to `destination` as the table leads; ends early where it leads nowhere or in a circle. */
export function walk(table: NextHopTable, source: number, destination: number): number[] {
  const way = [source];
  let here = source;
  while (here !== destination) {
    const next = table[here]?.[destination];
    if (next === undefined || way.includes(next)) break;
    way.push(next);
    here = next;
  }
  return way;
}

export interface EdgePeer {
  nodeId: number;
  pubKey: string;
  psKey?: string;
  endPoint?: string;
  persistentKeepalive?: number;
  static?: boolean;
}
/** The keys that tests change; any other key of the file may be added. */
export interface EdgeConfig {
  nodeId: number;
  nodeName: string;
  privKey: string;
  listenPort: number;
  interface: Record<string, unknown>;
  nextHopTable: NextHopTable;
  peers: EdgePeer[];
  stateDir: string;
  uapiName: string;
  logLevel: string;
  [key: string]: unknown;
}

export interface MeshOptions {
  /** pairs that have each other's endpoint; default: the lab's links, or all pairs on a shared segment */
  pairs?: readonly Pair[];
  /** default: fewest hops over the pairs */
  nextHopTable?: NextHopTable;
  /** one pre-shared key per pair; default false */
  psk?: boolean;
  /** UDP port of all nodes, default 3001 */
  port?: number;
  /** endpoints by IPv6 */
  ipv6?: boolean;
  /** last word on each node's file */
  adjust?: (config: EdgeConfig) => void;
}

/** The name of the TAP that nodes of a mesh have. */
export const overlayInterface = "ov";
export const overlayAddress = (id: number): string => `10.77.0.${id}`;
export const overlayAddress6 = (id: number): string => `fd00:77::${id.toString(16)}`;

/** An edge of a mesh: its file and, once started, its process. */
export class Edge extends Program<EdgeConfig> {
  readonly keys: KeyPair;

  constructor(node: LabNode, keys: KeyPair, config: EdgeConfig, configFile: string) {
    super(node, "edge", config, configFile);
    this.keys = keys;
  }

  get id(): number {
    return this.config.nodeId;
  }
  get address(): string {
    return overlayAddress(this.id);
  }
  get address6(): string {
    return overlayAddress6(this.id);
  }
}

export class Mesh {
  readonly edges: readonly Edge[];
  readonly nextHopTable: NextHopTable;

  constructor(edges: readonly Edge[], nextHopTable: NextHopTable) {
    this.edges = edges;
    this.nextHopTable = nextHopTable;
  }

  edge(name: string): Edge {
    const edge = this.edges.find((one) => one.node.name === name);
    if (!edge) throw new Error(`mesh: no edge '${name}'`);
    return edge;
  }

  /** Starts all edges at the same time. */
  async start(options: StartOptions = {}): Promise<void> {
    await Promise.all(this.edges.map((edge) => edge.start(options)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.edges.map((edge) => edge.stop()));
  }
}

/** Writes one file per node of the lab; nothing is started. */
export function staticMesh(lab: Lab, options: MeshOptions = {}): Mesh {
  const port = options.port ?? 3001;
  const names = lab.nodes.map((node) => node.name);
  const pairs =
    options.pairs ??
    (lab.topology.links.length > 0
      ? lab.topology.links.map((link) => link.between)
      : (lab.topology.lan?.only ?? names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b] as const))));
  const ids = lab.nodes.map((node) => node.id);
  const idOf = (name: string): number => lab.node(name).id;
  const table =
    options.nextHopTable ??
    fewestHops(
      ids,
      pairs.map(([a, b]) => [idOf(a), idOf(b)] as const),
    );
  const keys = new Map(lab.nodes.map((node) => [node.id, generateKeys()]));
  const psks = new Map<string, string>();
  const pskOf = (a: number, b: number): string => {
    const key = `${Math.min(a, b)}-${Math.max(a, b)}`;
    const psk = psks.get(key) ?? generatePsk();
    psks.set(key, psk);
    return psk;
  };
  const endpoint = (node: LabNode): string =>
    options.ipv6 === true ? `[${node.address6}]:${port}` : `${node.address}:${port}`;

  const edges = lab.nodes.map((node) => {
    const own = keys.get(node.id) ?? generateKeys();
    const peers = lab.nodes
      .filter((other) => other !== node)
      .map((other): EdgePeer => {
        const adjacent = pairs.some((pair) => pair.includes(node.name) && pair.includes(other.name));
        return {
          nodeId: other.id,
          pubKey: keys.get(other.id)?.publicKey ?? "",
          ...(options.psk === true && { psKey: pskOf(node.id, other.id) }),
          ...(adjacent && { endPoint: endpoint(other) }),
        };
      });
    const folder = join(lab.folder, node.name);
    mkdirSync(folder, { recursive: true });
    const config: EdgeConfig = {
      nodeId: node.id,
      nodeName: node.name,
      privKey: own.privateKey,
      listenPort: port,
      interface: {
        iType: "tap",
        name: overlayInterface,
        macAddrPrefix: "02:EE:00:00",
        ipv4Cidr: "10.77.0.0/24",
        ipv6Cidr: "fd00:77::/64",
      },
      nextHopTable: table,
      peers,
      stateDir: join(folder, "state"),
      uapiName: lab.uapiName(node.name),
      logLevel: "info",
    };
    options.adjust?.(config);
    const edge = new Edge(node, own, config, join(folder, "edge.yaml"));
    edge.save();
    return edge;
  });
  return new Mesh(edges, table);
}

/** What programs of the lab left behind although they ended: sockets, TAPs, processes. Call it before closing the lab. */
export function leftovers(lab: Lab): string[] {
  const found: string[] = [];
  for (const node of lab.nodes) {
    const links = node.exec(["ip", "-o", "link"]).stdout.split("\n");
    const known = /^\d+: (lo|eth0|to-\w+)[@:]/;
    found.push(
      ...links.filter((line) => line !== "" && !known.test(line)).map((line) => `${node.name}: ${line}`),
    );
    const sockets = node.exec(["ss", "-Huaxntl"]).stdout.split("\n");
    const foreign = sockets.filter((line) => /^(udp|tcp)\s/.test(line));
    found.push(...foreign.map((line) => `${node.name}: socket ${line.replaceAll(/\s+/g, " ")}`));
    const uapi = `/var/run/wireguard/${lab.uapiName(node.name)}.sock`;
    if (existsSync(uapi)) found.push(`${node.name}: ${uapi}`);
    const status = join(lab.folder, node.name, "state", STATUS_SOCKET);
    if (existsSync(status)) found.push(`${node.name}: ${status}`);
    const pids = node.exec(["ip", "netns", "pids", node.netns]).stdout.split("\n").filter(Boolean);
    // The command that asks is inside as well.
    if (pids.length > 1) found.push(`${node.name}: processes ${pids.join(" ")}`);
  }
  return found;
}

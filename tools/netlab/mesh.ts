// Etherloom in a lab: configuration files with fresh keys for a static network, and its edges as running programs.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { stringify } from "yaml";
import { fetchStatus } from "../../src/api/status-client.ts";
import type { StatusDocument } from "../../src/api/status-model.ts";
import { STATUS_SOCKET } from "../../src/api/status-server.ts";
import type { Child } from "./child.ts";
import type { Lab, LabNode } from "./lab.ts";
import type { Pair } from "./topology.ts";

const checkout = join(import.meta.dirname, "../..");

export interface KeyPair {
  /** base64, as in the files */
  privateKey: string;
  publicKey: string;
}

export function generateKeys(): KeyPair {
  const jwk = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
  const base64 = (text: string | undefined): string =>
    Buffer.from(text ?? "", "base64url").toString("base64");
  return { privateKey: base64(jwk.d), publicKey: base64(jwk.x) };
}

export const generatePsk = (): string => randomBytes(32).toString("base64");

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
export class Edge {
  readonly node: LabNode;
  readonly keys: KeyPair;
  readonly config: EdgeConfig;
  readonly configFile: string;
  #child: Child | undefined;

  constructor(node: LabNode, keys: KeyPair, config: EdgeConfig, configFile: string) {
    this.node = node;
    this.keys = keys;
    this.config = config;
    this.configFile = configFile;
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

  /** Writes `config` (as changed since) to the file. */
  save(): void {
    writeFileSync(this.configFile, stringify(this.config), { mode: 0o600 });
  }

  /** The process of the last start. */
  get child(): Child {
    if (!this.#child) throw new Error(`edge ${this.config.nodeName} was not started`);
    return this.#child;
  }

  get running(): boolean {
    return this.#child?.alive ?? false;
  }

  /** Starts without waiting. */
  launch(options: StartOptions = {}): Child {
    const program = options.systemNode === true ? systemNode() : process.execPath;
    const command = [program, join(checkout, "edge"), "--config", this.configFile, ...(options.extra ?? [])];
    this.#child = this.node.spawn(command, {
      ...(options.env && { env: options.env }),
      ...(options.stdin && { stdin: options.stdin }),
    });
    return this.#child;
  }

  /** Starts and waits until it says that it is ready, or answers on its status socket (when it logs little). */
  async start(options: StartOptions = {}): Promise<Child> {
    const child = this.launch(options);
    const timeout = options.timeout ?? 10_000;
    const end = performance.now() + timeout;
    while (!/\bready\b/.test(child.log) && !(await this.#answers())) {
      const why = child.alive ? `not ready within ${timeout} ms` : "ended";
      if (!child.alive || performance.now() > end) {
        throw new Error(`edge ${this.config.nodeName}: ${why}; log:\n${child.log.slice(-4000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return child;
  }

  async #answers(): Promise<boolean> {
    if (!existsSync(join(this.config.stateDir, STATUS_SOCKET))) return false;
    return this.status().then(
      () => true,
      () => false,
    );
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#child?.stop(signal);
  }

  /** SIGKILL to the launcher and all it started, as a crash of the whole node. */
  async crash(): Promise<void> {
    this.#child?.killNow();
    await this.#child?.exited;
  }

  status(options: { fib?: boolean } = {}): Promise<StatusDocument> {
    return fetchStatus(join(this.config.stateDir, STATUS_SOCKET), { fib: options.fib ?? false });
  }
}

export interface StartOptions {
  /** through the launcher with the Node.js of the system, whatever its version */
  systemNode?: boolean;
  env?: Readonly<Record<string, string>>;
  stdin?: "pipe" | "ignore";
  extra?: readonly string[];
  /** ms */
  timeout?: number;
}

/** The first `node` on PATH that is not the checkout's own; the own one when there is no other. */
export function systemNode(): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const outside = folders.filter((folder) => !folder.includes("node_modules"));
  return outside.map((folder) => join(folder, "node")).find((file) => existsSync(file)) ?? process.execPath;
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
      uapiName: `${lab.prefix}-${node.name}`,
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
    const uapi = `/var/run/wireguard/${lab.prefix}-${node.name}.sock`;
    if (existsSync(uapi)) found.push(`${node.name}: ${uapi}`);
    const status = join(lab.folder, node.name, "state", STATUS_SOCKET);
    if (existsSync(status)) found.push(`${node.name}: ${status}`);
    const pids = node.exec(["ip", "netns", "pids", node.netns]).stdout.split("\n").filter(Boolean);
    // The command that asks is inside as well.
    if (pids.length > 1) found.push(`${node.name}: processes ${pids.join(" ")}`);
  }
  return found;
}

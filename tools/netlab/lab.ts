// A virtual underlay: network namespaces wired as a topology says, and everything in them taken away again.
//
//   const lab = Lab.create(chain(["a", "b"]));
//   try { lab.node("a").exec(["ping", "-c1", lab.node("b").address]); } finally { await lab.close(); }
//
// Cleanup also happens on exit, on SIGINT/SIGTERM/SIGHUP and on an uncaught exception. Only SIGKILL leaves something
// behind: names carry the owner's pid, and `sweep()` removes what belongs to no living process.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkTopology } from "./topology.ts";
import type { LanSpec, LinkSpec, NodeSpec, Topology } from "./topology.ts";
import { Child } from "./child.ts";
import type { SpawnOptions } from "./child.ts";
import { Capture } from "./capture.ts";

export interface ExecResult {
  status: number;
  stdout: string;
  stderr: string;
}
export interface ExecOptions {
  /** ms; default 60 s */
  timeout?: number;
  /** for the command's stdin, which is a socket: programs that open /dev/stdin by name cannot */
  input?: string;
  /** default true: a non-zero status throws */
  check?: boolean;
  env?: Readonly<Record<string, string>>;
}

const defaultTimeout = 60_000;
const outputLimit = 256 << 20;
const noOffload = "tx off rx off tso off gso off gro off";
const netnsFolder = "/run/netns";

/** Runs a command to its end; throws with its stderr when it fails (unless `check` is false). */
function run(command: readonly string[], options: ExecOptions = {}): ExecResult {
  const [file = "", ...args] = command;
  const result = spawnSync(file, args, {
    encoding: "utf8",
    input: options.input ?? "",
    timeout: options.timeout ?? defaultTimeout,
    maxBuffer: outputLimit,
    env: { ...process.env, ...options.env },
  });
  const status = result.status ?? -1;
  if (status !== 0 && options.check !== false) {
    const why = result.error?.message ?? result.stderr.trim();
    throw new Error(`${command.join(" ")}: status ${status}: ${why}`);
  }
  return { status, stdout: result.stdout, stderr: result.stderr };
}

/** Shell lines run as one script: a process per line is what would make a lab slow. */
function script(lines: readonly string[]): void {
  const result = spawnSync("sh", ["-e"], {
    input: lines.join("\n"),
    encoding: "utf8",
    timeout: defaultTimeout,
  });
  if (result.status !== 0)
    throw new Error(`netlab: ${result.stderr.trim() || result.error?.message || "failed"}`);
}

export class LabNode {
  readonly name: string;
  readonly id: number;
  /** the network namespace's name */
  readonly netns: string;
  /** underlay addresses, the same on all its links */
  readonly address: string;
  readonly address6: string;
  readonly #lab: Lab;
  #guarded = false;

  constructor(lab: Lab, spec: NodeSpec, netns: string) {
    this.#lab = lab;
    this.name = spec.name;
    this.id = spec.id;
    this.netns = netns;
    this.address = `192.0.2.${spec.id}`;
    this.address6 = `fd00:2::${spec.id.toString(16)}`;
  }

  /** The argument vector that runs `command` here. `ip netns exec` replaces itself: the pid is the command's. */
  inside(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.netns, ...command];
  }

  /** Runs a command to its end, blocking this process. */
  exec(command: readonly string[], options?: ExecOptions): ExecResult {
    return run(this.inside(command), options);
  }

  /** The same without blocking. */
  async execAsync(command: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const child = this.spawn(command, { stdin: "pipe", ...(options.env && { env: options.env }) });
    let stdout = "";
    let stderr = "";
    child.process.stdout?.on("data", (text: string) => (stdout += text));
    child.process.stderr?.on("data", (text: string) => (stderr += text));
    child.process.stdin?.on("error", () => {}).end(options.input ?? "");
    const timeout = options.timeout ?? defaultTimeout;
    const timer = setTimeout(() => {
      child.killNow();
    }, timeout);
    const exit = await child.exited;
    clearTimeout(timer);
    const status = exit.code ?? -1;
    if (status !== 0 && options.check !== false) {
      const why = exit.signal === "SIGKILL" ? `killed (timeout ${timeout} ms?)` : `status ${status}`;
      throw new Error(`${command.join(" ")}: ${why}: ${stderr.trim()}`);
    }
    return { status, stdout, stderr };
  }

  /** Starts a long-running program; it ends with the lab at the latest. */
  spawn(command: readonly string[], options?: SpawnOptions): Child {
    return this.#lab.adopt(new Child(this.inside(command), options));
  }

  /** Loads nft rules (the text of a ruleset file). */
  nft(rules: string): void {
    this.exec(["nft", "-f", "-"], { input: rules });
  }

  /** The interface towards another node. */
  interfaceTo(other: LabNode): string {
    return this.#lab.hasLink(this.name, other.name) ? `to-${other.name}` : "eth0";
  }

  /** From now on nothing of `other`'s is heard here. One direction only; see Lab.cut for both. */
  deafTo(other: LabNode): void {
    this.#guard();
    this.nft(
      `add element inet lab deaf4 { ${other.address} }\nadd element inet lab deaf6 { ${other.address6} }`,
    );
  }

  hears(other: LabNode): void {
    if (!this.#guarded) return;
    this.nft(
      `add element inet lab deaf4 { ${other.address} }\ndelete element inet lab deaf4 { ${other.address} }\n` +
        `add element inet lab deaf6 { ${other.address6} }\ndelete element inet lab deaf6 { ${other.address6} }`,
    );
  }

  /** Drops the given share (0..1) of the UDP datagrams that arrive here. 0 ends it. Meant for links without offloads. */
  lose(share: number): void {
    this.#guard();
    this.nft("flush chain inet lab loss");
    const parts = Math.round(share * 10_000);
    if (parts > 0)
      this.nft(`add rule inet lab loss meta l4proto udp numgen random mod 10000 < ${parts} counter drop`);
  }

  /** Made on demand only: a hook on the path costs time that a benchmark would see. */
  #guard(): void {
    if (this.#guarded) return;
    this.#guarded = true;
    this.nft(`table inet lab {
      set deaf4 { type ipv4_addr; }
      set deaf6 { type ipv6_addr; }
      chain loss { }
      chain in {
        type filter hook prerouting priority -300;
        ip saddr @deaf4 drop
        ip6 saddr @deaf6 drop
        jump loss
      }
    }`);
  }

  /** Captures packets of one interface into a file until stopped. */
  async capture(interfaceName: string, filter = ""): Promise<Capture> {
    return Capture.start(this, interfaceName, filter, this.#lab.folder);
  }
}

const open = new Set<Lab>();
let hooked = false;
let serial = 0;

function hookExit(): void {
  if (hooked) return;
  hooked = true;
  process.on("exit", () => {
    for (const lab of open) lab.closeNow();
  });
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
}

export class Lab {
  /** the start of all its namespaces' names */
  readonly prefix: string;
  readonly topology: Topology;
  readonly nodes: readonly LabNode[];
  /** a folder for files of this lab; removed with it */
  readonly folder: string;
  readonly #children = new Set<Child>();
  readonly #namespaces: string[] = [];

  private constructor(topology: Topology, prefix: string, folder: string) {
    this.topology = topology;
    this.prefix = prefix;
    this.folder = folder;
    this.nodes = topology.nodes.map((spec) => new LabNode(this, spec, `${prefix}-${spec.name}`));
  }

  /** Builds the namespaces; needs root. */
  static create(topology: Topology, options: { prefix?: string } = {}): Lab {
    checkTopology(topology);
    const prefix = options.prefix ?? `elab-${process.pid}-${serial++}`;
    const lab = new Lab(topology, prefix, mkdtempSync(join(tmpdir(), `${prefix}-`)));
    open.add(lab);
    hookExit();
    try {
      lab.#build();
    } catch (error) {
      lab.closeNow();
      throw error;
    }
    return lab;
  }

  /** A lab that an earlier process made and left (`netlab up`); `detach()` and `close()` work on it too. */
  static attach(topology: Topology, prefix: string, folder: string): Lab {
    const lab = new Lab(topology, prefix, folder);
    lab.#namespaces.push(...lab.nodes.map((node) => node.netns));
    if (topology.lan) lab.#namespaces.push(`${prefix}-lan`);
    return lab;
  }

  /** Leaves the namespaces standing when this process ends. */
  detach(): void {
    open.delete(this);
  }

  node(name: string): LabNode {
    const node = this.nodes.find((one) => one.name === name);
    if (!node) throw new Error(`netlab: no node '${name}'`);
    return node;
  }

  hasLink(a: string, b: string): boolean {
    return this.topology.links.some(({ between }) => between.includes(a) && between.includes(b));
  }

  /** No datagram passes between the two any more, in either direction. */
  cut(a: string, b: string): void {
    this.node(a).deafTo(this.node(b));
    this.node(b).deafTo(this.node(a));
  }

  heal(a: string, b: string): void {
    this.node(a).hears(this.node(b));
    this.node(b).hears(this.node(a));
  }

  /** Puts a child in this lab's care. */
  adopt(child: Child): Child {
    this.#children.add(child);
    void child.exited.then(() => this.#children.delete(child));
    return child;
  }

  #build(): void {
    const lines: string[] = [];
    for (const netns of [
      ...this.nodes.map((node) => node.netns),
      ...(this.topology.lan ? [`${this.prefix}-lan`] : []),
    ]) {
      this.#namespaces.push(netns);
      lines.push(
        `ip netns add ${netns}`,
        // Before any interface exists, so that all inherit it: addresses are usable at once.
        `ip netns exec ${netns} sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 ` +
          `net.ipv6.conf.default.accept_ra=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 ` +
          `net.ipv4.ping_group_range="0 2147483647"`,
        `ip -n ${netns} link set lo up`,
      );
    }
    if (this.topology.lan) lines.push(...this.#lanLines(this.topology.lan));
    for (const link of this.topology.links) lines.push(...this.#linkLines(link));
    script(lines);
    const { lan } = this.topology;
    if (lan?.only) {
      const allowed = lan.only;
      for (const a of lan.members) {
        for (const b of lan.members) {
          if (a !== b && !allowed.some((pair) => pair.includes(a) && pair.includes(b)))
            this.node(a).deafTo(this.node(b));
        }
      }
    }
  }

  #lanLines(lan: LanSpec): string[] {
    const bridge = `${this.prefix}-lan`;
    const mtu = lan.mtu ?? 1500;
    const lines = [
      // Else bridged packets would pass this namespace's IP filters, and odd ones be dropped there.
      `for f in iptables ip6tables arptables; do ` +
        `ip netns exec ${bridge} sysctl -qw net.bridge.bridge-nf-call-$f=0 2>/dev/null || true; done`,
      `ip -n ${bridge} link add br0 mtu ${mtu} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `ip -n ${bridge} link set br0 up`,
    ];
    for (const name of lan.members) {
      const node = this.node(name);
      const port = `p${node.id}`;
      lines.push(
        `ip link add eth0 netns ${node.netns} mtu ${mtu} type veth peer name ${port} netns ${bridge} mtu ${mtu}`,
        `ip -n ${bridge} link set ${port} master br0 up`,
        `ip -n ${node.netns} addr add ${node.address}/24 dev eth0`,
        `ip -n ${node.netns} addr add ${node.address6}/64 dev eth0 nodad`,
        `ip -n ${node.netns} link set eth0 up`,
      );
      if (lan.offload === false) {
        lines.push(
          `ip netns exec ${node.netns} ethtool -K eth0 ${noOffload} >/dev/null`,
          `ip netns exec ${bridge} ethtool -K ${port} ${noOffload} >/dev/null`,
        );
      }
    }
    return lines;
  }

  #linkLines(link: LinkSpec): string[] {
    const [a, b] = [this.node(link.between[0]), this.node(link.between[1])];
    const mtu = link.mtu ?? 1500;
    const lines = [
      `ip link add to-${b.name} netns ${a.netns} mtu ${mtu} type veth peer name to-${a.name} netns ${b.netns} mtu ${mtu}`,
    ];
    for (const [here, there] of [
      [a, b],
      [b, a],
    ] as const) {
      const name = `to-${there.name}`;
      lines.push(
        // Point to point: every node keeps one address, and nobody is reachable but over his own link.
        `ip -n ${here.netns} addr add ${here.address} peer ${there.address} dev ${name}`,
        `ip -n ${here.netns} addr add ${here.address6}/128 dev ${name} nodad`,
        `ip -n ${here.netns} link set ${name} up`,
        `ip -n ${here.netns} route add ${there.address6} dev ${name}`,
      );
      if (link.offload === false)
        lines.push(`ip netns exec ${here.netns} ethtool -K ${name} ${noOffload} >/dev/null`);
    }
    return lines;
  }

  /** Asks all programs to end, then takes everything away. */
  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.stop()));
    this.closeNow();
  }

  /** The same at once and without waiting, as exit handlers need it. */
  closeNow(): void {
    open.delete(this);
    for (const child of this.#children) child.killNow();
    for (const netns of this.#namespaces) removeNamespace(netns);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Ends what still runs inside (only descendants of the lab's owner got in there) and removes the name. */
function removeNamespace(netns: string): void {
  const pids = run(["ip", "netns", "pids", netns], { check: false }).stdout;
  for (const pid of pids.split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // it was quicker
    }
  }
  run(["ip", "netns", "del", netns], { check: false });
}

/** Names of all lab namespaces that exist, or those with one prefix. */
export function labNamespaces(prefix = "elab-"): string[] {
  try {
    return readdirSync(netnsFolder).filter((name) => name.startsWith(prefix));
  } catch {
    return [];
  }
}

/** Removes namespaces of labs whose owner was killed; returns their names. */
export function sweep(): string[] {
  const orphans = labNamespaces().filter((name) => {
    const owner = Number(/^elab-(\d+)-/.exec(name)?.[1]);
    try {
      process.kill(owner, 0);
      return false;
    } catch {
      return Number.isInteger(owner);
    }
  });
  for (const netns of orphans) removeNamespace(netns);
  return orphans;
}

// A virtual underlay: network namespaces wired as a topology says, and everything in them taken away again.
//
//   const lab = Lab.create(chain(["a", "b"]));
//   try { lab.node("a").exec(["ping", "-c1", lab.node("b").address]); } finally { await lab.close(); }
//
//   const lab = Lab.create(cloud(["a", "b", "c"], { all: { delayMs: 40 }, ways: { "a>c": { delayMs: 5 } } }));
//   await lab.wire("a", "c").set({ delayMs: 25 });
//   await lab.wires("a", "b").cut();
//
// Cleanup also happens on exit, on SIGINT/SIGTERM/SIGHUP and on an uncaught exception. Only SIGKILL leaves something
// behind: names carry the owner's pid, and `sweep()` removes what belongs to no living process.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, script } from "./command.ts";
import { LastingWire } from "./lasting-wire.ts";
import { LabNode } from "./node.ts";
import { checkTopology } from "./topology.ts";
import type { Topology } from "./topology.ts";
import type { Child } from "./child.ts";
import { buildUnderlay, needsWire, wireNamespace } from "./underlay.ts";
import type { Underlay } from "./underlay.ts";
import { WireDirection, WirePair, WireProcess } from "./wires.ts";
import type { WireLine } from "./wires.ts";

export type { ExecOptions, ExecResult } from "./command.ts";
export { LabNode } from "./node.ts";

const netnsFolder = "/run/netns";

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

export interface LabOptions {
  /** the start of its namespaces' names */
  prefix?: string;
  /** The wire goes on when this process ends; see `detach`. */
  lasting?: boolean;
}

export class Lab {
  /** the start of all its namespaces' names */
  readonly prefix: string;
  readonly topology: Topology;
  readonly nodes: readonly LabNode[];
  /** a folder for files of this lab; removed with it */
  readonly folder: string;
  readonly #children = new Set<Child>();
  readonly #underlay: Underlay;
  #wireProcess: WireProcess | undefined;
  #wireLine: WireLine | undefined;

  private constructor(topology: Topology, prefix: string, folder: string) {
    this.topology = topology;
    this.prefix = prefix;
    this.folder = folder;
    this.nodes = topology.nodes.map((spec) => new LabNode(this, spec, `${prefix}-${spec.name}`));
    this.#underlay = buildUnderlay(topology, prefix, (name) => this.node(name));
  }

  /** A UAPI name that no other lab's node has, short enough for `wg set`: at most 15 bytes. */
  uapiName(node: string): string {
    return `${this.prefix.replace(/^elab-/, "")}-${node}`;
  }

  /** Builds the namespaces; needs root. With its return everything is in place, the wire included. */
  static create(topology: Topology, options: LabOptions = {}): Lab {
    checkTopology(topology);
    const prefix = options.prefix ?? `elab-${process.pid}-${serial++}`;
    const folder = mkdtempSync(join(tmpdir(), `${prefix}-`));
    let lab: Lab;
    try {
      lab = new Lab(topology, prefix, folder);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
    open.add(lab);
    hookExit();
    try {
      lab.#build(options.lasting === true);
    } catch (error) {
      lab.closeNow();
      throw error;
    }
    return lab;
  }

  /** A lab that an earlier process made and left (`netlab up`); `detach()` and `close()` work on it too. */
  static attach(topology: Topology, prefix: string, folder: string): Lab {
    const lab = new Lab(topology, prefix, folder);
    if (needsWire(topology)) lab.#wireLine = new LastingWire(folder);
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

  /** The wire's direction from one node to another: through their link if that is wired, or through the cloud. */
  wire(from: string, to: string): WireDirection {
    const ports = this.#underlay.ways.get(`${from}>${to}`);
    if (!ports || !this.#wireLine) throw new Error(`netlab: no wire from '${from}' to '${to}'`);
    return new WireDirection(this.#wireLine, ports.from, ports.to);
  }

  /** Both directions. */
  wires(a: string, b: string): WirePair {
    return new WirePair(this.wire(a, b), this.wire(b, a));
  }

  /** Packets to addresses that the cloud does not have, so far. */
  async unrouted(): Promise<number> {
    return Number(await this.#wireLine?.request("unrouted"));
  }

  /** No datagram passes between the two any more, in either direction. At the receivers, whatever the underlay. */
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

  #build(lasting: boolean): void {
    script(this.#underlay.lines);
    if (needsWire(this.topology)) this.#startWire(lasting);
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

  #startWire(lasting: boolean): void {
    const options = {
      netns: wireNamespace(this.prefix),
      folder: this.folder,
      setup: this.#underlay.wire,
      mtu: this.#underlay.wireMtu,
    };
    if (lasting) this.#wireLine = LastingWire.start(options);
    else this.#wireLine = this.#wireProcess = new WireProcess(options);
  }

  /** The wire program, for its use of the processor; absent when there is none or it is a lasting one. */
  get wireChild(): Child | undefined {
    return this.#wireProcess?.child;
  }

  /** Asks all programs to end, then takes everything away. */
  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.stop()));
    this.closeNow();
    await this.#wireProcess?.child.exited;
  }

  /** The same at once and without waiting, as exit handlers need it. */
  closeNow(): void {
    open.delete(this);
    for (const child of this.#children) child.killNow();
    this.#wireProcess?.child.killNow();
    for (const netns of this.#underlay.namespaces) removeNamespace(netns);
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

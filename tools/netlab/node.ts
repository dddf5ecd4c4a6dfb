// One node of a lab: a network namespace, perhaps with a clock of its own, and what can be done in it.

import { readFileSync } from "node:fs";
import { Capture } from "./capture.ts";
import { Child } from "./child.ts";
import type { SpawnOptions } from "./child.ts";
import { defaultTimeout, run } from "./command.ts";
import type { ExecOptions, ExecResult } from "./command.ts";
import type { Lab } from "./lab.ts";
import type { NodeSpec } from "./topology.ts";

/** Seconds since the machine's start: a time namespace cannot begin before that. */
const uptime = (): number => Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);

export class LabNode {
  readonly name: string;
  readonly id: number;
  /** the network namespace's name */
  readonly netns: string;
  /** underlay addresses, the same on all its links */
  readonly address: string;
  readonly address6: string;
  readonly #lab: Lab;
  readonly #clock: readonly string[];
  #guarded = false;

  constructor(lab: Lab, spec: NodeSpec, netns: string) {
    this.#lab = lab;
    this.name = spec.name;
    this.id = spec.id;
    this.netns = netns;
    this.address = `192.0.2.${spec.id}`;
    this.address6 = `fd00:2::${spec.id.toString(16)}`;
    const { timeOffsetSeconds: offset = 0, driftPpm = 0 } = spec;
    if (offset < -uptime())
      throw new Error(`netlab: ${spec.name}: a clock cannot be ${-offset} s behind a machine that runs ${uptime()} s`); // prettier-ignore
    this.#clock = [
      ...(offset === 0 ? [] : ["unshare", "-T", "--monotonic", `${offset}`, "--boottime", `${offset}`]),
      ...(driftPpm === 0 ? [] : ["env", `ETHERLOOM_TEST_DRIFT_PPM=${driftPpm}`]),
    ];
  }

  /** The argument vector that runs `command` here. All before it replace themselves: the pid is the command's. */
  inside(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.netns, ...this.#clock, ...command];
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

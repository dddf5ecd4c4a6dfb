// A node of Etherloom in a lab: its configuration file and, once started, its process.

import { existsSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { stringify } from "yaml";
import { askNode, fetchStatus } from "../../src/api/status-client.ts";
import type { StatusDocument } from "../../src/api/status-model.ts";
import { STATUS_SOCKET } from "../../src/api/status-server.ts";
import type { Child } from "./child.ts";
import type { LabNode } from "./node.ts";

const checkout = join(import.meta.dirname, "../..");

export interface StartOptions {
  /** A command that runs the program, such as `setpriv …`. */
  behind?: readonly string[];
  /** through the launcher with the Node.js of the system, whatever its version */
  systemNode?: boolean;
  env?: Readonly<Record<string, string>>;
  stdin?: "pipe" | "ignore";
  extra?: readonly string[];
  /** ms */
  timeout?: number;
}

/** What this file has to know of a configuration. */
export interface ProgramConfig {
  nodeName: string;
  stateDir: string;
}

/** The first `node` on PATH that is not the checkout's own; the own one when there is no other. */
export function systemNode(): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const outside = folders.filter((folder) => !folder.includes("node_modules"));
  return outside.map((folder) => join(folder, "node")).find((file) => existsSync(file)) ?? process.execPath;
}

export class Program<Config extends ProgramConfig = ProgramConfig & Record<string, unknown>> {
  readonly node: LabNode;
  readonly mode: "edge" | "super";
  /** to be changed at will; `save` writes it */
  config: Config;
  readonly configFile: string;
  #child: Child | undefined;

  constructor(node: LabNode, mode: "edge" | "super", config: Config, configFile: string) {
    this.node = node;
    this.mode = mode;
    this.config = config;
    this.configFile = configFile;
  }

  /** Writes `config` to the file. */
  save(): void {
    writeFileSync(this.configFile, stringify(this.config), { mode: 0o600 });
  }

  /** The process of the last start. */
  get child(): Child {
    if (!this.#child) throw new Error(`${this.mode} ${this.config.nodeName} was not started`);
    return this.#child;
  }

  get running(): boolean {
    return this.#child?.alive ?? false;
  }

  /** Starts without waiting. */
  launch(options: StartOptions = {}): Child {
    const program = options.systemNode === true ? systemNode() : process.execPath;
    const command = [
      ...(options.behind ?? []),
      program,
      join(checkout, this.mode),
      "--config",
      this.configFile,
    ];
    this.#child = this.node.spawn([...command, ...(options.extra ?? [])], {
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
        throw new Error(`${this.mode} ${this.config.nodeName}: ${why}; log:\n${child.log.slice(-4000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return child;
  }

  /** Resolves when the log of the last start matches; rejects with the log after `timeout` ms. */
  waitFor(pattern: RegExp, timeout = 10_000): Promise<RegExpMatchArray> {
    return this.child.waitFor(pattern, timeout);
  }

  async #answers(): Promise<boolean> {
    if (!existsSync(join(this.config.stateDir, STATUS_SOCKET))) return false;
    return this.status().then(
      () => true,
      () => false,
    );
  }

  /** Has it read its configuration again. */
  reload(): void {
    this.#child?.signal("SIGHUP");
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

  /** A question of its status socket (`why 3`, `trace 3`). */
  ask(question: string): Promise<unknown> {
    return askNode(join(this.config.stateDir, STATUS_SOCKET), question);
  }
}

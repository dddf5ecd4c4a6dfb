// The wire program of a lab, and its directions as a test sees them.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child } from "./child.ts";
import { nativeProgram } from "./native.ts";
import { checkParameters, formatParameters, parseCounters } from "./parameters.ts";
import type { WireCounters, WireParameters } from "./parameters.ts";

/** ms */
const startTime = 10_000;
const answerTime = 10_000;
/** Bytes that packets on their way may take in all, and frames for which one slot is 2 KB. */
const wireMemory = 256 << 20;
const ordinaryMtu = 2048 - 32;

export interface WireOptions {
  /** the namespace that holds the far ends */
  netns: string;
  /** for its files */
  folder: string;
  /** first commands */
  setup: readonly string[];
  /** the largest IP packet */
  mtu: number;
}

/** Who carries commands to a wire and brings its answers. */
export interface WireLine {
  /** Resolves with what follows "ok"; rejects with the wire's reason. */
  request(command: string): Promise<string>;
}

/** The command line of a wire, with its setup written to a file; and the file in which it will say how that went. */
export function wireCommand(options: WireOptions): { command: string[]; resultFile: string } {
  const setupFile = join(options.folder, "wire.setup");
  const resultFile = join(options.folder, "wire.result");
  writeFileSync(setupFile, options.setup.map((line) => `${line}\n`).join(""));
  const slotBytes = options.mtu <= ordinaryMtu ? 2048 : Math.ceil((options.mtu + 32) / 64) * 64;
  const slots = Math.floor(wireMemory / slotBytes);
  const program = [nativeProgram("wire"), "--slots", `${slots}`, "--slot-bytes", `${slotBytes}`];
  return {
    command: ["ip", "netns", "exec", options.netns, ...program, setupFile, resultFile],
    resultFile,
  };
}

/** Blocks until the wire has done its setup, so that a lab is complete when its constructor returns. */
export function awaitWire(resultFile: string): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (const end = performance.now() + startTime; !existsSync(resultFile);) {
    if (performance.now() > end) throw new Error("netlab: the wire did not start");
    Atomics.wait(clock, 0, 0, 2);
  }
  const result = readFileSync(resultFile, "utf8").trim();
  if (!result.startsWith("ok")) throw new Error(`netlab: wire: ${result}`);
}

/** "ok …" → …; throws the reason of "error …". */
export function readAnswer(command: string, answer: string): string {
  if (/^ok\b/.test(answer)) return answer.slice(3);
  throw new Error(`netlab: wire: ${command}: ${answer}`);
}

interface Waiting {
  command: string;
  resolve: (text: string) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** A wire that lives as long as this process: its stdin ends with us, and so does it. */
export class WireProcess implements WireLine {
  readonly child: Child;
  readonly #waiting = new Map<number, Waiting>();
  #serial = 0;
  #partial = "";

  constructor(options: WireOptions) {
    const { command, resultFile } = wireCommand(options);
    this.child = new Child(command, { stdin: "pipe" });
    this.child.process.stdin?.on("error", () => {});
    this.child.process.stdout?.on("data", (text: string) => {
      this.#take(text);
    });
    void this.child.exited.then(() => {
      for (const number of this.#waiting.keys())
        this.#settle(number, `error the wire ended; ${this.child.log}`);
    });
    try {
      awaitWire(resultFile);
    } catch (error) {
      this.child.killNow();
      throw error;
    }
  }

  request(command: string): Promise<string> {
    const number = ++this.#serial;
    return new Promise((resolve, reject) => {
      if (!this.child.alive) {
        reject(new Error(`netlab: wire: ${command}: the wire ended`));
        return;
      }
      const timer = setTimeout(() => {
        this.#settle(number, `error no answer within ${answerTime} ms`);
      }, answerTime);
      this.#waiting.set(number, { command, resolve, reject, timer });
      this.child.process.stdin?.write(`#${number} ${command}\n`);
    });
  }

  #take(text: string): void {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) {
      const match = /^#(\d+) (.*)$/.exec(line);
      if (match) this.#settle(Number(match[1]), match[2] ?? "");
    }
  }

  #settle(number: number, answer: string): void {
    const waiting = this.#waiting.get(number);
    if (!waiting) return;
    this.#waiting.delete(number);
    clearTimeout(waiting.timer);
    try {
      waiting.resolve(readAnswer(waiting.command, answer));
    } catch (error) {
      waiting.reject(error as Error);
    }
  }
}

/** Packets from one node to another. What a method sets holds when its promise is fulfilled. */
export class WireDirection {
  readonly #line: WireLine;
  readonly #ports: string;

  constructor(line: WireLine, from: number, to: number) {
    this.#line = line;
    this.#ports = `${from} ${to}`;
  }

  /** What is not named stays as it is. */
  async set(parameters: WireParameters): Promise<void> {
    checkParameters(parameters);
    await this.#line.request(`set ${this.#ports} ${formatParameters(parameters)}`);
  }

  /** Nothing arrives any more, also nothing of what was on its way. */
  async cut(): Promise<void> {
    await this.#line.request(`cut ${this.#ports}`);
  }

  async restore(): Promise<void> {
    await this.#line.request(`restore ${this.#ports}`);
  }

  async counters(): Promise<WireCounters> {
    return parseCounters(await this.#line.request(`counters ${this.#ports}`));
  }
}

/** Both directions between two nodes. */
export class WirePair {
  readonly directions: readonly [WireDirection, WireDirection];

  constructor(there: WireDirection, back: WireDirection) {
    this.directions = [there, back];
  }

  async set(parameters: WireParameters): Promise<void> {
    await Promise.all(this.directions.map((direction) => direction.set(parameters)));
  }
  async cut(): Promise<void> {
    await Promise.all(this.directions.map((direction) => direction.cut()));
  }
  async restore(): Promise<void> {
    await Promise.all(this.directions.map((direction) => direction.restore()));
  }
}

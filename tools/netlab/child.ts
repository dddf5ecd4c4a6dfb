// A process of the lab: its log, its resource use, its end.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";

export interface SpawnOptions {
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** "pipe" gives `child.stdin`; default: no input */
  stdin?: "pipe" | "ignore";
}
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Kept of a child's output; older text is forgotten. */
const logLimit = 4 << 20;
/** ms between a program's end and the end of waiting for its output */
const lastWordsTime = 200;
/** Kernel ticks per second in /proc/PID/stat (USER_HZ, 100 on every Linux architecture Node runs on). */
const ticksPerSecond = 100;

export class Child {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** stdout and stderr, interleaved as they came */
  log = "";
  exit: Exit | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #title: string;

  constructor(command: readonly string[], options: SpawnOptions = {}) {
    const [file = "", ...args] = command;
    this.#title = command.join(" ");
    // A group of its own, so that a launcher and what it starts can be ended together.
    this.process = spawn(file, args, {
      stdio: [options.stdin ?? "ignore", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    this.pid = this.process.pid ?? 0;
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#append(text);
      });
    }
    this.exited = new Promise((resolve) => {
      const done = (exit: Exit): void => {
        this.exit ??= exit;
        resolve(this.exit);
        this.#wake();
      };
      this.process.on("error", (error) => {
        this.#append(`${error.message}\n`);
        done({ code: 127, signal: null });
      });
      // "close" comes after the last output, which tells why a program failed. But a grandchild that outlives it
      // keeps the pipes open, so that "exit" has to do after a while.
      this.process.on("exit", (code, signal) => {
        setTimeout(() => {
          done({ code, signal });
        }, lastWordsTime);
      });
      this.process.on("close", (code, signal) => {
        done({ code, signal });
      });
    });
  }

  #append(text: string): void {
    this.log = (this.log + text).slice(-logLimit);
    this.#wake();
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }

  get alive(): boolean {
    return this.exit === undefined && this.pid > 0;
  }

  /** Resolves when the log matches; rejects with the log when the process ends or the time (ms) is over. */
  waitFor(pattern: RegExp, timeout: number): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
      };
      const fail = (why: string): void => {
        finish();
        reject(new Error(`${this.#title}: ${why} before ${pattern}; log:\n${this.log.slice(-4000)}`));
      };
      const look = (): void => {
        const match = pattern.exec(this.log);
        if (match) {
          finish();
          resolve(match);
        } else if (this.exit) fail(`exit ${this.exit.code ?? this.exit.signal}`);
      };
      const timer = setTimeout(() => {
        fail(`${timeout} ms passed`);
      }, timeout);
      this.#listeners.add(look);
      look();
    });
  }

  /** Signals the process alone (not its group). */
  signal(name: NodeJS.Signals): void {
    if (this.alive) this.process.kill(name);
  }

  /** Asks it to end, insists after `grace` ms, and waits until it is gone. */
  async stop(name: NodeJS.Signals = "SIGTERM", grace = 3000): Promise<Exit> {
    const timer = setTimeout(() => {
      this.killNow();
    }, grace);
    this.signal(name);
    const exit = await this.exited;
    clearTimeout(timer);
    this.#killGroup();
    return exit;
  }

  /** Synchronous, for exit handlers: the whole group, at once. */
  killNow(): void {
    if (this.pid > 0) this.#killGroup();
  }

  #killGroup(): void {
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // nobody left in the group
    }
  }

  /** The process and its descendants. */
  tree(): number[] {
    return this.alive ? processTree(this.pid) : [];
  }

  /** CPU seconds (user + system, all threads) of the whole tree so far. */
  cpuSeconds(): number {
    return this.tree().reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
  }

  /** Resident bytes of the whole tree. */
  rssBytes(): number {
    return this.tree().reduce((sum, pid) => sum + rssBytesOf(pid), 0);
  }
}

/** A pid and its descendants; those that end meanwhile are left out. */
export function processTree(root: number): number[] {
  const found = [root];
  for (const pid of found) {
    try {
      // Children are listed by the thread that forked them; programs of the lab fork from their main thread.
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
      if (children !== "") found.push(...children.split(" ").map(Number));
    } catch {
      // gone
    }
  }
  return found;
}

export function cpuSecondsOf(pid: number): number {
  // utime and stime are fields 14 and 15, counted from 1.
  const fields = statFieldsFromThird(pid);
  return fields === undefined ? 0 : (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** A zombie is not: it waits for its parent only, and an orphan's may take seconds. */
export function isRunning(pid: number): boolean {
  const state = statFieldsFromThird(pid)?.[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Of proc_pid_stat(5), from the state on: the name before it may hold blanks. Undefined: there is no such process. */
function statFieldsFromThird(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

export function rssBytesOf(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return Number(kilobytes?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

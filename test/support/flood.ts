// Floods of datagrams: what they consist of, and the program that sends them (flood.cc).

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Child } from "../../tools/netlab/child.ts";
import type { LabNode } from "../../tools/netlab/lab.ts";

const source = join(import.meta.dirname, "flood.cc");

/** Compiles the program once for each version of its source. */
function buildFlood(): string {
  const version = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16);
  const folder = join(tmpdir(), `etherloom-test-${process.getuid?.() ?? 0}`);
  const program = join(folder, `flood-${version}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fresh = `${program}.${process.pid}`;
  const compiler = spawnSync("c++", ["-std=c++17", "-O2", "-Wall", "-o", fresh, source], {
    encoding: "utf8",
  });
  if (compiler.status !== 0) throw new Error(`c++ flood.cc: ${compiler.stderr}`);
  renameSync(fresh, program);
  return program;
}

/** 32-bit generator (mulberry32): a seed gives the same flood again. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

function randomBuffer(next: () => number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE(next(), i);
  for (let i = length & ~3; i < length; i++) bytes[i] = next();
  return bytes;
}

/**
 * Bad datagrams: a quarter is random; half has a valid type and a live receiver index; the rest are true datagrams that
 * were cut or have bits flipped.
 * @param live receiver indices of the target's sessions
 * @param templates datagrams that the target has received
 */
export function badDatagrams(
  seed: number,
  count: number,
  live: readonly number[],
  templates: readonly Buffer[],
): Buffer[] {
  const next = generator(seed);
  const size = (): number => [next() % 64, next() % 200, next() % 1473][next() % 3] ?? 0;
  const pick = <T>(list: readonly T[]): T | undefined => list[next() % list.length];
  return Array.from({ length: count }, (_, i) => {
    switch (i % 8) {
      case 0:
        return randomBuffer(next, size());
      case 1: {
        const bytes = randomBuffer(next, Math.max(4, size()));
        bytes.set([1 + (next() % 5), 1, 0, 0]);
        return bytes;
      }
      case 2: {
        const template = pick(templates) ?? Buffer.alloc(1);
        return template.subarray(0, next() % template.length);
      }
      case 3: {
        const template = Buffer.from(pick(templates) ?? Buffer.alloc(1));
        for (let flips = 1 + (next() % 8); flips > 0; flips--) {
          const at = next() % template.length;
          template[at] = (template[at] ?? 0) ^ (1 + (next() % 255));
        }
        return template;
      }
      default: {
        const bytes = randomBuffer(next, Math.max(16, size()));
        bytes.set([next() % 2 === 0 ? 4 : 5, 1, 0, 0]);
        bytes.writeUInt32LE(pick(live) ?? 0, 4);
        // Counters that the replay window would take.
        if (next() % 2 === 0) bytes.writeBigUInt64LE(BigInt(next() % 100_000), 8);
        if (bytes[0] === 5 && bytes.length > 40) bytes[40] = 1 + (next() % 4);
        return bytes;
      }
    }
  });
}

export interface FloodResult {
  sent: number;
  bytes: number;
  answers: number;
  answerBytes: number;
  largest: number;
}

export interface FloodOptions {
  /** datagrams a second */
  rate: number;
  seconds: number;
  target: string;
  port: number;
  /** own addresses to send from; they must be configured */
  addresses: readonly string[];
  /** ports per address, default 1 */
  sockets?: number;
}

export class Flood {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  static async start(
    node: LabNode,
    folder: string,
    datagrams: readonly Buffer[],
    options: FloodOptions,
  ): Promise<Flood> {
    const corpus = join(folder, `corpus-${node.name}`);
    const length = Buffer.alloc(2);
    const items = datagrams.flatMap((datagram) => {
      length.writeUInt16LE(datagram.length);
      return [Buffer.from(length), datagram];
    });
    writeFileSync(corpus, Buffer.concat(items));
    const { target, port, rate, seconds, sockets = 1, addresses } = options;
    const numbers = [port, rate, seconds].map(String);
    const child = node.spawn([buildFlood(), target, ...numbers, corpus, `${sockets}`, ...addresses]);
    await child.waitFor(/^started$/m, 10_000);
    return new Flood(child);
  }

  /** Waits for its end. */
  async result(): Promise<FloodResult> {
    await this.#child.exited;
    const found = /^sent (\d+) bytes (\d+) answers (\d+) answerBytes (\d+) largest (\d+)$/m.exec(
      this.#child.log,
    );
    if (!found) throw new Error(`flood: ${this.#child.log}`);
    const [sent = 0, bytes = 0, answers = 0, answerBytes = 0, largest = 0] = found.slice(1).map(Number);
    return { sent, bytes, answers, answerBytes, largest };
  }
}

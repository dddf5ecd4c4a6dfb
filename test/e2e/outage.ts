// How long traffic was gone: a steady ping whose answers are stamped when they arrive.

import type { Child, LabNode } from "./harness.ts";

/** Answers to requests that go out at a fixed pace until `stop`. */
export class SteadyPing {
  readonly #child: Child;
  readonly #interval: number;

  /** @param interval seconds between requests */
  private constructor(child: Child, interval: number) {
    this.#child = child;
    this.#interval = interval;
  }

  /** Starts without waiting for an answer. */
  static begin(from: LabNode, address: string, interval: number = 0.05): SteadyPing {
    // -O reports what was not answered, so that the log shows the outage too.
    return new SteadyPing(from.spawn(["ping", "-n", "-D", "-O", "-i", `${interval}`, address]), interval);
  }

  /** Starts, and waits for the first answer. */
  static async start(from: LabNode, address: string, interval: number = 0.05): Promise<SteadyPing> {
    const steady = SteadyPing.begin(from, address, interval);
    await steady.#child.waitFor(/bytes from/, 10_000);
    return steady;
  }

  /** Arrival of every answer, ms since 1970, and its sequence number. */
  answers(): { at: number; sequence: number }[] {
    const found = this.#child.log.matchAll(/^\[(\d+\.\d+)\] \d+ bytes from .*icmp_seq=(\d+)/gm);
    return [...found].map((match) => ({ at: Number(match[1]) * 1000, sequence: Number(match[2]) }));
  }

  /** ms from `since` (ms since 1970) to the first answer after it; waits for that answer. */
  async backAfter(since: number, timeout: number = 15_000): Promise<number> {
    const end = Date.now() + timeout;
    for (;;) {
      const first = this.answers().find((answer) => answer.at >= since);
      if (first) return first.at - since;
      if (Date.now() > end)
        throw new Error(`no answer within ${timeout} ms; log:\n${this.#child.log.slice(-1000)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Requests without an answer, by ping's own account: only after `stop`. The last may still be on its way. */
  lost(): number {
    const summary = /(\d+) packets transmitted, (\d+) received/.exec(this.#child.log);
    if (!summary) throw new Error(`no summary; log:\n${this.#child.log.slice(-1000)}`);
    return Number(summary[1]) - Number(summary[2]);
  }

  /** ms between the two answers that are farthest apart, less the pace. */
  longestGap(): number {
    const times = this.answers().map((answer) => answer.at);
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? at));
    return Math.max(0, ...gaps) - this.#interval * 1000;
  }

  async stop(): Promise<void> {
    await this.#child.stop("SIGINT");
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

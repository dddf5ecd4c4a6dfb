/** Lines of the log that somebody else causes: each kind at once, its repetitions as a number once a minute. */
import type { Logger } from "./log.ts";

const QUIET_MS = 60_000;

interface Told {
  readonly text: string;
  readonly fields: Record<string, unknown>;
  sinceMs: number;
  /** Not told yet. */
  held: number;
}

export class Repetitions {
  readonly #log: Pick<Logger, "warn">;
  readonly #maxKinds: number;
  readonly #told: Map<string, Told> = new Map();

  /** @param maxKinds within a minute; more than these are not told */
  constructor(log: Pick<Logger, "warn">, maxKinds: number) {
    this.#log = log;
    this.#maxKinds = maxKinds;
  }

  has(kind: string): boolean {
    return this.#told.has(kind);
  }

  /** Kinds that begin so. */
  count(beginning: string): number {
    let count = 0;
    for (const kind of this.#told.keys()) if (kind.startsWith(beginning)) count++;
    return count;
  }

  /** True when it is in the log now. `nowMs`: monotonic. */
  tell(kind: string, fields: Record<string, unknown>, text: string, nowMs: number, times = 1): boolean {
    const told = this.#told.get(kind);
    if (told !== undefined) told.held += times;
    if (told !== undefined || this.#told.size >= this.#maxKinds) return false;
    this.#told.set(kind, { text, fields, sinceMs: nowMs, held: times - 1 });
    this.#log.warn(fields, text);
    return true;
  }

  /** To be called every second or so: tells how often what was told a minute ago has come since. */
  repeat(nowMs: number): void {
    for (const [kind, told] of this.#told) {
      if (nowMs - told.sinceMs < QUIET_MS) continue;
      if (told.held === 0) {
        this.#told.delete(kind);
        continue;
      }
      this.#log.warn({ ...told.fields, times: told.held }, told.text);
      told.sinceMs = nowMs;
      told.held = 0;
    }
  }
}

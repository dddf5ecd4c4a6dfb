/**
 * A supernode that has just restarted knows no links yet. Rows computed from the first few reports would tear routes
 * down that work, so it keeps its rows to itself until everybody whom a report names as heard has reported too.
 */

/** At least this long, so that those who reconnect first do not count as all. */
const SHORTEST_MS = 2000;
/** Reconnecting edges pause up to ten seconds between attempts. */
const LONGEST_MS = 25_000;
const NODE_IDS = 65536;

export class RestartGrace {
  #startMs: number;
  readonly #reported: Set<number> = new Set();
  readonly #heard: Set<number> = new Set();
  #settled: boolean;
  /** It may turn out that there was one before, whose state directory was lost. */
  #mayBegin: boolean;

  /** @param restarted a supernode with this state directory ran before; a first one has nothing to spare */
  constructor(restarted: boolean, nowMs: number) {
    this.#settled = !restarted;
    this.#mayBegin = !restarted;
    this.#startMs = nowMs;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** An edge that comes has a row of another process: there was a supernode before, whatever the state directory says. */
  foundRow(nowMs: number): void {
    if (!this.#mayBegin) return;
    this.#mayBegin = this.#settled = false;
    this.#startMs = nowMs;
  }

  /** `links`: of a report, not validated. */
  reported(nodeId: number, links: readonly unknown[]): void {
    if (this.#settled && !this.#mayBegin) return;
    this.#reported.add(nodeId);
    for (const link of links) {
      const { from, costUs } = (link ?? {}) as { from?: unknown; costUs?: unknown };
      if (typeof from !== "number" || typeof costUs !== "number") continue;
      if (Number.isInteger(from) && from >= 0 && from < NODE_IDS) this.#heard.add(from);
    }
  }

  /** Whether rows may be told. Who is heard and no member any more is not waited for. */
  check(nowMs: number, isMember: (nodeId: number) => boolean = () => true): boolean {
    const age = nowMs - this.#startMs;
    // By then all who were there before have come, if anybody has: the network is this process's own.
    if (age >= LONGEST_MS && this.#reported.size > 0) this.#mayBegin = false;
    if (this.#settled) return true;
    const complete =
      this.#reported.size > 0 &&
      [...this.#heard].every((nodeId) => this.#reported.has(nodeId) || !isMember(nodeId));
    this.#settled = age >= LONGEST_MS || (age >= SHORTEST_MS && complete);
    return this.#settled;
  }
}

/**
 * A supernode that has just restarted knows no links yet. Rows computed from the first few reports would tear routes
 * down that work, so it keeps its rows to itself until everybody has reported of whom it knows: who is heard by others,
 * and who came with a row.
 *
 *     restarted ──▶ waiting ── all have reported, 2 s; 25 s ──▶ settled
 *     first one ────────────────────────────────────────────────▶ │
 *                      ▲── a row of another process ──────────────┘ twice at most, until most members have reported
 *
 * Time counts from the first report: nobody may reach a supernode whose host has come up before its uplink.
 */

/** At least this long, so that those who reconnect first do not count as all. */
const SHORTEST_MS = 2000;
/** Reconnecting edges pause up to ten seconds between attempts. */
const LONGEST_MS = 25_000;
/** The first one may have ended on the word of those few on this side of an uplink that was down. */
const GRACES = 2;
const NODE_IDS = 65536;

export class RestartGrace {
  #startMs = Infinity;
  readonly #reported: Set<number> = new Set();
  /** Who is there, as far as is known. */
  readonly #awaited: Set<number> = new Set();
  #settled: boolean;
  /** Graces that may still begin. */
  #left: number;

  /** @param restarted a supernode with this state directory ran before; a first one has nothing to spare */
  constructor(restarted: boolean) {
    this.#settled = !restarted;
    this.#left = restarted ? GRACES - 1 : GRACES;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** An edge comes with a row of another process: there was a supernode before, whatever the state directory says. */
  foundRow(nowMs: number, nodeId: number): void {
    this.#awaited.add(nodeId);
    if (!this.#settled || this.#left === 0) return;
    this.#left--;
    this.#settled = false;
    this.#startMs = nowMs;
  }

  /** `links`: of a report, not validated. */
  reported(nowMs: number, nodeId: number, links: readonly unknown[]): void {
    if (this.#settled && this.#left === 0) return;
    if (this.#reported.size === 0) this.#startMs = nowMs;
    this.#reported.add(nodeId);
    for (const link of links) {
      const { from, costUs } = (link ?? {}) as { from?: unknown; costUs?: unknown };
      if (typeof from !== "number" || typeof costUs !== "number") continue;
      if (Number.isInteger(from) && from >= 0 && from < NODE_IDS) this.#awaited.add(from);
    }
  }

  /** Whether rows may be told. Who is heard and no member any more is not waited for. */
  check(nowMs: number, memberIds: () => readonly number[]): boolean {
    if (this.#settled && this.#left === 0) return true;
    if (this.#reported.size === 0) return this.#settled;
    const age = nowMs - this.#startMs;
    const members = new Set(memberIds());
    // The network is known: who still comes with another's row has been away itself, or obeyed another supernode.
    if (age >= LONGEST_MS && 2 * this.#reported.size > members.size) this.#left = 0;
    if (this.#settled) return true;
    // The word of those who hear nobody and have no row, as new processes do, says nothing of the others.
    const complete =
      this.#awaited.size > 0 &&
      [...this.#awaited].every((nodeId) => this.#reported.has(nodeId) || !members.has(nodeId));
    this.#settled = age >= LONGEST_MS || (age >= SHORTEST_MS && complete);
    return this.#settled;
  }
}

/** What was refused, of whom, and how often: for counters and for the log. */

/** Stable codes; each is also a counter's name. */
export const REFUSAL_REASONS = [
  "unknown-member",
  "malformed",
  "stale",
  "too-many",
  "unknown-peer",
  "own-id",
  "not-receiver",
  "duplicate",
  "bad-number",
  "wrong-epoch",
  "narrow",
  "dishonest",
  "disputed",
  "implausible",
  "negative-cycle",
  "unconfirmed",
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export interface Refusal {
  reason: RefusalReason;
  peer?: number;
}

/** What a member has said that turned out wrong afterwards. */
export interface Accusation extends Refusal {
  nodeId: number;
}

/** What a member was refused so far. */
export interface RefusedBy {
  nodeId: number;
  reason: RefusalReason;
  /** The peer of the newest refusal, where there is one. */
  peer: number | undefined;
  count: number;
}

export class Refusals {
  readonly #totals = new Map<RefusalReason, number>(REFUSAL_REASONS.map((reason) => [reason, 0]));
  readonly #byMember = new Map<string, RefusedBy>();

  /** @param member undefined: not a member, counted in the total alone */
  count(member: number | undefined, { reason, peer }: Refusal): void {
    this.#totals.set(reason, (this.#totals.get(reason) ?? 0) + 1);
    if (member === undefined) return;
    const key = `${member} ${reason}`;
    const entry = this.#byMember.get(key) ?? { nodeId: member, reason, peer, count: 0 };
    entry.count++;
    entry.peer = peer;
    this.#byMember.set(key, entry);
  }

  totals(): Record<string, number> {
    return Object.fromEntries(this.#totals);
  }

  list(): RefusedBy[] {
    return [...this.#byMember.values()].map((entry) => ({ ...entry }));
  }

  retain(isMember: (nodeId: number) => boolean): void {
    for (const [key, { nodeId }] of this.#byMember) if (!isMember(nodeId)) this.#byMember.delete(key);
  }
}

/** An edge's side of row changes. DESIGN §8. */
import { rowHash } from "./row-hash.ts";
import type { Row, RowDelta, RowEntry } from "./types.ts";

/** The row after a change, or undefined if it does not fit this row: then the row must be fetched anew. */
export function applyDelta(row: Row, delta: RowDelta): Row | undefined {
  const { base, incarnation, counter, hash } = delta;
  if (base.incarnation !== row.incarnation || base.counter !== row.counter) return undefined;
  const entries = new Map<number, RowEntry>(row.entries.map((entry) => [entry.destination, entry]));
  for (const destination of delta.removed) entries.delete(destination);
  for (const entry of delta.set) entries.set(entry.destination, entry);
  const sorted = [...entries.values()].sort((one, other) => one.destination - other.destination);
  return rowHash(sorted) === hash ? { incarnation, counter, hash, entries: sorted } : undefined;
}

/** Whether an answer is a change and not a whole row. */
export function isDelta(answer: Row | RowDelta): answer is RowDelta {
  return "base" in answer;
}

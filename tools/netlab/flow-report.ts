// What became of a flow of numbered packets, from the arrivals alone.

/** Times are ms since 1970, to the microsecond. */
export interface Arrival {
  sequence: number;
  sentAt: number;
  arrivedAt: number;
}

/** A time in which nothing arrived. */
export interface Gap {
  /** ms between two arrivals, less the pace: 0 when every packet comes on time */
  ms: number;
  /** the last arrival before, the first one after it (ms since 1970) */
  from: number;
  to: number;
  /** packets sent meanwhile that never came */
  lost: number;
}

export interface FlowReport {
  /** from the first to the last sequence number that arrived */
  sent: number;
  /** distinct packets that arrived */
  received: number;
  lost: number;
  lostSequences: number[];
  /** arrivals of packets that were there already */
  duplicated: number;
  /** packets that came after a later one */
  reordered: number;
  /** the longest time without an arrival */
  outage: Gap;
  /** one-way delays of all first arrivals, ms, in order of arrival */
  delays: number[];
}

const nothing: Gap = { ms: 0, from: NaN, to: NaN, lost: 0 };

/**
 * Reads the account of the arrivals, which are in order of time.
 * @param interval ms between packets
 * @param range first and last sequence number of interest; default: the lowest and the highest that arrived, so that
 *   packets still on their way are not called lost
 */
export function reportFlow(
  arrivals: readonly Arrival[],
  interval: number,
  range: { first?: number; last?: number } = {},
): FlowReport {
  const first = range.first ?? arrivals.reduce((low, { sequence }) => Math.min(low, sequence), Infinity);
  const last = range.last ?? arrivals.reduce((high, { sequence }) => Math.max(high, sequence), -1);
  const seen = new Set<number>();
  const delays: number[] = [];
  let duplicated = 0;
  let reordered = 0;
  let highest = -1;
  let outage = nothing;
  let previous: Arrival | undefined;
  for (const arrival of arrivals) {
    const { sequence, sentAt, arrivedAt } = arrival;
    if (sequence < first || sequence > last) continue;
    if (seen.has(sequence)) {
      duplicated++;
      continue;
    }
    seen.add(sequence);
    delays.push(arrivedAt - sentAt);
    if (sequence < highest) reordered++;
    highest = Math.max(highest, sequence);
    if (previous) {
      const ms = Math.max(0, arrivedAt - previous.arrivedAt - interval);
      if (ms > outage.ms) outage = { ms, from: previous.arrivedAt, to: arrivedAt, lost: 0 };
    }
    previous = arrival;
  }
  const lostSequences: number[] = [];
  for (let sequence = first; sequence <= last; sequence++) {
    if (!seen.has(sequence)) lostSequences.push(sequence);
  }
  return {
    sent: Math.max(0, last - first + 1),
    received: seen.size,
    lost: lostSequences.length,
    lostSequences,
    duplicated,
    reordered,
    outage: { ...outage, lost: lostIn(outage, arrivals, lostSequences) },
    delays,
  };
}

/** Lost packets between those that frame the gap. */
function lostIn(gap: Gap, arrivals: readonly Arrival[], lost: readonly number[]): number {
  const before = arrivals.find((arrival) => arrival.arrivedAt === gap.from)?.sequence;
  const after = arrivals.find((arrival) => arrival.arrivedAt === gap.to)?.sequence;
  if (before === undefined || after === undefined) return 0;
  return lost.filter((sequence) => sequence > before && sequence < after).length;
}

/** The value below which `share` (0..1) of the values are; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

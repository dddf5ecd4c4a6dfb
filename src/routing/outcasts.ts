/** Links that were taken out of all paths, and whose fault that is. DESIGN §7. */

/** A link (indices). */
export interface Outcast {
  from: number;
  to: number;
  reason: "implausible" | "negative-cycle";
}

/** Who is wrong about the link with whom (indices). */
export interface Fault {
  node: number;
  peer: number;
  reason: Outcast["reason"];
}

/**
 * The fault is the reporter's; of a negative cycle the sender's, if more of its links were cast out: its clock is told
 * to each of the others, and those whom it is told otherwise only say what they measure.
 */
export function faultsOf(outcasts: readonly Outcast[]): Fault[] {
  const links = new Map<number, number>();
  const inCycles = outcasts.filter(({ reason }) => reason === "negative-cycle");
  for (const node of inCycles.flatMap(({ from, to }) => [from, to])) {
    links.set(node, (links.get(node) ?? 0) + 1);
  }
  return outcasts.map(({ from, to, reason }) => {
    const isSenders = reason === "negative-cycle" && (links.get(from) ?? 0) > (links.get(to) ?? 0);
    return isSenders ? { node: from, peer: to, reason } : { node: to, peer: from, reason };
  });
}

// The books of a network: whatever comes in goes out, waits, or is dropped for one counted reason (native/counters.h).

import assert from "node:assert/strict";
import type { StatusDocument } from "../../src/api/status-model.ts";
import { FRAME_DROPS, TRANSIT_DROPS } from "../../src/dataplane/drops.ts";
import type { Mesh } from "../../tools/netlab/mesh.ts";
import { accountedFor } from "./accounting.ts";

export type Counts = Readonly<Record<string, number>>;

/** Counters and drops of a node in one record. */
export function countsOf({
  counters,
  drops,
  udp,
}: Pick<StatusDocument, "counters" | "drops" | "udp">): Counts {
  return { ...counters, ...drops, kernelDrops: udp.kernelDrops };
}

function total(counts: Counts, names: readonly string[]): number {
  return names.reduce((sum, name) => {
    const value = counts[name];
    if (value === undefined) throw new Error(`no counter ${name}`);
    return sum + value;
  }, 0);
}

/** What a datagram that was to be sent can end as, before it is on the wire. */
const SEND_FAILURES = ["dropSocketFull", "dropSendError", "dropMessageSize"];

/** Each pair must be equal on every node at every moment. */
export function ledgers(counts: Counts): Record<string, readonly [number, number]> {
  return {
    frames: [
      total(counts, ["framesFromPorts", "framesOpened", "floodCopies"]),
      total(counts, ["framesSealed", "framesToPorts", "waitingFrames", ...FRAME_DROPS]),
    ],
    "datagrams out": [
      total(counts, ["recordsSent", "transitForwarded", "handshakesSent"]),
      total(counts, ["datagramsSent", ...SEND_FAILURES]),
    ],
    "datagrams in": [total(counts, ["datagramsReceived"]), accountedFor(counts)],
    transit: [total(counts, ["transitReceived"]), total(counts, ["transitForwarded", ...TRANSIT_DROPS])],
  };
}

export function assertBalanced(counts: Counts, who: string): void {
  for (const [name, [left, right]] of Object.entries(ledgers(counts))) {
    assert.equal(left, right, `${who}: ${name} (${JSON.stringify(present(counts))})`);
  }
}

/** Sums over several nodes. */
export function summed(all: readonly Counts[]): Counts {
  const sum: Record<string, number> = {};
  for (const counts of all) {
    for (const [name, value] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + value;
  }
  return sum;
}

/** What is not zero, for messages. */
export function present(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== 0));
}

/** What changed between two snapshots. */
export function difference(before: Counts, after: Counts): Counts {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
}

/** The counters of all running nodes when nothing of the kind in `names` has moved between two looks. */
export async function atRest(
  mesh: Mesh,
  names: readonly string[],
  timeout: number = 20_000,
): Promise<Map<string, Counts>> {
  const look = async (): Promise<Map<string, Counts>> => {
    const running = mesh.edges.filter((edge) => edge.running);
    return new Map(
      await Promise.all(
        running.map(async (edge) => [edge.node.name, countsOf(await edge.status())] as const),
      ),
    );
  };
  const key = (all: Map<string, Counts>): string =>
    JSON.stringify([...all.values()].map((counts) => names.map((name) => counts[name])));
  const end = performance.now() + timeout;
  let before = await look();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 60));
    const after = await look();
    if (key(before) === key(after)) return after;
    if (performance.now() > end) throw new Error(`no rest within ${timeout} ms`);
    before = after;
  }
}

// Where each received datagram must end.

/** The drops that end a datagram's way (engine-receive.cc, steps 1 to 4). */
export const datagramDrops = [
  "dropShort",
  "dropUnknownType",
  "dropReserved",
  "dropBadLength",
  "dropUnknownIndex",
  "dropReplay",
  "dropAuth",
  "dropHeader",
  "dropMac1",
  "dropTruncated",
  "dropTransitSelf",
  "dropBatchFull",
] as const;

/** Datagrams that ended in a counter, from `status` or an engine: equal to datagramsReceived. */
export function accountedFor(counters: Readonly<Record<string, number>>): number {
  const ends = ["recordsReceived", "transitReceived", "handshakesReceived", ...datagramDrops];
  return ends.reduce((sum, name) => sum + (counters[name] ?? NaN), 0);
}

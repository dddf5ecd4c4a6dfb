/** How much fits a link, and what a relayed record needs of it. DESIGN §5, §7. */

/** UDP payload that passes where nothing larger was proven: IPv6's least MTU without its headers. */
const UNPROVEN_PAYLOAD = 1280 - 48;
/** What a relayed record has in front of it on every link but the last. */
export const TRANSIT_HEADER = 40;

/**
 * Bytes of UDP payload for the link i→j. Each end proves its own direction and reports the other one, so the lesser of
 * what both say is what surely passes.
 * @param mtu n × n: what j reports of the link from i, at i·n + j; 0 = nothing
 */
export function payloadOf(mtu: Uint16Array, n: number, i: number, j: number): number {
  const there = mtu[i * n + j] || UNPROVEN_PAYLOAD;
  const back = mtu[j * n + i] || there;
  return Math.min(there, back);
}

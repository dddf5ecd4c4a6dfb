/** How much fits a link. DESIGN §7, §8. */
import { IPV4_UDP, IPV6_UDP, LEAST_MTU } from "../wire/sizes.ts";

/** UDP payload that passes where nothing larger was proven; a backup that carries less cuts frames into pieces. */
export const UNPROVEN_PAYLOAD: number = LEAST_MTU - IPV6_UDP;
/** No link carries less: the least that an IPv4 host believes of a path is 552 (Linux, ip_sysctl min_pmtu). */
export const LEAST_PAYLOAD: number = 552 - IPV4_UDP;

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

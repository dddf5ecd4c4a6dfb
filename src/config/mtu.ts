/**
 * How large a port's MTU may be before its frames need overlay fragments (DESIGN §5, "Sizes").
 *
 * ```
 *   IP 20 | 40 · UDP 8 · [transit header 40] · record 16 + 8 · Ethernet 14 · payload (the MTU) · tag 16
 * ```
 */
import { IPV4_UDP, IPV6_UDP, LARGEST_MTU, RECORD, TRANSIT } from "../wire/sizes.ts";

/** Fits every path of 1492 bytes and more: IPv6, through a relay, over PPPoE. */
export const DEFAULT_MTU = 1350;

const ETHERNET_HEADER = 14;
const FRAGMENT_HEADER = 8;
const IP_UDP = { 4: IPV4_UDP, 6: IPV6_UDP } as const;

/** Bytes that one frame of an untagged port with this MTU takes on the underlay, IP header included. */
export function underlaySize(mtu: number, family: 4 | 6, relayed: boolean): number {
  return mtu + ETHERNET_HEADER + RECORD + (relayed ? TRANSIT : 0) + IP_UDP[family];
}

/** The links behind a relay are not this node's to know: they count as IPv6, here as in the data plane. */
const assumed = (family: 4 | 6, relayed: boolean): 4 | 6 => (relayed ? 6 : family);

/** The largest MTU whose frames fit into one datagram on an underlay of 1500 bytes. */
export function fittingMtu(family: 4 | 6, relayed: boolean): number {
  return LARGEST_MTU - underlaySize(0, assumed(family, relayed), relayed);
}

/** A sentence for the user when frames of `mtu` will be cut in pieces; undefined when they fit. */
export function mtuWarning(mtu: number, family: 4 | 6, relayed: boolean): string | undefined {
  const fits = fittingMtu(family, relayed);
  if (mtu <= fits) return undefined;
  const path = `IPv${assumed(family, relayed)}${relayed ? " through a relay" : ""}`;
  const size = underlaySize(mtu, assumed(family, relayed), relayed);
  return (
    `${mtu} makes packets of ${size} bytes over ${path}, so large frames travel in ${fragments(mtu, fits)} fragments; ` +
    `the largest that fits ${LARGEST_MTU} is ${fits} (${DEFAULT_MTU} fits everywhere)`
  );
}

/** Into how many pieces frames of a port with this MTU are cut where those of `fits` are whole. */
function fragments(mtu: number, fits: number): number {
  return Math.ceil((mtu + ETHERNET_HEADER) / (fits + ETHERNET_HEADER - FRAGMENT_HEADER));
}

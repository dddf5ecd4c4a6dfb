/**
 * Looking at an Ethernet frame (IEEE 802.3, without FCS) where it lies, without allocating.
 *
 * ```
 *  0             6        12          14
 *  +-------------+--------+-----------+----------
 *  | destination | source | EtherType | payload …          untagged
 *  +-------------+--------+-----------+----------
 *  +-------------+--------+------+-----+-----------+----------
 *  | destination | source | TPID | TCI | EtherType | payload …    one tag (802.1Q); at most two are walked
 *  +-------------+--------+------+-----+-----------+----------
 * ```
 *
 * A MAC address is handled as two numbers: `hi`, its first 16 bits, and `lo`, its last 32 bits, both unsigned.
 * Unless said otherwise the caller has checked that the frame has its {@link ETHERNET_HEADER_BYTES}.
 */

export const ETHERNET_HEADER_BYTES = 14;
export const VLAN_TAG_BYTES = 4;
/** Tags walked at most: one service and one customer tag. A third is treated as payload. */
export const MAX_VLAN_TAGS = 2;

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_QINQ = 0x88a8;
export const ETHERTYPE_IPV6 = 0x86dd;

function uint16(frame: Uint8Array, at: number): number {
  return ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
}

function uint32(frame: Uint8Array, at: number): number {
  return (
    (((frame[at] ?? 0) << 24) |
      ((frame[at + 1] ?? 0) << 16) |
      ((frame[at + 2] ?? 0) << 8) |
      (frame[at + 3] ?? 0)) >>>
    0
  );
}

/** First 16 bits of the destination MAC. */
export function destinationHi(frame: Uint8Array, offset: number): number {
  return uint16(frame, offset);
}

/** Last 32 bits of the destination MAC. */
export function destinationLo(frame: Uint8Array, offset: number): number {
  return uint32(frame, offset + 2);
}

/** First 16 bits of the source MAC. */
export function sourceHi(frame: Uint8Array, offset: number): number {
  return uint16(frame, offset + 6);
}

/** Last 32 bits of the source MAC. */
export function sourceLo(frame: Uint8Array, offset: number): number {
  return uint32(frame, offset + 8);
}

/** Whether the frame goes to a group address (multicast or broadcast). */
export function isGroupDestination(frame: Uint8Array, offset: number): boolean {
  return ((frame[offset] ?? 0) & 1) === 1;
}

/** Whether a MAC, given by its first 16 bits, is a group address. */
export function isGroupMac(hi: number): boolean {
  return (hi & 0x0100) !== 0;
}

/** Whether an EtherType announces a VLAN tag. */
export function isVlanType(type: number): boolean {
  return type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ;
}

/** Number of complete VLAN tags, 0..2. `end` is where the frame's bytes end. */
export function vlanTagCount(frame: Uint8Array, offset: number, end: number): number {
  let at = offset + 12;
  let tags = 0;
  while (tags < MAX_VLAN_TAGS && at + 6 <= end && isVlanType(uint16(frame, at))) {
    at += VLAN_TAG_BYTES;
    tags++;
  }
  return tags;
}

/**
 * VLAN id of the outermost tag, 0..4095. An untagged frame and a priority tag (id 0, IEEE 802.1Q §6.9) both give 0:
 * they belong to the same segment. A tag cut off by the frame's end counts as absent.
 */
export function outerVlanId(frame: Uint8Array, offset: number, end: number): number {
  if (offset + 18 > end || !isVlanType(uint16(frame, offset + 12))) return 0;
  return uint16(frame, offset + 14) & 0x0fff;
}

/** EtherType (or 802.3 length) behind the tags, or −1 when the frame ends before it. */
export function etherType(frame: Uint8Array, offset: number, end: number): number {
  const at = offset + 12 + VLAN_TAG_BYTES * vlanTagCount(frame, offset, end);
  return at + 2 <= end ? uint16(frame, at) : -1;
}

/** Where the payload behind tags and EtherType begins (may be `end`), or −1 when the header is cut off. */
export function payloadOffset(frame: Uint8Array, offset: number, end: number): number {
  const at = offset + ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES * vlanTagCount(frame, offset, end);
  return at <= end ? at : -1;
}

/** `aa:bb:cc:dd:ee:ff`. */
export function formatMac(hi: number, lo: number): string {
  const hex = hi.toString(16).padStart(4, "0") + lo.toString(16).padStart(8, "0");
  return hex.replace(/..(?!$)/g, "$&:");
}

/** Parse six octets of two hex digits joined by ":" or "-" (one kind throughout). */
export function parseMac(text: string): { hi: number; lo: number } | undefined {
  if (!/^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(text)) return undefined;
  const hex = text.replace(/[:-]/g, "");
  return { hi: Number.parseInt(hex.slice(0, 4), 16), lo: Number.parseInt(hex.slice(4), 16) };
}

/**
 * Underlay addresses: ip and UDP port, as text, as a packed form for shared buffers, and what kind they are.
 *
 * Packed form, 20 bytes:
 *
 * ```
 *  0        1     2          4                             20
 *  +--------+-----+----------+------------------------------+
 *  | family | 0   | port, BE | address (IPv4: first 4,      |
 *  | 4 or 6 |     |          | the other 12 are zero)       |
 *  +--------+-----+----------+------------------------------+
 * ```
 *
 * An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is always turned into the IPv4 address it means, so that one socket
 * address has one key whichever socket it was seen on. All parsers are total: bad input gives undefined.
 */

/** Size of the packed form in bytes. */
export const PACKED_ADDRESS_BYTES = 20;

export interface UnderlayAddress {
  readonly family: 4 | 6;
  /** 4 or 16 bytes, network order. */
  readonly bytes: Uint8Array;
  /** 0..65535. */
  readonly port: number;
}

/** An address prefix, such as 10.0.0.0/8. */
export interface AddressPrefix {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
  /** 0..32 or 0..128. */
  readonly bits: number;
}

/** Parse `a.b.c.d:port` or `[v6]:port`. Names, zones and missing ports are not accepted. */
export function parseAddress(text: string): UnderlayAddress | undefined {
  const parts = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})$/.exec(text);
  if (!parts) return undefined;
  const port = Number(parts[3]);
  if (port > 65535) return undefined;
  const bytes = parts[1] !== undefined ? parseIpv6(parts[1]) : parseIpv4(parts[2] ?? "");
  return bytes && makeAddress(bytes, port);
}

/** The canonical text: RFC 5952 inside brackets for IPv6. Equal addresses give equal text. */
export function formatAddress(address: UnderlayAddress): string {
  const host = formatHost(address.bytes);
  return address.family === 4 ? `${host}:${address.port}` : `[${host}]:${address.port}`;
}

/** The key under which an address is known in maps and events: its canonical text. */
export function addressKey(address: UnderlayAddress): string {
  return formatAddress(address);
}

/** Write the packed form; returns 20, or 0 when there is no room. */
export function packAddress(address: UnderlayAddress, target: Uint8Array, offset = 0): number {
  if (target.length - offset < PACKED_ADDRESS_BYTES) return 0;
  target.fill(0, offset, offset + PACKED_ADDRESS_BYTES);
  target[offset] = address.family;
  target[offset + 2] = address.port >>> 8;
  target[offset + 3] = address.port;
  target.set(address.bytes, offset + 4);
  return PACKED_ADDRESS_BYTES;
}

/** Read the packed form; undefined when too short or of an unknown family. */
export function unpackAddress(bytes: Uint8Array, offset = 0): UnderlayAddress | undefined {
  if (offset < 0 || bytes.length - offset < PACKED_ADDRESS_BYTES) return undefined;
  const family = bytes[offset];
  if (family !== 4 && family !== 6) return undefined;
  const port = ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0);
  return makeAddress(bytes.slice(offset + 4, offset + (family === 4 ? 8 : 20)), port);
}

/** Parse a bare IPv4 or IPv6 address; v4-mapped IPv6 gives 4 bytes. */
export function parseHost(text: string): Uint8Array | undefined {
  const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  return bytes && unmap(bytes);
}

/** Parse `address/bits`. Bits set behind the prefix are cleared. */
export function parsePrefix(text: string): AddressPrefix | undefined {
  const parts = /^([^/]{2,45})\/([0-9]{1,3})$/.exec(text);
  const host = parts?.[1] ?? "";
  const bytes = host.includes(":") ? parseIpv6(host) : parseIpv4(host);
  const bits = Number(parts?.[2]);
  if (!bytes || !(bits <= bytes.length * 8)) return undefined;
  for (let bit = bits; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) & ~(0x80 >> (bit & 7));
  }
  return { family: bytes.length === 4 ? 4 : 6, bytes, bits };
}

/** Whether the prefix covers the address. Families never match across. */
export function prefixContains(prefix: AddressPrefix, address: UnderlayAddress): boolean {
  if (prefix.family !== address.family) return false;
  const whole = prefix.bits >> 3;
  for (let i = 0; i < whole; i++) if (prefix.bytes[i] !== address.bytes[i]) return false;
  const rest = prefix.bits & 7;
  if (rest === 0) return true;
  return ((prefix.bytes[whole] ?? 0) ^ (address.bytes[whole] ?? 0)) >> (8 - rest) === 0;
}

/** 224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291). */
export function isMulticast(address: UnderlayAddress): boolean {
  const first = address.bytes[0] ?? 0;
  return address.family === 4 ? first >> 4 === 14 : first === 0xff;
}

/** 255.255.255.255 (RFC 919). Directed broadcasts cannot be told without knowing the prefix. */
export function isBroadcast(address: UnderlayAddress): boolean {
  return address.family === 4 && address.bytes.every((byte) => byte === 0xff);
}

/** 127.0.0.0/8 (RFC 1122) or ::1 (RFC 4291). */
export function isLoopback(address: UnderlayAddress): boolean {
  if (address.family === 4) return address.bytes[0] === 127;
  return address.bytes[15] === 1 && isZero(address.bytes, 15);
}

/** 0.0.0.0/8 ("this network", RFC 1122) or ::. */
export function isUnspecified(address: UnderlayAddress): boolean {
  return address.family === 4 ? address.bytes[0] === 0 : isZero(address.bytes, 16);
}

const PRIVATE: readonly AddressPrefix[] = [
  ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"],
  ...["fc00::/7", "fe80::/10"],
].flatMap((text) => parsePrefix(text) ?? []);

/**
 * Means something within one network only: RFC 1918, shared address space (RFC 6598), link-local (RFC 3927, RFC 4291),
 * unique local (RFC 4193).
 */
export function isPrivate(address: UnderlayAddress): boolean {
  return PRIVATE.some((prefix) => prefixContains(prefix, address));
}

function makeAddress(bytes: Uint8Array, port: number): UnderlayAddress {
  const host = unmap(bytes);
  return { family: host.length === 4 ? 4 : 6, bytes: host, port };
}

function unmap(bytes: Uint8Array): Uint8Array {
  const mapped = bytes.length === 16 && isZero(bytes, 10) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? bytes.slice(12) : bytes;
}

function isZero(bytes: Uint8Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (bytes[i] !== 0) return false;
  return true;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i] ?? "";
    // No leading zeros: some parsers read them as octal, and one text must mean one address.
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const bytes = new Uint8Array(16);
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  groups.forEach((group, i) => {
    bytes[2 * i] = group >>> 8;
    bytes[2 * i + 1] = group;
  });
  return bytes;
}

/** 16-bit groups of one side of "::"; an IPv4 tail is allowed where the whole address ends. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? "";
    if (last && i === parts.length - 1 && part.includes(".")) {
      const v4 = parseIpv4(part);
      if (!v4) return undefined;
      groups.push(((v4[0] ?? 0) << 8) | (v4[1] ?? 0), ((v4[2] ?? 0) << 8) | (v4[3] ?? 0));
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** Text of a bare address: dotted decimal, or RFC 5952 (longest run of two or more zero groups as "::"). */
export function formatHost(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  let start = 0;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) [start, length] = [i, run];
  }
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

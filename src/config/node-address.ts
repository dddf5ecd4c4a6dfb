/**
 * A node's MAC and IP addresses, made from a prefix of the network and the NodeID: nobody hands them out.
 *
 * ```
 *   MAC:  prefix octets (2..6) | the low octets of the 32-bit NodeID that still fit
 *         AA:BB:CC:DD + 2  →  AA:BB:CC:DD:00:02
 *   IP:   network address + NodeID;  NodeID 0 takes the last usable host address
 *         192.168.76.0/24 + 100  →  192.168.76.100/24
 * ```
 */

import { isIPv4, isIPv6 } from "node:net";

/** Octets of a MAC prefix, or a sentence that says what is wrong. */
export function parseMacPrefix(text: string): Uint8Array | string {
  const octets = text.split(/[:-]/);
  if (octets.length < 2 || octets.length > 6 || !octets.every((octet) => /^[0-9A-Fa-f]{1,2}$/.test(octet))) {
    return `found ${JSON.stringify(text.slice(0, 40))}, expected 2 to 6 hexadecimal octets such as 02:4C:00:00`;
  }
  const prefix = Uint8Array.from(octets, (octet) => Number.parseInt(octet, 16));
  if (prefix[0]! & 1) return `${text} is a multicast address, expected an even first octet`;
  return prefix;
}

export function deriveMac(prefix: Uint8Array, nodeId: number): Uint8Array {
  const mac = new Uint8Array(6);
  mac.set(prefix);
  for (let i = 5, rest = nodeId; i >= prefix.length; i--, rest >>>= 8) mac[i] = rest & 0xff;
  return mac;
}

/** `192.168.76.0/24` and 100 → `{ address: "192.168.76.100/24" }`; `fault` says what is wrong. */
export function deriveAddress(
  cidr: string,
  nodeId: number,
  family: 4 | 6,
):
  | { readonly address: string; readonly fault?: never }
  | { readonly fault: string; readonly address?: never } {
  const width = family === 4 ? 32 : 128;
  const example = family === 4 ? "10.0.0.0/24" : "fd00::/64";
  const match = /^([^/]+)\/(\d{1,3})$/.exec(cidr);
  const length = Number(match?.[2]);
  const isAddress = family === 4 ? isIPv4 : (text: string): boolean => isIPv6(text) && !text.includes("%");
  if (match === null || length > width || !isAddress(match[1]!)) {
    return {
      fault: `found ${JSON.stringify(cidr.slice(0, 50))}, expected an IPv${family} network such as ${example}`,
    };
  }
  const hostBits = BigInt(width - length);
  const given = addressToBigInt(match[1]!);
  if (hostBits === 0n) return { address: `${bigIntToAddress(given, family)}/${length}` };
  const network = (given >> hostBits) << hostBits;
  const last = (1n << hostBits) - 2n;
  const host = nodeId === 0 ? last : BigInt(nodeId);
  if (host > last)
    return { fault: `NodeID ${nodeId} does not fit into ${cidr}, expected a network of more addresses` };
  return { address: `${bigIntToAddress(network + host, family)}/${length}` };
}

/** Link-local addresses lie in fe80::/64 and always get that prefix length, whatever length the file gives. */
export function deriveLinkLocal(cidr: string, nodeId: number): ReturnType<typeof deriveAddress> {
  const derived = deriveAddress(cidr, nodeId, 6);
  if (derived.address === undefined) return derived;
  const address = derived.address.split("/")[0]!;
  if (addressToBigInt(address) >> 64n !== 0xfe80_0000_0000_0000n) {
    return { fault: `found ${JSON.stringify(cidr.slice(0, 50))}, expected a network inside fe80::/64` };
  }
  return { address: `${address}/64` };
}

function addressToBigInt(address: string): bigint {
  if (isIPv4(address)) {
    return address.split(".").reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  }
  // A dotted tail stands for the last two groups.
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(":"),
  );
  const [head = "", tail] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** Text as RFC 5952 wants it: lower case, the longest run of zero groups as `::`. */
function bigIntToAddress(value: bigint, family: 4 | 6): string {
  if (family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".");
  }
  const groups = Array.from({ length: 8 }, (_, i) => (value >> BigInt(112 - 16 * i)) & 0xffffn);
  let start = 0;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0n) end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

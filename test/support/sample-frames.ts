// Ethernet frames of every kind that a LAN carries, with payloads that differ, as bytes.

import { randomBytes } from "node:crypto";

/** `02:00:00:00:0a:01` */
export function macOf(text: string): Buffer {
  return Buffer.from(text.replaceAll(":", ""), "hex");
}

export const BROADCAST: Buffer = Buffer.alloc(6, 0xff);

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;
/** Local experimental (IEEE 802): nothing parses it. */
export const ETHERTYPE_EXPERIMENTAL = 0x88b5;
const TPID_CUSTOMER = 0x8100;
const TPID_SERVICE = 0x88a8;

const tag: readonly [number, number] = [TPID_CUSTOMER, 0xa005];
const service: readonly [number, number] = [TPID_SERVICE, 0x0007];
/** The outer tags of the sample frames, VLAN 0 aside: what a station must have sent with to be known on their VLANs. */
export const TAGS: readonly (readonly [number, number])[] = [tag, service];

const UDP = 17;
const TCP = 6;

function be16(value: number): Buffer {
  return Buffer.from([(value >> 8) & 0xff, value & 0xff]);
}

/** One's complement sum over 16-bit words (RFC 1071). */
function checksum(...parts: Buffer[]): number {
  const bytes = Buffer.concat(parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const SOURCE4 = Buffer.from([198, 51, 100, 1]);
const TARGET4 = Buffer.from([198, 51, 100, 2]);
const SOURCE6 = Buffer.from("20010db8000000000000000000000001", "hex");
const TARGET6 = Buffer.from("20010db8000000000000000000000002", "hex");

let identification = 1;

interface Ipv4Options {
  protocol?: number;
  options?: Buffer;
  /** flags and offset field */
  fragment?: number;
}

function ipv4(
  payload: Buffer,
  { protocol = UDP, options = Buffer.alloc(0), fragment = 0 }: Ipv4Options = {},
): Buffer {
  const header = Buffer.concat([
    Buffer.from([0x40 | (5 + options.length / 4), 0x10]),
    be16(20 + options.length + payload.length),
    be16(identification++),
    be16(fragment),
    Buffer.from([61, protocol, 0, 0]),
    SOURCE4,
    TARGET4,
    options,
  ]);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload]);
}

function ipv6(payload: Buffer, nextHeader: number): Buffer {
  const header = Buffer.from([0x60, 0x01, 0x23, 0x45, 0, 0, nextHeader, 62]);
  header.writeUInt16BE(payload.length, 4);
  return Buffer.concat([header, SOURCE6, TARGET6, payload]);
}

/** `ip6`: the checksum's pseudo header; a datagram of IPv4 gets one over its own. */
function udp(data: Buffer, ip6 = false): Buffer {
  const length = 8 + data.length;
  const header = Buffer.concat([be16(40_000), be16(7), be16(length), be16(0)]);
  const pseudo = Buffer.concat([...(ip6 ? [SOURCE6, TARGET6] : [SOURCE4, TARGET4]), be16(UDP), be16(length)]);
  const padded = data.length % 2 === 1 ? Buffer.concat([data, Buffer.alloc(1)]) : data;
  header.writeUInt16BE(checksum(pseudo, header, padded) || 0xffff, 6);
  return Buffer.concat([header, data]);
}

/** A segment with timestamps; the checksum is wrong, which is the ends' business. */
function tcp(data: Buffer): Buffer {
  const header = Buffer.from("9c4000500000006400000065801802000bad00000101080a0000000100000002", "hex");
  return Buffer.concat([header, data]);
}

export class FrameMaker {
  readonly #source: Buffer;
  readonly #destination: Buffer;

  constructor(source: Buffer, destination: Buffer) {
    this.#source = source;
    this.#destination = destination;
  }

  /** The addresses, tags (TPID and TCI), EtherType and payload. */
  frame(etherType: number, payload: Buffer, tags: readonly (readonly [number, number])[] = []): Buffer {
    const tagBytes = tags.flatMap(([tpid, tci]) => [be16(tpid), be16(tci)]);
    return Buffer.concat([this.#destination, this.#source, ...tagBytes, be16(etherType), payload]);
  }

  /** `length` bytes in all, with random payload. */
  plain(length: number, tags: readonly (readonly [number, number])[] = []): Buffer {
    return this.frame(ETHERTYPE_EXPERIMENTAL, randomBytes(length - 14 - 4 * tags.length), tags);
  }

  /** Every kind, by name; the largest is a full frame of a port with this MTU. */
  all(mtu: number): Map<string, Buffer> {
    const data = (length: number): Buffer => randomBytes(length);
    const request = Buffer.from("0001080006040001", "hex");
    const arp = Buffer.concat([request, this.#source, SOURCE4, Buffer.alloc(6), TARGET4]);
    const hopByHop = Buffer.from("3c00010400000000", "hex");
    const destinationOptions = Buffer.from("1100010400000000", "hex");
    const frames: [string, Buffer][] = [
      ["IPv4 UDP", this.frame(ETHERTYPE_IPV4, ipv4(udp(data(100))))],
      ["IPv4 UDP of odd length", this.frame(ETHERTYPE_IPV4, ipv4(udp(data(101))))],
      [
        "IPv4 UDP without checksum",
        this.frame(ETHERTYPE_IPV4, ipv4(Buffer.concat([be16(9), be16(9), be16(28), be16(0), data(20)]))),
      ],
      ["IPv4 TCP", this.frame(ETHERTYPE_IPV4, ipv4(tcp(data(333)), { protocol: TCP }))],
      [
        "IPv4 with options",
        this.frame(
          ETHERTYPE_IPV4,
          ipv4(udp(data(64)), {
            options: Buffer.from("9404000007070400000000000000000000", "hex").subarray(0, 12),
          }),
        ),
      ],
      ["IPv4 first fragment", this.frame(ETHERTYPE_IPV4, ipv4(udp(data(200)), { fragment: 0x2000 }))],
      ["IPv4 last fragment", this.frame(ETHERTYPE_IPV4, ipv4(data(77), { fragment: 26 }))],
      ["IPv4 of an unknown protocol", this.frame(ETHERTYPE_IPV4, ipv4(data(40), { protocol: 253 }))],
      [
        "IPv4 with a wrong header length",
        this.frame(ETHERTYPE_IPV4, Buffer.concat([Buffer.from([0x4f]), data(30)])),
      ],
      ["IPv6 UDP", this.frame(ETHERTYPE_IPV6, ipv6(udp(data(99), true), UDP))],
      ["IPv6 TCP", this.frame(ETHERTYPE_IPV6, ipv6(tcp(data(500)), TCP))],
      [
        "IPv6 with extension headers",
        this.frame(
          ETHERTYPE_IPV6,
          ipv6(Buffer.concat([hopByHop, destinationOptions, udp(data(50), true)]), 0),
        ),
      ],
      [
        "IPv6 fragment",
        this.frame(
          ETHERTYPE_IPV6,
          ipv6(Buffer.concat([Buffer.from("1100000112345678", "hex"), udp(data(48), true)]), 44),
        ),
      ],
      ["ARP, 42 bytes", this.frame(ETHERTYPE_ARP, arp)],
      ["ARP padded to 60 bytes", this.frame(ETHERTYPE_ARP, Buffer.concat([arp, Buffer.alloc(18)]))],
      [
        "IPv4 with 60 bytes, padding behind the packet",
        this.frame(ETHERTYPE_IPV4, Buffer.concat([ipv4(udp(data(4))), data(14)])),
      ],
      ["VLAN tag", this.frame(ETHERTYPE_IPV4, ipv4(udp(data(80))), [tag])],
      ["VLAN tag and ARP", this.frame(ETHERTYPE_ARP, arp, [tag])],
      ["priority tag", this.frame(ETHERTYPE_IPV6, ipv6(udp(data(80), true), UDP), [[TPID_CUSTOMER, 0xe000]])],
      ["QinQ", this.frame(ETHERTYPE_IPV4, ipv4(tcp(data(80)), { protocol: TCP }), [service, tag])],
      ["two customer tags", this.plain(70, [tag, [TPID_CUSTOMER, 9]])],
      ["three tags", this.plain(90, [service, tag, [TPID_CUSTOMER, 9]])],
      ["LLC", this.frame(38, Buffer.concat([Buffer.from("424203", "hex"), data(35)]))],
      ["full size with a tag", this.plain(mtu + 18, [tag])],
      ["the largest with two tags", this.plain(mtu + 14, [service, tag])],
      ["full size", this.plain(mtu + 14)],
      ...[14, 15, 17, 59, 60, 61, 63, 64, 65, 127, 1000, 1001].map((length): [string, Buffer] => [
        `${length} bytes of an unknown type`,
        this.plain(length),
      ]),
    ];
    return new Map(frames);
  }
}

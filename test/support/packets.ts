// Ethernet frames with UDP in IPv4, from any address one likes.

export interface UdpFrame {
  fromMac: Buffer;
  toMac: Buffer;
  from: string;
  fromPort: number;
  to: string;
  toPort: number;
}

/** The bytes of `02:ee:…`. */
export const macBytes = (text: string): Buffer => Buffer.from(text.trim().replaceAll(":", ""), "hex");

const addressBytes = (text: string): Buffer => Buffer.from(text.split(".").map(Number));

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** UDP checksum 0: none (RFC 768). */
export function udpFrame(way: UdpFrame, payload: Uint8Array): Buffer {
  const ip = Buffer.alloc(20);
  ip[0] = 0x45;
  ip.writeUInt16BE(28 + payload.length, 2);
  ip[8] = 64;
  ip[9] = 17;
  addressBytes(way.from).copy(ip, 12);
  addressBytes(way.to).copy(ip, 16);
  ip.writeUInt16BE(checksum(ip), 10);
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(way.fromPort, 0);
  udp.writeUInt16BE(way.toPort, 2);
  udp.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([way.toMac, way.fromMac, Buffer.of(8, 0), ip, udp, payload]);
}

// Records and transit headers written by hand with node:crypto: a second, independent writer of the wire format, which
// can also say what the engine never would.

import { createCipheriv, createDecipheriv } from "node:crypto";

export const AES_256_GCM = 1;
export const CHACHA20_POLY1305 = 2;
export const TRANSIT_HEADER = 40;
export const RECORD_OVERHEAD = 40;

const TAG = 16;
const OUTER = 16;
const INNER_BOUND = 16;

export interface Plain {
  receiver: number;
  counter: number;
  /** low four bits kind, high four bits flags */
  kind: number;
  ttl?: number;
  dst: number;
  src: number;
  /** what the header says, when that is not the truth */
  length?: number;
}

function outerHeader(type: number, receiver: number, counter: number): Buffer {
  const header = Buffer.alloc(OUTER);
  header[0] = type;
  header[1] = 1;
  header.writeUInt32LE(receiver, 4);
  header.writeBigUInt64LE(BigInt(counter), 8);
  return header;
}

function plainHeader(plain: Plain, length: number): Buffer {
  const header = Buffer.alloc(8);
  header[0] = plain.kind;
  header[1] = plain.ttl ?? 3;
  header.writeUInt16BE(plain.dst, 2);
  header.writeUInt16BE(plain.src, 4);
  header.writeUInt16BE(plain.length ?? length, 6);
  return header;
}

function nonceOf(outer: Uint8Array): Buffer {
  return Buffer.concat([Buffer.alloc(4), outer.subarray(8, 16)]);
}

function seal(aead: number, key: Uint8Array, outer: Buffer, bound: Uint8Array, text: Uint8Array): Buffer {
  const name = aead === AES_256_GCM ? "aes-256-gcm" : "chacha20-poly1305";
  const cipher = createCipheriv(name as "aes-256-gcm", key, nonceOf(outer), { authTagLength: TAG });
  cipher.setAAD(bound, { plaintextLength: text.length });
  const sealed = cipher.update(text);
  cipher.final();
  return Buffer.concat([sealed, cipher.getAuthTag()]);
}

/** Type 4. */
export function sealRecord(
  key: Uint8Array,
  plain: Plain,
  payload: Uint8Array,
  aead: number = AES_256_GCM,
): Buffer {
  const outer = outerHeader(4, plain.receiver, plain.counter);
  const text = Buffer.concat([plainHeader(plain, payload.length), payload]);
  return Buffer.concat([outer, seal(aead, key, outer, outer, text)]);
}

/** Type 5 around a whole datagram. */
export function sealTransit(
  key: Uint8Array,
  plain: Plain,
  inner: Uint8Array,
  aead: number = AES_256_GCM,
): Buffer {
  const outer = outerHeader(5, plain.receiver, plain.counter);
  const bound = Buffer.concat([outer, inner.subarray(0, INNER_BOUND)]);
  return Buffer.concat([outer, seal(aead, key, outer, bound, plainHeader(plain, inner.length)), inner]);
}

/** Opens an AES-256-GCM record (type 4); undefined when the key does not fit. */
export function openRecord(key: Uint8Array, datagram: Uint8Array): Buffer | undefined {
  const outer = datagram.subarray(0, OUTER);
  const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(outer), { authTagLength: TAG });
  decipher.setAAD(outer);
  decipher.setAuthTag(datagram.subarray(-TAG));
  const text = decipher.update(datagram.subarray(OUTER, -TAG));
  try {
    decipher.final();
    return text;
  } catch {
    return undefined;
  }
}

/** Opens the header of an AES-256-GCM transit datagram (type 5); undefined when the key does not fit. */
export function openTransit(key: Uint8Array, datagram: Uint8Array): Buffer | undefined {
  const outer = datagram.subarray(0, OUTER);
  const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(outer), { authTagLength: TAG });
  decipher.setAAD(Buffer.concat([outer, datagram.subarray(TRANSIT_HEADER, TRANSIT_HEADER + INNER_BOUND)]));
  decipher.setAuthTag(datagram.subarray(24, 40));
  const text = decipher.update(datagram.subarray(16, 24));
  try {
    decipher.final();
    return text;
  } catch {
    return undefined;
  }
}

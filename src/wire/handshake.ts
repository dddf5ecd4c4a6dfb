// Handshake messages: initiation (type 1), response (type 2), cookie reply (type 3) and the two
// payloads that travel encrypted inside the first two. The layout is WireGuard's with longer payloads;
// byte 1, reserved and zero in WireGuard, is 1 here. Parsers are total: anything malformed is undefined.
// Parsed fields are views into the datagram, not copies.

export const MESSAGE_INITIATION = 1;
export const MESSAGE_RESPONSE = 2;
export const MESSAGE_COOKIE_REPLY = 3;

/** Byte 1 of every datagram of a mesh session. */
export const MESH_MARK = 1;

/** What this program speaks; receivers accept versions that differ by one. */
export const PROTOCOL_VERSION = 1;

/** AEAD bits of payload 1 and, as a single value, the AEAD byte of payload 2. */
export const AEAD_AES_256_GCM = 1;
export const AEAD_CHACHA20_POLY1305 = 2;
export type Aead = typeof AEAD_AES_256_GCM | typeof AEAD_CHACHA20_POLY1305;

const TAG = 16;
const MAC = 16;
const KEY = 32;
const HEADER = 4;

/** Offset of the first encrypted byte that does not have a fixed place after it. */
const INITIATION_PAYLOAD_AT = HEADER + 4 + KEY + (KEY + TAG);
const RESPONSE_PAYLOAD_AT = HEADER + 8 + KEY;

export const INITIATION_PAYLOAD_SIZE = 56;
export const RESPONSE_PAYLOAD_SIZE = 36;
/** Smallest (and today's) size of an initiation: 192 bytes. */
export const INITIATION_SIZE: number = INITIATION_PAYLOAD_AT + (INITIATION_PAYLOAD_SIZE + TAG) + 2 * MAC;
/** Smallest (and today's) size of a response: 128 bytes. */
export const RESPONSE_SIZE: number = RESPONSE_PAYLOAD_AT + (RESPONSE_PAYLOAD_SIZE + TAG) + 2 * MAC;
export const COOKIE_REPLY_SIZE = 64;
/** A longer handshake message is refused: it would not cross an IPv6 path of the smallest MTU. */
export const MAX_HANDSHAKE_SIZE = 1232;

export interface InitiationMessage {
  readonly senderIndex: number;
  /** X25519 public key, 32 bytes. */
  readonly ephemeral: Uint8Array;
  /** The sender's static key and its tag, 48 bytes. */
  readonly encryptedStatic: Uint8Array;
  /** Payload 1 and its tag, at least 72 bytes. */
  readonly encryptedPayload: Uint8Array;
}

export interface ResponseMessage {
  readonly senderIndex: number;
  readonly receiverIndex: number;
  /** X25519 public key, 32 bytes. */
  readonly ephemeral: Uint8Array;
  /** Payload 2 and its tag, at least 52 bytes. */
  readonly encryptedPayload: Uint8Array;
}

export interface CookieReplyMessage {
  readonly receiverIndex: number;
  /** XChaCha20-Poly1305 nonce, 24 bytes. */
  readonly nonce: Uint8Array;
  /** The cookie and its tag, 32 bytes. */
  readonly encryptedCookie: Uint8Array;
}

export interface InitiationPayload {
  /** TAI64N, 12 bytes. */
  readonly timestamp: Uint8Array;
  readonly version: number;
  /** First 8 bytes of BLAKE2s of the network's name. */
  readonly networkTag: Uint8Array;
  readonly nodeId: number;
  /** What the initiator can do: AEAD_AES_256_GCM | AEAD_CHACHA20_POLY1305. */
  readonly aeadBits: number;
  /** Ed25519 public key, 32 bytes; zero in static mode. */
  readonly signingKey: Uint8Array;
}

export interface ResponsePayload {
  /** What the responder chose. */
  readonly aead: Aead;
  readonly nodeId: number;
  readonly version: number;
  /** Ed25519 public key, 32 bytes; zero in static mode. */
  readonly signingKey: Uint8Array;
}

/** Type of a mesh handshake datagram, or undefined if its header is none. Sizes are not looked at. */
export function handshakeType(datagram: Uint8Array): 1 | 2 | 3 | undefined {
  if (datagram.length < HEADER) return undefined;
  if (datagram[1] !== MESH_MARK || datagram[2] !== 0 || datagram[3] !== 0) return undefined;
  const type = datagram[0];
  return type === 1 || type === 2 || type === 3 ? type : undefined;
}

// Initiation
//  0    1          4            8              40                  88                       n-32      n-16     n
//  +----+----------+------------+--------------+-------------------+------------------------+---------+--------+
//  | 01 | 01 00 00 | sender LE4 | ephemeral 32 | enc. static 32+16 | enc. payload 1, 56+16… | mac1 16 | mac2 16|
//  +----+----------+------------+--------------+-------------------+------------------------+---------+--------+

/** The datagram with both MACs zero; they are stamped afterwards. */
export function encodeInitiation(message: InitiationMessage): Uint8Array {
  const out = new Uint8Array(INITIATION_PAYLOAD_AT + message.encryptedPayload.length + 2 * MAC);
  writeHeader(out, MESSAGE_INITIATION);
  viewOf(out).setUint32(4, message.senderIndex, true);
  out.set(message.ephemeral, 8);
  out.set(message.encryptedStatic, 40);
  out.set(message.encryptedPayload, INITIATION_PAYLOAD_AT);
  return out;
}

export function parseInitiation(datagram: Uint8Array): InitiationMessage | undefined {
  if (handshakeType(datagram) !== MESSAGE_INITIATION) return undefined;
  if (datagram.length < INITIATION_SIZE || datagram.length > MAX_HANDSHAKE_SIZE) return undefined;
  return {
    senderIndex: viewOf(datagram).getUint32(4, true),
    ephemeral: datagram.subarray(8, 40),
    encryptedStatic: datagram.subarray(40, INITIATION_PAYLOAD_AT),
    encryptedPayload: datagram.subarray(INITIATION_PAYLOAD_AT, datagram.length - 2 * MAC),
  };
}

// Response
//  0    1          4            8              12             44                       n-32      n-16      n
//  +----+----------+------------+--------------+--------------+------------------------+---------+---------+
//  | 02 | 01 00 00 | sender LE4 | receiver LE4 | ephemeral 32 | enc. payload 2, 36+16… | mac1 16 | mac2 16 |
//  +----+----------+------------+--------------+--------------+------------------------+---------+---------+

/** The datagram with both MACs zero; they are stamped afterwards. */
export function encodeResponse(message: ResponseMessage): Uint8Array {
  const out = new Uint8Array(RESPONSE_PAYLOAD_AT + message.encryptedPayload.length + 2 * MAC);
  writeHeader(out, MESSAGE_RESPONSE);
  const view = viewOf(out);
  view.setUint32(4, message.senderIndex, true);
  view.setUint32(8, message.receiverIndex, true);
  out.set(message.ephemeral, 12);
  out.set(message.encryptedPayload, RESPONSE_PAYLOAD_AT);
  return out;
}

export function parseResponse(datagram: Uint8Array): ResponseMessage | undefined {
  if (handshakeType(datagram) !== MESSAGE_RESPONSE) return undefined;
  if (datagram.length < RESPONSE_SIZE || datagram.length > MAX_HANDSHAKE_SIZE) return undefined;
  const view = viewOf(datagram);
  return {
    senderIndex: view.getUint32(4, true),
    receiverIndex: view.getUint32(8, true),
    ephemeral: datagram.subarray(12, RESPONSE_PAYLOAD_AT),
    encryptedPayload: datagram.subarray(RESPONSE_PAYLOAD_AT, datagram.length - 2 * MAC),
  };
}

// Cookie reply
//  0    1          4              8          32                       64
//  +----+----------+--------------+----------+------------------------+
//  | 03 | 01 00 00 | receiver LE4 | nonce 24 | encrypted cookie 16+16 |
//  +----+----------+--------------+----------+------------------------+

export function encodeCookieReply(message: CookieReplyMessage): Uint8Array {
  const out = new Uint8Array(COOKIE_REPLY_SIZE);
  writeHeader(out, MESSAGE_COOKIE_REPLY);
  viewOf(out).setUint32(4, message.receiverIndex, true);
  out.set(message.nonce, 8);
  out.set(message.encryptedCookie, 32);
  return out;
}

export function parseCookieReply(datagram: Uint8Array): CookieReplyMessage | undefined {
  if (handshakeType(datagram) !== MESSAGE_COOKIE_REPLY) return undefined;
  if (datagram.length !== COOKIE_REPLY_SIZE) return undefined;
  return {
    receiverIndex: viewOf(datagram).getUint32(4, true),
    nonce: datagram.subarray(8, 32),
    encryptedCookie: datagram.subarray(32, 64),
  };
}

// Payload 1
//  0           12        13              21        23          24           56
//  +-----------+---------+---------------+---------+-----------+------------+--
//  | TAI64N 12 | version | network tag 8 | NodeID 2| AEAD bits | Ed25519 32 | ignored
//  +-----------+---------+---------------+---------+-----------+------------+--

export function encodeInitiationPayload(payload: InitiationPayload): Uint8Array {
  const out = new Uint8Array(INITIATION_PAYLOAD_SIZE);
  out.set(payload.timestamp, 0);
  out[12] = payload.version;
  out.set(payload.networkTag, 13);
  viewOf(out).setUint16(21, payload.nodeId);
  out[23] = payload.aeadBits;
  out.set(payload.signingKey, 24);
  return out;
}

export function parseInitiationPayload(bytes: Uint8Array): InitiationPayload | undefined {
  if (bytes.length < INITIATION_PAYLOAD_SIZE) return undefined;
  const view = viewOf(bytes);
  return {
    timestamp: bytes.subarray(0, 12),
    version: view.getUint8(12),
    networkTag: bytes.subarray(13, 21),
    nodeId: view.getUint16(21),
    aeadBits: view.getUint8(23),
    signingKey: bytes.subarray(24, 56),
  };
}

// Payload 2
//  0      1          3         4            36
//  +------+----------+---------+------------+--
//  | AEAD | NodeID 2 | version | Ed25519 32 | ignored
//  +------+----------+---------+------------+--

export function encodeResponsePayload(payload: ResponsePayload): Uint8Array {
  const out = new Uint8Array(RESPONSE_PAYLOAD_SIZE);
  out[0] = payload.aead;
  viewOf(out).setUint16(1, payload.nodeId);
  out[3] = payload.version;
  out.set(payload.signingKey, 4);
  return out;
}

export function parseResponsePayload(bytes: Uint8Array): ResponsePayload | undefined {
  if (bytes.length < RESPONSE_PAYLOAD_SIZE) return undefined;
  const aead = bytes[0];
  if (aead !== AEAD_AES_256_GCM && aead !== AEAD_CHACHA20_POLY1305) return undefined;
  const view = viewOf(bytes);
  return {
    aead,
    nodeId: view.getUint16(1),
    version: view.getUint8(3),
    signingKey: bytes.subarray(4, 36),
  };
}

/** What mac1 covers, and the two MACs, of an initiation or response (which must have been parsed). */
export function macFields(datagram: Uint8Array): {
  readonly beforeMac1: Uint8Array;
  readonly mac1: Uint8Array;
  readonly beforeMac2: Uint8Array;
  readonly mac2: Uint8Array;
} {
  const mac1At = datagram.length - 2 * MAC;
  const mac2At = datagram.length - MAC;
  return {
    beforeMac1: datagram.subarray(0, mac1At),
    mac1: datagram.subarray(mac1At, mac2At),
    beforeMac2: datagram.subarray(0, mac2At),
    mac2: datagram.subarray(mac2At),
  };
}

/**
 * Sender index of a datagram that carries MACs (initiation or response of a valid size), else undefined.
 */
export function senderIndexOf(datagram: Uint8Array): number | undefined {
  return (parseInitiation(datagram) ?? parseResponse(datagram))?.senderIndex;
}

function writeHeader(out: Uint8Array, type: number): void {
  out[0] = type;
  out[1] = MESH_MARK;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

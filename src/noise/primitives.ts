// The four primitives of Noise_25519_ChaChaPoly_BLAKE2s, over node:crypto. Keys that are used more than
// once are KeyObjects: with raw keys createCipheriv costs three times as much on Node 24.

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  timingSafeEqual,
} from "node:crypto";
import type { KeyObject } from "node:crypto";

export const KEY_SIZE = 32;
export const TAG_SIZE = 16;

/** Keyed BLAKE2s with a 16-byte digest (RFC 7693): node:crypto has none, so the owner hands one in. */
export type Mac = (key: Uint8Array, data: Uint8Array) => Uint8Array;

/** An X25519 public key with its imported form. */
export interface PublicKey {
  readonly bytes: Uint8Array;
  readonly key: KeyObject;
}

/** An X25519 key pair. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
}

/** Import an X25519 public key. Throws RangeError unless it has 32 bytes. */
export function importPublicKey(bytes: Uint8Array): PublicKey {
  if (bytes.length !== KEY_SIZE) throw new RangeError("an X25519 public key has 32 bytes");
  const raw = Uint8Array.from(bytes);
  const key = createPublicKey({ key: Buffer.from(raw), format: "raw-public", asymmetricKeyType: "x25519" });
  return { bytes: raw, key };
}

/** Import an X25519 private key and derive its public key. Throws RangeError unless it has 32 bytes. */
export function importPrivateKey(bytes: Uint8Array): KeyPair {
  if (bytes.length !== KEY_SIZE) throw new RangeError("an X25519 private key has 32 bytes");
  const privateKey = createPrivateKey({
    key: Buffer.from(bytes),
    format: "raw-private",
    asymmetricKeyType: "x25519",
  });
  const key = createPublicKey(privateKey);
  return { privateKey, publicKey: { bytes: new Uint8Array(key.export({ format: "raw-public" })), key } };
}

/**
 * X25519 (RFC 7748). Undefined if the result is all zero, which is what a low-order public key gives
 * (OpenSSL refuses those derivations by itself).
 */
export function dh(privateKey: KeyObject, publicKey: KeyObject): Uint8Array | undefined {
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch {
    return undefined;
  }
}

/** BLAKE2s-256 (RFC 7693) of the concatenation of its arguments. */
export function hash(...parts: readonly Uint8Array[]): Uint8Array {
  const blake = createHash("blake2s256");
  for (const part of parts) blake.update(part);
  return blake.digest();
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  // A raw key costs three times as much: Node 24 finds out by an exception that it is none of its own objects.
  const mac = createHmac("blake2s256", createSecretKey(key));
  for (const part of parts) mac.update(part);
  return mac.digest();
}

const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);
const THREE = Uint8Array.of(3);

/** HKDF of the Noise specification (section 4.3) with two outputs. */
export function hkdf2(chainingKey: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array] {
  const secret = hmac(chainingKey, input);
  const first = hmac(secret, ONE);
  return [first, hmac(secret, first, TWO)];
}

/** HKDF of the Noise specification (section 4.3) with three outputs. */
export function hkdf3(chainingKey: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const secret = hmac(chainingKey, input);
  const first = hmac(secret, ONE);
  const second = hmac(secret, first, TWO);
  return [first, second, hmac(secret, second, THREE)];
}

// Every handshake key of this pattern encrypts one message only, so its nonce is always zero.
const NONCE_ZERO = new Uint8Array(12);

/** ChaCha20-Poly1305 (RFC 8439) with nonce zero; the tag follows the ciphertext. */
export function seal(key: Uint8Array, ad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", createSecretKey(key), NONCE_ZERO, {
    authTagLength: TAG_SIZE,
  });
  cipher.setAAD(ad, { plaintextLength: plaintext.length });
  const out = new Uint8Array(plaintext.length + TAG_SIZE);
  out.set(cipher.update(plaintext), 0);
  cipher.final();
  out.set(cipher.getAuthTag(), plaintext.length);
  return out;
}

/** The reverse of `seal`; undefined if the tag does not match. */
export function open(key: Uint8Array, ad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const length = sealed.length - TAG_SIZE;
  if (length < 0) return undefined;
  const decipher = createDecipheriv("chacha20-poly1305", createSecretKey(key), NONCE_ZERO, {
    authTagLength: TAG_SIZE,
  });
  decipher.setAAD(ad, { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  const plaintext = new Uint8Array(decipher.update(sealed.subarray(0, length)));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plaintext;
}

/** Comparison in constant time; false if the lengths differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

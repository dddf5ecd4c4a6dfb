/** Keys as text: WireGuard's format, base64 of 32 bytes. */

import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";

/** DER in front of a raw X25519 key: PKCS #8 private and SubjectPublicKeyInfo (RFC 8410). */
const PKCS8_X25519 = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI_X25519 = Buffer.from("302a300506032b656e032100", "hex");

/** Undefined unless `text` is exactly 32 bytes in padded standard base64. */
export function decodeKey(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text, "base64"));
}

export function encodeKey(key: Uint8Array): string {
  return Buffer.from(key).toString("base64");
}

/** What is wrong with the text of a key, without repeating it. */
export function keyFault(text: string): string {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return "not base64, expected a base64 key of 32 bytes";
  const bytes = Buffer.from(text, "base64").length;
  if (bytes === 32) return "base64 without its padding, expected 44 characters ending in =";
  return `a key of ${bytes} bytes, expected a base64 key of 32 bytes`;
}

/** A clamped X25519 private key (RFC 7748 §5), as `wg genkey` makes them. */
export function generatePrivateKey(): Uint8Array {
  const der = generateKeyPairSync("x25519").privateKey.export({ format: "der", type: "pkcs8" });
  const key = new Uint8Array(der.subarray(PKCS8_X25519.length));
  key[0]! &= 248;
  key[31] = (key[31]! & 127) | 64;
  return key;
}

function privateObject(privateKey: Uint8Array): KeyObject {
  const der = Buffer.concat([PKCS8_X25519, privateKey]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

/** The X25519 public key of a private one (clamped as RFC 7748 says). */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  const der = createPublicKey(privateObject(privateKey)).export({ format: "der", type: "spki" });
  return new Uint8Array(der.subarray(SPKI_X25519.length));
}

/** A low-order public key makes every shared secret zero; no session may be built on one (RFC 7748 §6.1). */
export function isLowOrder(publicKey: Uint8Array): boolean {
  const scalar = new Uint8Array(32).fill(0x55);
  const spki = Buffer.concat([SPKI_X25519, publicKey]);
  try {
    const secret = diffieHellman({
      privateKey: privateObject(scalar),
      publicKey: createPublicKey({ key: spki, format: "der", type: "spki" }),
    });
    return secret.every((byte) => byte === 0);
  } catch {
    return true;
  }
}

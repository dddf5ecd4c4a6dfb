/**
 * The libp2p identity of a node: an Ed25519 key derived from its X25519 key, so that nothing has to be stored and a node
 * is the same peer after each start. DESIGN §9.
 */
import { hkdfSync } from "node:crypto";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { Ed25519PrivateKey } from "@libp2p/interface";
import { KEY_SIZE } from "../noise/primitives.ts";

const SALT = "etherloom identity 1";
const INFO = "libp2p ed25519 seed";

/** Seed (32 bytes) of the Ed25519 key. Throws RangeError unless `privKey` has 32 bytes. */
export function identitySeed(privKey: Uint8Array): Uint8Array {
  if (privKey.length !== KEY_SIZE) throw new RangeError("an X25519 private key has 32 bytes");
  // Clamped first (RFC 7748 §5): two spellings of one X25519 key are one node.
  const key = Uint8Array.from(privKey);
  key[0]! &= 248;
  key[31] = (key[31]! & 127) | 64;
  return new Uint8Array(hkdfSync("sha256", key, SALT, INFO, 32));
}

/** The libp2p key pair; its peer id is `key.publicKey.toString()`. */
export async function libp2pIdentity(privKey: Uint8Array): Promise<Ed25519PrivateKey> {
  return generateKeyPairFromSeed("Ed25519", identitySeed(privKey));
}

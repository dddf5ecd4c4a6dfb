// What several test files of this room need: a MAC, deterministic random bytes, keys.

import { blake2s } from "@noble/hashes/blake2.js";
import { importPrivateKey } from "../../src/noise/primitives.ts";
import type { KeyPair, Mac } from "../../src/noise/primitives.ts";
import type { InitiationPayload, ResponsePayload } from "../../src/wire/handshake.ts";

export const mac: Mac = (key, data) => blake2s(data, { key, dkLen: 16 });

export const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** 32 bytes made from a label: fixed, and different for each label. */
export const seedBytes = (label: string): Uint8Array => blake2s(ascii(label));
export const keyPair = (label: string): KeyPair => importPrivateKey(seedBytes(label));

/** A source of numbers in [0, 1) that depends on its seed only (mulberry32). */
export function prng(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomBytesFrom(next: () => number): (n: number) => Uint8Array {
  return (n) => Uint8Array.from({ length: n }, () => Math.floor(next() * 256));
}

export const NETWORK_TAG: Uint8Array = blake2s(ascii("test network")).subarray(0, 8);

export const initiationPayload = (change: Partial<InitiationPayload> = {}): InitiationPayload => ({
  timestamp: hex("400000000000000a00000000"),
  version: 1,
  networkTag: NETWORK_TAG,
  nodeId: 1,
  aeadBits: 3,
  signingKey: new Uint8Array(32),
  ...change,
});

export const responsePayload = (change: Partial<ResponsePayload> = {}): ResponsePayload => ({
  aead: 1,
  nodeId: 2,
  version: 1,
  signingKey: new Uint8Array(32),
  ...change,
});

/** Public keys of small order, in all their encodings that OpenSSL and everybody else must refuse. */
export const LOW_ORDER_POINTS: readonly Uint8Array[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map(hex);

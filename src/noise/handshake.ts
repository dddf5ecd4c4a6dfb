// The handshake as four pure functions: Noise IKpsk2 (ikpsk2.ts) inside the datagrams of
// wire/handshake.ts. Keys, randomness and indices are arguments; nothing is remembered here.
//
//   initiator                                   responder
//   writeInitiation  ---- initiation (192) --->  readInitiation   reveals who asks, and payload 1
//   readResponse     <---- response (128) -----  writeResponse    both sides have the keys
//
// mac1 is stamped on what is written. Whoever receives checks it first (cookie.ts), before any of these.

import {
  encodeInitiation,
  encodeInitiationPayload,
  encodeResponse,
  encodeResponsePayload,
  parseInitiation,
  parseInitiationPayload,
  parseResponse,
  parseResponsePayload,
} from "../wire/handshake.ts";
import type { InitiationPayload, ResponsePayload } from "../wire/handshake.ts";
import { readMessage1, readMessage2, writeMessage1, writeMessage2 } from "./ikpsk2.ts";
import type { InitiatorState, NoiseRefusal, Refused, ResponderState, SessionKeys } from "./ikpsk2.ts";
import { importPrivateKey } from "./primitives.ts";
import type { KeyPair, Mac, PublicKey } from "./primitives.ts";
import { mac1Key, stampMac1 } from "./cookie.ts";

/** The Noise prologue: both sides must speak this protocol. */
export const PROLOGUE: Uint8Array = new TextEncoder().encode("Etherloom v1");

/** Why a handshake message was refused; the strings are the names of counters. */
export type HandshakeRefusal = NoiseRefusal | "malformed";

export interface WrittenInitiation {
  readonly ok: true;
  readonly datagram: Uint8Array;
  readonly state: InitiatorState;
}

/** An initiation that decrypted: its sender holds the private key of `remoteStatic`. */
export interface ReadInitiation {
  readonly ok: true;
  readonly senderIndex: number;
  /** X25519 public key of the initiator, 32 bytes. */
  readonly remoteStatic: Uint8Array;
  readonly payload: InitiationPayload;
  readonly state: ResponderState;
}

export interface WrittenResponse {
  readonly ok: true;
  readonly datagram: Uint8Array;
  readonly keys: SessionKeys;
}

export interface ReadResponse {
  readonly ok: true;
  readonly senderIndex: number;
  readonly payload: ResponsePayload;
  readonly keys: SessionKeys;
}

/** Message 1. `ephemeralPrivate` is 32 fresh random bytes, never used before. */
export function writeInitiation(input: {
  readonly local: KeyPair;
  readonly remote: PublicKey;
  readonly ephemeralPrivate: Uint8Array;
  readonly senderIndex: number;
  readonly payload: InitiationPayload;
  readonly mac: Mac;
}): WrittenInitiation | Refused<HandshakeRefusal> {
  const ephemeral = importPrivateKey(input.ephemeralPrivate);
  const payload = encodeInitiationPayload(input.payload);
  const written = writeMessage1(PROLOGUE, input.local, input.remote, ephemeral, payload);
  if (!written.ok) return written;
  const datagram = encodeInitiation({ senderIndex: input.senderIndex, ...written.message });
  stampMac1(input.mac, mac1Key(input.remote.bytes), datagram);
  return { ok: true, datagram, state: written.state };
}

/** First half of the responder's work: who is asking, and what do they say? */
export function readInitiation(input: {
  readonly local: KeyPair;
  readonly datagram: Uint8Array;
}): ReadInitiation | Refused<HandshakeRefusal> {
  const message = parseInitiation(input.datagram);
  if (message === undefined) return { ok: false, reason: "malformed" };
  const read = readMessage1(PROLOGUE, input.local, message);
  if (!read.ok) return read;
  const payload = parseInitiationPayload(read.payload);
  if (payload === undefined) return { ok: false, reason: "malformed" };
  const remoteStatic = read.state.remoteStatic.bytes;
  return { ok: true, senderIndex: message.senderIndex, remoteStatic, payload, state: read.state };
}

/** Message 2, answering `initiation`. `psk` is 32 bytes or undefined. */
export function writeResponse(input: {
  readonly initiation: ReadInitiation;
  readonly psk: Uint8Array | undefined;
  readonly ephemeralPrivate: Uint8Array;
  readonly senderIndex: number;
  readonly payload: ResponsePayload;
  readonly mac: Mac;
}): WrittenResponse | Refused<HandshakeRefusal> {
  const { initiation } = input;
  const ephemeral = importPrivateKey(input.ephemeralPrivate);
  const payload = encodeResponsePayload(input.payload);
  const written = writeMessage2(initiation.state, ephemeral, input.psk, payload);
  if (!written.ok) return written;
  const indices = { senderIndex: input.senderIndex, receiverIndex: initiation.senderIndex };
  const datagram = encodeResponse({ ...indices, ...written.message });
  stampMac1(input.mac, mac1Key(initiation.remoteStatic), datagram);
  return { ok: true, datagram, keys: written.keys };
}

/**
 * The response to the initiation that gave `state`. The caller has compared the receiver index. A wrong
 * PSK shows here, as `decrypt-failed`: the responder cannot know it earlier.
 */
export function readResponse(input: {
  readonly local: KeyPair;
  readonly state: InitiatorState;
  readonly psk: Uint8Array | undefined;
  readonly datagram: Uint8Array;
}): ReadResponse | Refused<HandshakeRefusal> {
  const message = parseResponse(input.datagram);
  if (message === undefined) return { ok: false, reason: "malformed" };
  const read = readMessage2(input.state, input.local, input.psk, message);
  if (!read.ok) return read;
  const payload = parseResponsePayload(read.payload);
  if (payload === undefined) return { ok: false, reason: "malformed" };
  return { ok: true, senderIndex: message.senderIndex, payload, keys: read.keys };
}

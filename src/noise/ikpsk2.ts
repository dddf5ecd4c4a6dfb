// Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s: the token patterns of the Noise specification (revision 34,
// sections 5 and 9), without any framing.
//
//   <- s                        the responder's static key is known beforehand
//   ...
//   -> e, es, s, ss             message 1, payload 1
//   <- e, ee, se, psk           message 2, payload 2
//
// States are immutable values, so a forged message that fails half way leaves nothing behind.

import { dh, equalBytes, hash, hkdf2, hkdf3, importPublicKey, open, seal } from "./primitives.ts";
import type { KeyPair, PublicKey } from "./primitives.ts";

const PROTOCOL_NAME = new TextEncoder().encode("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s");
const NO_PSK = new Uint8Array(32);
const EMPTY = new Uint8Array(0);

/** Why a message was not written or not accepted; the strings are the names of counters. */
export type NoiseRefusal = "low-order-key" | "own-key" | "decrypt-failed";

export interface Refused<Reason extends string> {
  readonly ok: false;
  readonly reason: Reason;
}

/** Chaining key and handshake hash. */
interface SymmetricState {
  readonly chainingKey: Uint8Array;
  readonly hash: Uint8Array;
}

export interface InitiatorState {
  readonly symmetric: SymmetricState;
  readonly ephemeral: KeyPair;
}

export interface ResponderState {
  readonly symmetric: SymmetricState;
  readonly remoteStatic: PublicKey;
  readonly remoteEphemeral: PublicKey;
}

/** The outcome of a handshake, from this side's point of view. */
export interface SessionKeys {
  /** 32 bytes. */
  readonly sendKey: Uint8Array;
  /** 32 bytes. */
  readonly receiveKey: Uint8Array;
  /** The final handshake hash: equal on both sides, unique to the session. */
  readonly handshakeHash: Uint8Array;
}

export interface NoiseMessage1 {
  readonly ephemeral: Uint8Array;
  readonly encryptedStatic: Uint8Array;
  readonly encryptedPayload: Uint8Array;
}

export interface NoiseMessage2 {
  readonly ephemeral: Uint8Array;
  readonly encryptedPayload: Uint8Array;
}

export function writeMessage1(
  prologue: Uint8Array,
  local: KeyPair,
  remote: PublicKey,
  ephemeral: KeyPair,
  payload: Uint8Array,
): { ok: true; message: NoiseMessage1; state: InitiatorState } | Refused<NoiseRefusal> {
  if (equalBytes(remote.bytes, local.publicKey.bytes)) return refuse("own-key");
  const es = dh(ephemeral.privateKey, remote.key);
  const ss = dh(local.privateKey, remote.key);
  if (es === undefined || ss === undefined) return refuse("low-order-key");

  const begun = mixEphemeral(start(prologue, remote.bytes), ephemeral.publicKey.bytes);
  const [afterEs, staticKey] = mixKey(begun, es);
  const [afterStatic, encryptedStatic] = encryptAndHash(afterEs, staticKey, local.publicKey.bytes);
  const [afterSs, payloadKey] = mixKey(afterStatic, ss);
  const [symmetric, encryptedPayload] = encryptAndHash(afterSs, payloadKey, payload);
  const message = { ephemeral: ephemeral.publicKey.bytes, encryptedStatic, encryptedPayload };
  return { ok: true, message, state: { symmetric, ephemeral } };
}

export function readMessage1(
  prologue: Uint8Array,
  local: KeyPair,
  message: NoiseMessage1,
): { ok: true; payload: Uint8Array; state: ResponderState } | Refused<NoiseRefusal> {
  const remoteEphemeral = importPublicKey(message.ephemeral);
  const es = dh(local.privateKey, remoteEphemeral.key);
  if (es === undefined) return refuse("low-order-key");

  const begun = mixEphemeral(start(prologue, local.publicKey.bytes), remoteEphemeral.bytes);
  const [afterEs, staticKey] = mixKey(begun, es);
  const staticBytes = open(staticKey, afterEs.hash, message.encryptedStatic);
  if (staticBytes === undefined) return refuse("decrypt-failed");
  // Our own key means a reflected datagram or a copied key file: there is nobody to talk to.
  if (equalBytes(staticBytes, local.publicKey.bytes)) return refuse("own-key");

  const remoteStatic = importPublicKey(staticBytes);
  const ss = dh(local.privateKey, remoteStatic.key);
  if (ss === undefined) return refuse("low-order-key");
  const [afterSs, payloadKey] = mixKey(mixHash(afterEs, message.encryptedStatic), ss);
  const payload = open(payloadKey, afterSs.hash, message.encryptedPayload);
  if (payload === undefined) return refuse("decrypt-failed");
  const symmetric = mixHash(afterSs, message.encryptedPayload);
  return { ok: true, payload, state: { symmetric, remoteStatic, remoteEphemeral } };
}

/** `psk` is 32 bytes, or undefined for none (which Noise treats as 32 zero bytes here, like WireGuard). */
export function writeMessage2(
  state: ResponderState,
  ephemeral: KeyPair,
  psk: Uint8Array | undefined,
  payload: Uint8Array,
): { ok: true; message: NoiseMessage2; keys: SessionKeys } | Refused<NoiseRefusal> {
  const ee = dh(ephemeral.privateKey, state.remoteEphemeral.key);
  const se = dh(ephemeral.privateKey, state.remoteStatic.key);
  if (ee === undefined || se === undefined) return refuse("low-order-key");

  const begun = mixEphemeral(state.symmetric, ephemeral.publicKey.bytes);
  const [mixed, payloadKey] = mixPsk(mixKey(mixKey(begun, ee)[0], se)[0], psk);
  const [symmetric, encryptedPayload] = encryptAndHash(mixed, payloadKey, payload);
  const [initiatorKey, responderKey] = hkdf2(symmetric.chainingKey, EMPTY);
  const keys = { sendKey: responderKey, receiveKey: initiatorKey, handshakeHash: symmetric.hash };
  return { ok: true, message: { ephemeral: ephemeral.publicKey.bytes, encryptedPayload }, keys };
}

export function readMessage2(
  state: InitiatorState,
  local: KeyPair,
  psk: Uint8Array | undefined,
  message: NoiseMessage2,
): { ok: true; payload: Uint8Array; keys: SessionKeys } | Refused<NoiseRefusal> {
  const remoteEphemeral = importPublicKey(message.ephemeral);
  const ee = dh(state.ephemeral.privateKey, remoteEphemeral.key);
  const se = dh(local.privateKey, remoteEphemeral.key);
  if (ee === undefined || se === undefined) return refuse("low-order-key");

  const begun = mixEphemeral(state.symmetric, remoteEphemeral.bytes);
  const [mixed, payloadKey] = mixPsk(mixKey(mixKey(begun, ee)[0], se)[0], psk);
  const payload = open(payloadKey, mixed.hash, message.encryptedPayload);
  if (payload === undefined) return refuse("decrypt-failed");
  const symmetric = mixHash(mixed, message.encryptedPayload);
  const [initiatorKey, responderKey] = hkdf2(symmetric.chainingKey, EMPTY);
  const keys = { sendKey: initiatorKey, receiveKey: responderKey, handshakeHash: symmetric.hash };
  return { ok: true, payload, keys };
}

/** Initialize(), the prologue, and the pre-message `<- s`. */
function start(prologue: Uint8Array, responderStatic: Uint8Array): SymmetricState {
  // The protocol's name is longer than a hash, so it is hashed.
  const chainingKey = hash(PROTOCOL_NAME);
  return mixHash(mixHash({ chainingKey, hash: chainingKey }, prologue), responderStatic);
}

/** Token `e`: in a pattern with a PSK the ephemeral key is mixed into the chaining key too. */
function mixEphemeral(state: SymmetricState, ephemeral: Uint8Array): SymmetricState {
  return mixKey(mixHash(state, ephemeral), ephemeral)[0];
}

function mixHash(state: SymmetricState, data: Uint8Array): SymmetricState {
  return { chainingKey: state.chainingKey, hash: hash(state.hash, data) };
}

function mixKey(state: SymmetricState, input: Uint8Array): [SymmetricState, Uint8Array] {
  const [chainingKey, key] = hkdf2(state.chainingKey, input);
  return [{ chainingKey, hash: state.hash }, key];
}

/** Token `psk`: MixKeyAndHash(). */
function mixPsk(state: SymmetricState, psk: Uint8Array | undefined): [SymmetricState, Uint8Array] {
  const [chainingKey, mixed, key] = hkdf3(state.chainingKey, psk ?? NO_PSK);
  return [{ chainingKey, hash: hash(state.hash, mixed) }, key];
}

function encryptAndHash(
  state: SymmetricState,
  key: Uint8Array,
  plaintext: Uint8Array,
): [SymmetricState, Uint8Array] {
  const sealed = seal(key, state.hash, plaintext);
  return [mixHash(state, sealed), sealed];
}

function refuse(reason: NoiseRefusal): Refused<NoiseRefusal> {
  return { ok: false, reason };
}

/**
 * The mutual proof: the first thing on every connection, by which both ends show that they hold the private half of
 * their X25519 key. DESIGN §9. No I/O here: challenges are arguments, messages are return values.
 *
 * ```
 *   opening, edge → supernode      version 1 · X25519 key 32 · challenge 32                 65 bytes
 *   reply, supernode → edge        version 1 · X25519 key 32 · challenge 32 · proof 32      97 bytes
 *   proof, edge → supernode        proof 32                                                 32 bytes
 *
 *   proof = HMAC-SHA256(k, F('etherloom hello 1') ‖ F(prover's role) ‖ F(its peer id) ‖ F(its X25519 key)
 *                                                 ‖ F(verifier's role) ‖ F(its peer id) ‖ F(its X25519 key)
 *                                                 ‖ F(verifier's challenge) ‖ F(prover's challenge))
 *   k     = HKDF-SHA256(X25519(own, other), salt = network secret or empty, info = 'etherloom hello key 1')
 *   F(x)  = length of x (2 bytes, big endian) ‖ x
 * ```
 *
 * Peer ids are those which the transport authenticated. A proof made for another connection names other peer ids, an old
 * one another challenge, and one's own sent back another role: none of them verifies.
 */
import { createHmac, hkdfSync } from "node:crypto";
import { KEY_SIZE, dh, equalBytes, importPublicKey } from "../noise/primitives.ts";
import type { KeyPair } from "../noise/primitives.ts";

export const HELLO_VERSION = 1;
export const CHALLENGE_SIZE = 32;
export const PROOF_SIZE = 32;
const OPENING_SIZE = 1 + KEY_SIZE + CHALLENGE_SIZE;
const REPLY_SIZE = OPENING_SIZE + PROOF_SIZE;

/** Frames of the proof are no longer than this, or the other end speaks something else. */
export const HELLO_FRAME_LIMIT = 512;

export type Role = "edge" | "supernode";

/** One of the two ends, as it goes into a proof. */
export interface HelloEnd {
  readonly role: Role;
  /** The libp2p peer id which the connection authenticated, as text. */
  readonly peerId: string;
  /** X25519 */
  readonly key: Uint8Array;
  readonly challenge: Uint8Array;
}

/** Why a proof was refused, for people; the stable code is `not-proven` (or `version`). */
export interface HelloFault {
  readonly ok: false;
  readonly code: "not-proven" | "version" | "wrong-key";
  readonly text: string;
}

/** Undefined for a low-order key. Throws RangeError unless `remoteKey` has 32 bytes. */
export function helloSecret(
  own: KeyPair,
  remoteKey: Uint8Array,
  networkSecret: Uint8Array = new Uint8Array(0),
): Uint8Array | undefined {
  const shared = dh(own.privateKey, importPublicKey(remoteKey).key);
  if (shared === undefined) return undefined;
  return new Uint8Array(hkdfSync("sha256", shared, networkSecret, "etherloom hello key 1", 32));
}

/** What `prover` shows to `verifier`. */
export function helloProof(secret: Uint8Array, prover: HelloEnd, verifier: HelloEnd): Uint8Array {
  const mac = createHmac("sha256", secret);
  const length = Buffer.alloc(2);
  const fields = [
    "etherloom hello 1",
    ...[prover.role, prover.peerId, prover.key],
    ...[verifier.role, verifier.peerId, verifier.key],
    ...[verifier.challenge, prover.challenge],
  ];
  for (const field of fields) {
    const bytes = typeof field === "string" ? Buffer.from(field) : field;
    length.writeUInt16BE(bytes.length);
    mac.update(length).update(bytes);
  }
  return new Uint8Array(mac.digest());
}

export interface HelloOwn {
  readonly keys: KeyPair;
  readonly peerId: string;
  /** 32 random bytes, new for each connection. */
  readonly challenge: Uint8Array;
  readonly networkSecret?: Uint8Array | undefined;
}

function endOf(role: Role, own: HelloOwn): HelloEnd {
  return { role, peerId: own.peerId, key: own.keys.publicKey.bytes, challenge: own.challenge };
}

function fault(text: string, code: HelloFault["code"] = "not-proven"): HelloFault {
  return { ok: false, code, text };
}

/** Key and challenge of an opening or a reply. */
function readEnd(role: Role, peerId: string, message: Uint8Array): HelloEnd {
  return {
    role,
    peerId,
    key: message.slice(1, 1 + KEY_SIZE),
    challenge: message.slice(1 + KEY_SIZE, OPENING_SIZE),
  };
}

function writeEnd(end: HelloEnd, size: number): Uint8Array {
  const message = new Uint8Array(size);
  message[0] = HELLO_VERSION;
  message.set(end.key, 1);
  message.set(end.challenge, 1 + KEY_SIZE);
  return message;
}

/** What both sides demand of the other's key and challenge before they compute with them. */
function checkEnd(own: HelloEnd, other: HelloEnd): HelloFault | undefined {
  if (equalBytes(own.key, other.key)) return fault("the other end names our own key");
  if (own.peerId === other.peerId) return fault("the other end is our own peer");
  if (equalBytes(own.challenge, other.challenge)) return fault("our own challenge came back");
  return undefined;
}

/** The edge's part. */
export class HelloInitiator {
  readonly #own: HelloEnd;
  readonly #keys: KeyPair;
  readonly #secret: Uint8Array | undefined;
  readonly #pinned: Uint8Array;
  readonly #remotePeerId: string;

  /** @param pinned the only key that is accepted */
  constructor(own: HelloOwn, remotePeerId: string, pinned: Uint8Array) {
    this.#own = endOf("edge", own);
    this.#keys = own.keys;
    this.#pinned = pinned;
    this.#remotePeerId = remotePeerId;
    this.#secret = helloSecret(this.#keys, pinned, own.networkSecret);
  }

  opening(): Uint8Array {
    return writeEnd(this.#own, OPENING_SIZE);
  }

  /** The reply came: is it the pinned key's, and what is to be sent then? */
  reply(message: Uint8Array): { readonly ok: true; readonly proof: Uint8Array } | HelloFault {
    if (message.length < REPLY_SIZE) return fault("a short reply");
    if (message[0] !== HELLO_VERSION)
      return fault(`hello version ${message[0]}, expected ${HELLO_VERSION}`, "version");
    const other = readEnd("supernode", this.#remotePeerId, message);
    if (!equalBytes(other.key, this.#pinned)) return fault("the supernode has another key", "wrong-key");
    const wrong = checkEnd(this.#own, other);
    if (wrong !== undefined) return wrong;
    if (this.#secret === undefined) return fault("a low-order key");
    const proof = message.subarray(OPENING_SIZE, REPLY_SIZE);
    if (!equalBytes(proof, helloProof(this.#secret, other, this.#own)))
      return fault(
        "the supernode's proof does not verify (another network secret, or not the owner of its key)",
      );
    return { ok: true, proof: helloProof(this.#secret, this.#own, other) };
  }
}

/** The supernode's part. */
export class HelloResponder {
  readonly #own: HelloEnd;
  readonly #keys: KeyPair;
  readonly #networkSecret: Uint8Array | undefined;
  readonly #remotePeerId: string;
  #other: HelloEnd | undefined;
  #secret: Uint8Array | undefined;

  constructor(own: HelloOwn, remotePeerId: string) {
    this.#own = endOf("supernode", own);
    this.#keys = own.keys;
    this.#networkSecret = own.networkSecret;
    this.#remotePeerId = remotePeerId;
  }

  /** The opening came: what is to be answered? */
  opening(message: Uint8Array): { readonly ok: true; readonly reply: Uint8Array } | HelloFault {
    if (message.length < OPENING_SIZE) return fault("a short opening");
    if (message[0] !== HELLO_VERSION)
      return fault(`hello version ${message[0]}, expected ${HELLO_VERSION}`, "version");
    const other = readEnd("edge", this.#remotePeerId, message);
    const wrong = checkEnd(this.#own, other);
    if (wrong !== undefined) return wrong;
    const secret = helloSecret(this.#keys, other.key, this.#networkSecret);
    if (secret === undefined) return fault("a low-order key");
    this.#other = other;
    this.#secret = secret;
    const reply = writeEnd(this.#own, REPLY_SIZE);
    reply.set(helloProof(secret, this.#own, other), OPENING_SIZE);
    return { ok: true, reply };
  }

  /** The proof came: whose connection is this? */
  proof(message: Uint8Array): { readonly ok: true; readonly key: Uint8Array } | HelloFault {
    if (this.#other === undefined || this.#secret === undefined) return fault("a proof before the opening");
    if (!equalBytes(message, helloProof(this.#secret, this.#other, this.#own)))
      return fault("the edge's proof does not verify (another network secret, or not the owner of its key)");
    return { ok: true, key: this.#other.key };
  }
}

// mac1, mac2 and the cookie (WireGuard paper, section 5.4.7).
//
// mac1 proves that the sender knows the receiver's public key; without it nothing is answered at all.
// Under load a node also wants mac2, keyed by a cookie that it sends to the address the message came
// from: so work is done only for senders who can receive there. The cookie itself needs no memory: it is
// a MAC of the source under a secret that lives two minutes.
//
//   mac1   = Mac(BLAKE2s("mac1----" || receiver's key), all bytes before mac1)
//   cookie = Mac(secret, source)
//   mac2   = Mac(cookie, all bytes before mac2)
//   reply  = XChaCha20-Poly1305(BLAKE2s("cookie--" || replier's key), nonce, ad = mac1, cookie)

import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { encodeCookieReply, macFields, parseCookieReply, senderIndexOf } from "../wire/handshake.ts";
import { equalBytes, hash } from "./primitives.ts";
import type { Mac } from "./primitives.ts";
import { COOKIE_LIFETIME, COOKIE_SECRET_LIFETIME } from "./timers.ts";

const LABEL_MAC1 = new TextEncoder().encode("mac1----");
const LABEL_COOKIE = new TextEncoder().encode("cookie--");
const NONCE_SIZE = 24;
const SECRET_SIZE = 32;

/** Messages whose cookie replies are still understood: our last initiation and our last response. */
const REMEMBERED_MESSAGES = 2;

/** Key of mac1 on messages *to* the owner of `publicKey`. */
export function mac1Key(publicKey: Uint8Array): Uint8Array {
  return hash(LABEL_MAC1, publicKey);
}

/** Key of cookie replies *from* the owner of `publicKey`. */
export function cookieKey(publicKey: Uint8Array): Uint8Array {
  return hash(LABEL_COOKIE, publicKey);
}

/** Write mac1 into an initiation or response. `key` is `mac1Key` of the receiver. */
export function stampMac1(mac: Mac, key: Uint8Array, datagram: Uint8Array): void {
  const fields = macFields(datagram);
  fields.mac1.set(mac(key, fields.beforeMac1));
}

/** True for an initiation or response of valid size and header whose mac1 is right. */
export function verifyMac1(mac: Mac, key: Uint8Array, datagram: Uint8Array): boolean {
  if (senderIndexOf(datagram) === undefined) return false;
  const fields = macFields(datagram);
  return equalBytes(fields.mac1, mac(key, fields.beforeMac1));
}

interface Secret {
  readonly bytes: Uint8Array;
  readonly since: number;
}

/** The receiving side: gives out cookies and recognises them. One for a node. */
export class CookieResponder {
  readonly #mac: Mac;
  readonly #key: Uint8Array;
  #current: Secret | undefined;
  #previous: Secret | undefined;

  constructor(mac: Mac, localPublicKey: Uint8Array) {
    this.#mac = mac;
    this.#key = cookieKey(localPublicKey);
  }

  /**
   * Was mac2 made with a cookie that this node gave to `source`? `source` is opaque: address and port, or
   * the last hop and the source of a message in transit. Call it on messages that passed `verifyMac1`.
   */
  verifyMac2(now: number, datagram: Uint8Array, source: Uint8Array): boolean {
    const { beforeMac2, mac2 } = macFields(datagram);
    // A secret is honoured for one more period, so that no cookie dies before its holder forgets it.
    for (const secret of [this.#current, this.#previous]) {
      if (secret === undefined || now - secret.since >= 2 * COOKIE_SECRET_LIFETIME) continue;
      if (equalBytes(mac2, this.#mac(this.#mac(secret.bytes, source), beforeMac2))) return true;
    }
    return false;
  }

  /** The reply (64 bytes) to a message that passed `verifyMac1`; undefined if it is no such message. */
  makeReply(
    now: number,
    datagram: Uint8Array,
    source: Uint8Array,
    random: (n: number) => Uint8Array,
  ): Uint8Array | undefined {
    const receiverIndex = senderIndexOf(datagram);
    if (receiverIndex === undefined) return undefined;
    if (this.#current === undefined || now - this.#current.since >= COOKIE_SECRET_LIFETIME) {
      this.#previous = this.#current;
      this.#current = { bytes: random(SECRET_SIZE), since: now };
    }
    const cookie = this.#mac(this.#current.bytes, source);
    const nonce = random(NONCE_SIZE);
    const encryptedCookie = xchacha20poly1305(this.#key, nonce, macFields(datagram).mac1).encrypt(cookie);
    return encodeCookieReply({ receiverIndex, nonce, encryptedCookie });
  }
}

/** The sending side: keeps the cookie of one peer and stamps mac2 with it. */
export class CookieJar {
  readonly #mac: Mac;
  readonly #key: Uint8Array;
  #cookie: Uint8Array | undefined;
  #since = 0;
  #sent: { readonly index: number; readonly mac1: Uint8Array }[] = [];

  constructor(mac: Mac, remotePublicKey: Uint8Array) {
    this.#mac = mac;
    this.#key = cookieKey(remotePublicKey);
  }

  /** To be called on every initiation and response before it is sent, after mac1 was written. */
  stamp(now: number, datagram: Uint8Array): void {
    const index = senderIndexOf(datagram);
    if (index === undefined) return;
    const { mac1, mac2, beforeMac2 } = macFields(datagram);
    this.#sent = [{ index, mac1: mac1.slice() }, ...this.#sent].slice(0, REMEMBERED_MESSAGES);
    if (this.#cookie === undefined) return;
    if (now - this.#since >= COOKIE_LIFETIME) this.#cookie = undefined;
    else mac2.set(this.#mac(this.#cookie, beforeMac2));
  }

  /** True if `datagram` is an authentic reply to a message stamped here that had none so far. */
  accept(now: number, datagram: Uint8Array): boolean {
    const reply = parseCookieReply(datagram);
    if (reply === undefined) return false;
    const sent = this.#sent.find((entry) => entry.index === reply.receiverIndex);
    if (sent === undefined) return false;
    try {
      this.#cookie = xchacha20poly1305(this.#key, reply.nonce, sent.mac1).decrypt(reply.encryptedCookie);
    } catch {
      return false;
    }
    this.#since = now;
    this.#sent = this.#sent.filter((entry) => entry !== sent);
    return true;
  }
}

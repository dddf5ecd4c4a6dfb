/**
 * What a handshake message must pass before any curve is computed: cookies under load, and a limit per source. mac1 was
 * checked by the data plane already. Silence is the answer to all that fails, but for a cookie reply, which is smaller
 * than its cause (DESIGN §6, WireGuard paper §5.3).
 *
 * A source address may be forged. So the limit of those that proved theirs by a cookie is counted apart, and who comes
 * over the limit without a cookie is given one: nobody can use up a peer's share in its name.
 */
import { CookieResponder } from "../noise/cookie.ts";
import type { Mac } from "../noise/primitives.ts";
import { HandshakeRateLimiter, LoadMeter } from "../noise/rate-limit.ts";
import type { HandshakeDropReason } from "./handshake-drops.ts";

/** Where a message came from: an address, or the relay that brought it and the node it names as its source. */
export interface HandshakeSource {
  /** Packed, 20 bytes. */
  readonly address: Uint8Array;
  /** NodeID of the last hop of a message in transit, −1 for a direct one. */
  readonly hop: number;
  readonly node: number;
}

export type GateVerdict =
  { type: "pass" } | { type: "drop"; reason: HandshakeDropReason } | { type: "cookie"; reply: Uint8Array };

export class HandshakeGate {
  readonly #cookies: CookieResponder;
  readonly #unproven: HandshakeRateLimiter = new HandshakeRateLimiter();
  readonly #proven: HandshakeRateLimiter = new HandshakeRateLimiter();
  readonly #load: LoadMeter = new LoadMeter();

  constructor(mac: Mac, publicKey: Uint8Array) {
    this.#cookies = new CookieResponder(mac, publicKey);
  }

  /** `random(n)` gives n random bytes. */
  judge(
    nowMs: number,
    datagram: Uint8Array,
    source: HandshakeSource,
    random: (n: number) => Uint8Array,
  ): GateVerdict {
    const name = sourceName(source);
    const loaded = this.#load.note(nowMs);
    if (!loaded && this.#unproven.allow(nowMs, limiterKey(source))) return { type: "pass" };
    if (!this.#cookies.verifyMac2(nowMs, datagram, name)) {
      const reply = this.#cookies.makeReply(nowMs, datagram, name, random);
      return reply === undefined ? { type: "drop", reason: "malformed" } : { type: "cookie", reply };
    }
    if (!this.#proven.allow(nowMs, limiterKey(source))) return { type: "drop", reason: "rate" };
    return { type: "pass" };
  }
}

/** The source as bytes, for cookies: address and port, or relay and node. */
function sourceName(source: HandshakeSource): Uint8Array {
  if (source.hop < 0) return source.address;
  return Uint8Array.of(0, 0, source.hop >> 8, source.hop, source.node >> 8, source.node);
}

/** Ports do not count: one host has 65536 of them, and an IPv6 /64 of addresses. */
function limiterKey(source: HandshakeSource): string {
  if (source.hop >= 0) return `${source.hop}/${source.node}`;
  return Buffer.from(source.address.subarray(4, 12)).toString("hex");
}

/**
 * What reaches the main thread of a flood of handshakes: a share for every source, and something to spare that all may
 * use. So a host that floods leaves room for others and time for other work; one whose address is forged still has its
 * part of what is spared, and, once it has a cookie, a share of its own. Sources are hashed into a table under a secret,
 * because nothing may grow with the number of addresses; two that meet there have one share.
 */
import { randomBytes } from "node:crypto";

const SLOTS = 4096;
const WINDOW_MS = 50;
/** Handshakes in a window: of one source, and of all that want more. */
const PER_SOURCE = 8;
const SPARE = 128;
/** In a packed address: what names a host. It has 65 536 ports, and an IPv6 /64 of addresses. */
const HOST_OFFSET = 4;
const HOST_END = 12;

export class HandshakeShare {
  readonly #secret: number = randomBytes(4).readUInt32LE();
  readonly #taken: Uint8Array = new Uint8Array(SLOTS);
  #spared = 0;
  #windowEndsMs = 0;

  /**
   * May another one from this source pass?
   * @param packed the source's address, at `offset`; `hop` (−1: none) and `node` say who relayed it for whom
   * @param cookie it carries a mac2, which is not checked here
   */
  take(
    packed: Uint8Array,
    offset: number,
    hop: number,
    node: number,
    cookie: boolean,
    nowMs: number,
  ): boolean {
    if (nowMs >= this.#windowEndsMs) {
      this.#taken.fill(0);
      this.#spared = 0;
      this.#windowEndsMs = nowMs + WINDOW_MS;
    }
    let hash = mix(this.#secret, cookie ? 1 : 0);
    if (hop >= 0) hash = mix(hash, hop * 0x10000 + node);
    else for (let i = HOST_OFFSET; i < HOST_END; i++) hash = mix(hash, packed[offset + i] ?? 0);
    const slot = (hash >>> 16) % SLOTS;
    const taken = this.#taken[slot] ?? 0;
    if (taken < PER_SOURCE) {
      this.#taken[slot] = taken + 1;
      return true;
    }
    if (this.#spared >= SPARE) return false;
    this.#spared++;
    return true;
  }
}

/** One round of Murmur3's mixing: the secret keeps a stranger from choosing who shares a slot. */
function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ value, 0xcc9e2d51);
  mixed = (mixed << 15) | (mixed >>> 17);
  return Math.imul(mixed, 0x1b873593) ^ (mixed >>> 13);
}

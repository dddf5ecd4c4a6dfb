/**
 * Recognises frames that we wrote to a port and that come back from it: hairpin switch ports, access points and
 * VEPA reflect what they are given. Learned, such a frame would say that a remote station sits behind our own port,
 * and traffic for it would vanish there. DESIGN §10.
 *
 * A table of fingerprints, two ways a set, so that memory and time per frame are fixed; the older of a set goes
 * first. The fingerprint covers the first 40 bytes (addresses, tags, IP header, ports) and the length, and ends
 * before the TCP and UDP checksums, which an offloading NIC fills in between our write and the reflection. Equal
 * fingerprints of different frames are harmless: the source address is part of it, and a station whose frames we
 * have just written to a port does not at the same time send from there.
 */

const FINGERPRINT_BYTES = 40;
const WAYS = 2;

export class ReflectionGuard {
  readonly #mask: number;
  readonly #windowMs: number;
  readonly #hash: Uint32Array;
  readonly #port: Int32Array;
  readonly #time: Float64Array;

  /**
   * @param sets power of two; frames remembered are twice as many
   * @param windowMs how long a written frame counts as ours when it comes back
   */
  constructor(sets = 4096, windowMs = 1000) {
    this.#mask = sets - 1;
    this.#windowMs = windowMs;
    this.#hash = new Uint32Array(sets * WAYS);
    this.#port = new Int32Array(sets * WAYS).fill(-1);
    this.#time = new Float64Array(sets * WAYS).fill(-Infinity);
  }

  /** We are writing this frame (bytes offset..end) to a port. */
  wrote(port: number, frame: Uint8Array, offset: number, end: number, nowMs: number): void {
    const hash = fingerprint(frame, offset, end);
    const first = (hash & this.#mask) * WAYS;
    let slot = first;
    for (let way = 0; way < WAYS; way++) {
      const at = first + way;
      if (this.#hash[at] === hash && this.#port[at] === port) {
        slot = at;
        break;
      }
      if ((this.#time[at] ?? 0) < (this.#time[slot] ?? 0)) slot = at;
    }
    this.#hash[slot] = hash;
    this.#port[slot] = port;
    this.#time[slot] = nowMs;
  }

  /** Whether a frame read from a port is one that we wrote to it within the window: drop it, do not learn. */
  isReflection(port: number, frame: Uint8Array, offset: number, end: number, nowMs: number): boolean {
    const hash = fingerprint(frame, offset, end);
    const first = (hash & this.#mask) * WAYS;
    for (let at = first; at < first + WAYS; at++) {
      if (
        this.#hash[at] === hash &&
        this.#port[at] === port &&
        nowMs - (this.#time[at] ?? 0) < this.#windowMs
      ) {
        return true;
      }
    }
    return false;
  }
}

/** FNV-1a over the leading bytes and the length, with a final mix so that the low bits index well. */
function fingerprint(frame: Uint8Array, offset: number, end: number): number {
  const stop = Math.min(end, offset + FINGERPRINT_BYTES);
  let hash = 0x811c9dc5 ^ (end - offset);
  for (let i = offset; i < stop; i++) hash = Math.imul(hash ^ (frame[i] ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

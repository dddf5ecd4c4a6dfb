/**
 * The forwarding information base: (outer VLAN, MAC) → owner. DESIGN §10.
 *
 * Open addressing with linear probing in typed arrays; at most half of the slots are used. A deletion shifts the
 * rest of its run back, so there are no tombstones and a lookup of an absent key stays short.
 *
 * ```
 *  slot   keyHi (Uint32)             keyLo (Uint32)   owner (Int32)             seen (Float64, ms)
 *         VLAN 16 | MAC first 16     MAC last 32      >= 0 NodeID, < 0 port     when the owner last sent from it
 * ```
 *
 * VLAN 0xffff stands for "any VLAN" and holds pinned MACs: those the node itself answers for, learned from nobody
 * else. Neither {@link Fib.lookup} nor {@link Fib.learn} allocates.
 */

/** What {@link Fib.lookup} returns for an unknown address. Owners never have this value. */
export const NOT_FOUND = -0x80000000;

/** Outcomes of {@link Fib.learn}. */
export const LEARN_NEW = 0;
export const LEARN_REFRESHED = 1;
export const LEARN_MOVED = 2;
/** Group, broadcast or zero source address: never learned. */
export const LEARN_REFUSED_GROUP = 3;
/** The MAC is pinned to another owner. */
export const LEARN_REFUSED_PINNED = 4;
/** Its present owner has sent from it within the silence time. */
export const LEARN_REFUSED_BUSY = 5;
/** It moved too often and is held where it is. */
export const LEARN_REFUSED_DAMPED = 6;
export const LEARN_REFUSED_FULL = 7;
/** This owner has used up its share of the table. */
export const LEARN_REFUSED_OWNER_FULL = 8;
export type LearnResult = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Local port ids are 0..1023. */
export const MAX_PORT_ID = 1023;

export interface FibOptions {
  /** Entries in all. */
  maxEntries?: number;
  /** Entries of one owner. */
  maxPerOwner?: number;
  /** ms without a frame after which an entry is removed; 0 or less: never. */
  timeoutMs?: number;
  /** ms of silence of the present owner before another may take a MAC over. */
  silenceMs?: number;
  /** More moves than this within {@link FibOptions.moveWindowMs} hold the entry for {@link FibOptions.holdMs}. */
  maxMoves?: number;
  moveWindowMs?: number;
  holdMs?: number;
}

export interface FibEntry {
  /** 0..4095, or −1 for a pinned MAC, which holds on every VLAN. */
  vlan: number;
  hi: number;
  lo: number;
  owner: number;
  seenMs: number;
  pinned: boolean;
}

const ANY_VLAN = 0xffff;

/** The owner code of a local port. */
export function portOwner(portId: number): number {
  return -1 - portId;
}

/** The port id in an owner code below zero. */
export function ownerPort(owner: number): number {
  return -1 - owner;
}

export class Fib {
  readonly #mask: number;
  readonly #keyHi: Uint32Array;
  readonly #keyLo: Uint32Array;
  readonly #owner: Int32Array;
  readonly #seen: Float64Array;
  readonly #moves: Uint16Array;
  readonly #windowStart: Float64Array;
  readonly #heldUntil: Float64Array;
  /** Index: NodeID, or 65536 + port id. */
  readonly #perOwner: Uint32Array = new Uint32Array(65536 + MAX_PORT_ID + 1);
  readonly #maxEntries: number;
  readonly #maxPerOwner: number;
  readonly #timeoutMs: number;
  readonly #silenceMs: number;
  readonly #maxMoves: number;
  readonly #moveWindowMs: number;
  readonly #holdMs: number;
  #size = 0;
  #pinned = 0;
  #sweepAt = 0;
  #dampingPausedUntil = -Infinity;

  constructor(options: FibOptions = {}) {
    this.#maxEntries = options.maxEntries ?? 16384;
    this.#maxPerOwner = options.maxPerOwner ?? 4096;
    this.#timeoutMs = options.timeoutMs ?? 300_000;
    this.#silenceMs = options.silenceMs ?? 2000;
    this.#maxMoves = options.maxMoves ?? 5;
    this.#moveWindowMs = options.moveWindowMs ?? 10_000;
    this.#holdMs = options.holdMs ?? 10_000;
    let slots = 16;
    while (slots < 2 * this.#maxEntries) slots *= 2;
    this.#mask = slots - 1;
    this.#keyHi = new Uint32Array(slots);
    this.#keyLo = new Uint32Array(slots);
    this.#owner = new Int32Array(slots).fill(NOT_FOUND);
    this.#seen = new Float64Array(slots);
    this.#moves = new Uint16Array(slots);
    this.#windowStart = new Float64Array(slots);
    this.#heldUntil = new Float64Array(slots);
  }

  /** Entries held, pinned ones included. */
  get size(): number {
    return this.#size;
  }

  /** Number of entries of one owner, pinned ones not included. */
  sizeOf(owner: number): number {
    return this.#perOwner[ownerIndex(owner)] ?? 0;
  }

  /** Owner of a MAC on a VLAN (0 = untagged), or {@link NOT_FOUND}. */
  lookup(vlan: number, hi: number, lo: number): number {
    const found = this.#owner[this.#find(((vlan << 16) | hi) >>> 0, lo)] ?? NOT_FOUND;
    if (found !== NOT_FOUND || this.#pinned === 0) return found;
    return this.#owner[this.#find(((ANY_VLAN << 16) | hi) >>> 0, lo)] ?? NOT_FOUND;
  }

  /**
   * A frame with this source came from this owner, which the caller has authenticated.
   * @param announced the frame is a gratuitous ARP or an unsolicited ND advertisement for this MAC: moves at once
   * @returns one of the LEARN_* codes
   */
  learn(vlan: number, hi: number, lo: number, owner: number, nowMs: number, announced = false): LearnResult {
    if ((hi & 0x0100) !== 0 || (hi === 0 && lo === 0)) return LEARN_REFUSED_GROUP;
    if (this.#pinned > 0) {
      const pinnedTo = this.#owner[this.#find(((ANY_VLAN << 16) | hi) >>> 0, lo)] ?? NOT_FOUND;
      if (pinnedTo === owner) return LEARN_REFRESHED;
      if (pinnedTo !== NOT_FOUND) return LEARN_REFUSED_PINNED;
    }
    const key = ((vlan << 16) | hi) >>> 0;
    const slot = this.#find(key, lo);
    const present = this.#owner[slot] ?? NOT_FOUND;
    if (present === owner) {
      this.#seen[slot] = nowMs;
      return LEARN_REFRESHED;
    }
    if (present !== NOT_FOUND) return this.#move(slot, owner, nowMs, announced);
    if (this.#size >= this.#maxEntries) return LEARN_REFUSED_FULL;
    if (this.sizeOf(owner) >= this.#maxPerOwner) return LEARN_REFUSED_OWNER_FULL;
    this.#insert(slot, key, lo, owner, nowMs);
    this.#addToOwner(owner, 1);
    return LEARN_NEW;
  }

  /**
   * Pin a MAC to an owner on every VLAN; what was learned of it before is forgotten. First claim wins.
   * @returns false when it is pinned to another owner already, is no station address, or the table is full
   */
  pin(hi: number, lo: number, owner: number, nowMs: number): boolean {
    if ((hi & 0x0100) !== 0 || (hi === 0 && lo === 0)) return false;
    const key = ((ANY_VLAN << 16) | hi) >>> 0;
    const present = this.#owner[this.#find(key, lo)] ?? NOT_FOUND;
    if (present !== NOT_FOUND) return present === owner;
    this.#removeWhere((slot) => this.#keyLo[slot] === lo && ((this.#keyHi[slot] ?? 0) & 0xffff) === hi);
    if (this.#size >= this.#maxEntries) return false;
    this.#insert(this.#find(key, lo), key, lo, owner, nowMs);
    this.#pinned++;
    return true;
  }

  /** Remove a pin, so that the MAC may be learned again. */
  unpin(hi: number, lo: number): void {
    const slot = this.#find(((ANY_VLAN << 16) | hi) >>> 0, lo);
    if (this.#owner[slot] !== NOT_FOUND) this.#remove(slot);
  }

  /** Forget everything, pins too, that an owner has: the node left, or the port was closed. Returns the count. */
  purgeOwner(owner: number): number {
    return this.#removeWhere((slot) => this.#owner[slot] === owner);
  }

  /** Let moves through undamped until then: after a gateway takeover a whole LAN moves at once. */
  pauseDamping(untilMs: number): void {
    this.#dampingPausedUntil = untilMs;
  }

  /** Look at the next `slots` slots and remove what has aged. Returns how many entries went. */
  sweep(nowMs: number, slots: number = this.#mask + 1): number {
    if (this.#timeoutMs <= 0) return 0;
    let removed = 0;
    for (let left = Math.min(slots, this.#mask + 1); left > 0; left--) {
      const slot = this.#sweepAt;
      const aged =
        this.#owner[slot] !== NOT_FOUND &&
        (this.#keyHi[slot] ?? 0) >>> 16 !== ANY_VLAN &&
        nowMs - (this.#seen[slot] ?? 0) >= this.#timeoutMs;
      if (aged) {
        // What follows is shifted into this slot, so it is looked at again.
        this.#remove(slot);
        removed++;
      } else {
        this.#sweepAt = (slot + 1) & this.#mask;
      }
    }
    return removed;
  }

  /** Everything in the table, in no particular order. For status output; the table must not change meanwhile. */
  *entries(): Generator<FibEntry, void, undefined> {
    for (let slot = 0; slot <= this.#mask; slot++) {
      const owner = this.#owner[slot] ?? NOT_FOUND;
      if (owner === NOT_FOUND) continue;
      const key = this.#keyHi[slot] ?? 0;
      const pinned = key >>> 16 === ANY_VLAN;
      yield {
        vlan: pinned ? -1 : key >>> 16,
        hi: key & 0xffff,
        lo: this.#keyLo[slot] ?? 0,
        owner,
        seenMs: this.#seen[slot] ?? 0,
        pinned,
      };
    }
  }

  #move(slot: number, owner: number, nowMs: number, announced: boolean): LearnResult {
    if (!announced && nowMs - (this.#seen[slot] ?? 0) < this.#silenceMs) return LEARN_REFUSED_BUSY;
    if (this.sizeOf(owner) >= this.#maxPerOwner) return LEARN_REFUSED_OWNER_FULL;
    if (nowMs >= this.#dampingPausedUntil) {
      if (nowMs < (this.#heldUntil[slot] ?? 0)) return LEARN_REFUSED_DAMPED;
      if (nowMs - (this.#windowStart[slot] ?? 0) >= this.#moveWindowMs) {
        this.#windowStart[slot] = nowMs;
        this.#moves[slot] = 0;
      }
      if ((this.#moves[slot] ?? 0) >= this.#maxMoves) {
        this.#heldUntil[slot] = nowMs + this.#holdMs;
        return LEARN_REFUSED_DAMPED;
      }
      this.#moves[slot] = (this.#moves[slot] ?? 0) + 1;
    }
    this.#addToOwner(this.#owner[slot] ?? 0, -1);
    this.#addToOwner(owner, 1);
    this.#owner[slot] = owner;
    this.#seen[slot] = nowMs;
    return LEARN_MOVED;
  }

  #insert(slot: number, key: number, lo: number, owner: number, nowMs: number): void {
    this.#keyHi[slot] = key;
    this.#keyLo[slot] = lo;
    this.#owner[slot] = owner;
    this.#seen[slot] = nowMs;
    this.#moves[slot] = 0;
    this.#windowStart[slot] = nowMs;
    this.#heldUntil[slot] = -Infinity;
    this.#size++;
  }

  #home(key: number, lo: number): number {
    // Two odd multipliers and a final mix: vendors number their MACs consecutively, so low bits alone cluster.
    let hash = Math.imul(key, 0x9e3779b1) ^ Math.imul(lo, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return (hash ^ (hash >>> 13)) & this.#mask;
  }

  /** The slot of a key, or the empty slot where it would go. */
  #find(key: number, lo: number): number {
    let slot = this.#home(key, lo);
    while (this.#owner[slot] !== NOT_FOUND && (this.#keyHi[slot] !== key || this.#keyLo[slot] !== lo)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  #removeWhere(matches: (slot: number) => boolean): number {
    let removed = 0;
    for (let slot = 0; slot <= this.#mask;) {
      if (this.#owner[slot] !== NOT_FOUND && matches(slot)) {
        this.#remove(slot);
        removed++;
      } else {
        slot++;
      }
    }
    return removed;
  }

  /** Delete a slot and close the gap: every later entry of the run that may stand nearer its home moves back. */
  #remove(slot: number): void {
    if ((this.#keyHi[slot] ?? 0) >>> 16 === ANY_VLAN) this.#pinned--;
    else this.#addToOwner(this.#owner[slot] ?? 0, -1);
    this.#size--;
    let gap = slot;
    let next = (gap + 1) & this.#mask;
    while (this.#owner[next] !== NOT_FOUND) {
      const home = this.#home(this.#keyHi[next] ?? 0, this.#keyLo[next] ?? 0);
      if (((next - home) & this.#mask) >= ((next - gap) & this.#mask)) {
        this.#copySlot(next, gap);
        gap = next;
      }
      next = (next + 1) & this.#mask;
    }
    this.#owner[gap] = NOT_FOUND;
  }

  #copySlot(from: number, to: number): void {
    this.#keyHi[to] = this.#keyHi[from] ?? 0;
    this.#keyLo[to] = this.#keyLo[from] ?? 0;
    this.#owner[to] = this.#owner[from] ?? NOT_FOUND;
    this.#seen[to] = this.#seen[from] ?? 0;
    this.#moves[to] = this.#moves[from] ?? 0;
    this.#windowStart[to] = this.#windowStart[from] ?? 0;
    this.#heldUntil[to] = this.#heldUntil[from] ?? 0;
  }

  #addToOwner(owner: number, change: number): void {
    const index = ownerIndex(owner);
    this.#perOwner[index] = (this.#perOwner[index] ?? 0) + change;
  }
}

function ownerIndex(owner: number): number {
  return owner >= 0 ? owner : 65535 - owner;
}

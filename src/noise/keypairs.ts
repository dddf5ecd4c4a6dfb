// The keypairs of one session: previous, current and next (WireGuard's names). Keys themselves live in the
// worker's native table; here is only what decides which of them is used.
//
//             initiator: response arrived           responder: initiation answered
//   previous  <- current                            (stays)
//   current   <- the new one, used at once          (stays)
//   next      (stays)                               <- the new one, used once a record arrived on it

import { RACE_WINDOW } from "./timers.ts";
import type { Aead } from "../wire/handshake.ts";

export interface Keypair {
  readonly localIndex: number;
  readonly aead: Aead;
  /** Did this end start the handshake? */
  readonly initiator: boolean;
  readonly createdAt: number;
  /** When this end makes a new one, unless somebody did before. */
  readonly rekeyAt: number;
}

/** What a change did: the index to send with from now on, and those to forget. */
export interface KeypairChange {
  readonly use: number | undefined;
  readonly removed: readonly number[];
}

export class KeypairRing {
  /** Breaks the tie between two handshakes that crossed: true if the peer's is to win. */
  readonly #peerWins: boolean;
  #previous: Keypair | undefined;
  #current: Keypair | undefined;
  #next: Keypair | undefined;

  constructor(peerWins: boolean) {
    this.#peerWins = peerWins;
  }

  get current(): Keypair | undefined {
    return this.#current;
  }

  all(): Keypair[] {
    return [this.#previous, this.#current, this.#next].filter((keypair) => keypair !== undefined);
  }

  /** Our handshake is complete: the peer has answered, so the keypair works. */
  addInitiated(keypair: Keypair): KeypairChange {
    const removed = indices(this.#previous);
    this.#previous = this.#current;
    this.#current = keypair;
    return { use: keypair.localIndex, removed };
  }

  /** We answered an initiation. The keypair before the current one stays: its records may be on the way. */
  addAnswered(keypair: Keypair): KeypairChange {
    const removed = indices(this.#next);
    this.#next = keypair;
    return { use: undefined, removed };
  }

  /** A record arrived on a keypair; undefined unless it is `next`, the only one for which this is news. */
  confirm(localIndex: number): KeypairChange | undefined {
    const next = this.#next;
    if (next === undefined || next.localIndex !== localIndex) return undefined;
    this.#next = undefined;
    const removed = indices(this.#previous);
    if (this.#current !== undefined && !this.#supersedes(next, this.#current)) {
      this.#previous = next;
      return { use: undefined, removed };
    }
    this.#previous = this.#current;
    this.#current = next;
    return { use: next.localIndex, removed };
  }

  /** Forget what `dead` picks. */
  remove(dead: (keypair: Keypair) => boolean): number[] {
    const removed = this.all().filter(dead);
    if (removed.length === 0) return [];
    const keep = (keypair: Keypair | undefined): Keypair | undefined =>
      keypair === undefined || removed.includes(keypair) ? undefined : keypair;
    this.#previous = keep(this.#previous);
    this.#current = keep(this.#current);
    this.#next = keep(this.#next);
    return removed.map((keypair) => keypair.localIndex);
  }

  #supersedes(next: Keypair, current: Keypair): boolean {
    if (next.createdAt > current.createdAt || !current.initiator) return true;
    // Both ends started at once and both succeeded. Each sends with its own keypair now.
    return this.#peerWins && current.createdAt - next.createdAt < RACE_WINDOW;
  }
}

function indices(keypair: Keypair | undefined): number[] {
  return keypair === undefined ? [] : [keypair.localIndex];
}

/**
 * Frames that wait for a session being opened: at most 32 a destination, 3 s each, 1024 in all (DESIGN §3). Copies are
 * made here, off the hot path, because the arena they came in is about to be read over.
 */
const MAX_PER_NODE = 32;
const MAX_TOTAL = 1024;
const MAX_AGE_MS = 3000;

interface WaitingFrame {
  bytes: Uint8Array;
  sinceMs: number;
}

export class Waiting {
  readonly #queues: Map<number, WaitingFrame[]> = new Map();
  #total = 0;

  hasRoom(node: number): boolean {
    return this.#total < MAX_TOTAL && (this.#queues.get(node)?.length ?? 0) < MAX_PER_NODE;
  }

  /** False when there is no room: the caller counts the drop. */
  add(node: number, bytes: Uint8Array, nowMs: number): boolean {
    if (!this.hasRoom(node)) return false;
    const queue = this.#queues.get(node) ?? [];
    queue.push({ bytes, sinceMs: nowMs });
    this.#queues.set(node, queue);
    this.#total++;
    return true;
  }

  /** Removes and returns what waits for `node`, oldest first. */
  take(node: number): Uint8Array[] {
    const queue = this.#queues.get(node);
    if (queue === undefined) return [];
    this.#queues.delete(node);
    this.#total -= queue.length;
    return queue.map((frame) => frame.bytes);
  }

  /** Drops what waited too long; returns how many frames that were. */
  expire(nowMs: number): number {
    let dropped = 0;
    for (const [node, queue] of this.#queues) {
      const kept = queue.filter((frame) => nowMs - frame.sinceMs <= MAX_AGE_MS);
      dropped += queue.length - kept.length;
      if (kept.length === 0) this.#queues.delete(node);
      else this.#queues.set(node, kept);
    }
    this.#total -= dropped;
    return dropped;
  }

  get nodes(): IterableIterator<number> {
    return this.#queues.keys();
  }

  get size(): number {
    return this.#total;
  }
}

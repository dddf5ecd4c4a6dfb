/**
 * Frames that wait for a session being opened: at most 32 a destination, 3 s each, 1024 in all (DESIGN §3), half of that
 * for copies of floods. The bytes are copied here, off the hot path, because the arena they came in is about to be read over.
 */
const MAX_PER_NODE = 32;
const MAX_TOTAL = 1024;
/** Of that for copies of floods: members that are away must not take the room of those whose sessions are being opened. */
const MAX_FLOODED_PER_NODE = 16;
const MAX_TOTAL_FLOODED = 512;
const MAX_AGE_MS = 3000;

interface WaitingFrame {
  bytes: Uint8Array;
  sinceMs: number;
}

export class Waiting {
  readonly #queues: Map<number, WaitingFrame[]> = new Map();
  #total = 0;

  /** @param flooded the frame is one of many copies */
  hasRoom(node: number, flooded: boolean = false): boolean {
    const [each, all] = flooded ? [MAX_FLOODED_PER_NODE, MAX_TOTAL_FLOODED] : [MAX_PER_NODE, MAX_TOTAL];
    return this.#total < all && (this.#queues.get(node)?.length ?? 0) < each;
  }

  /** False when there is no room: the caller counts the drop. */
  add(node: number, bytes: Uint8Array, nowMs: number, flooded: boolean = false): boolean {
    if (!this.hasRoom(node, flooded)) return false;
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

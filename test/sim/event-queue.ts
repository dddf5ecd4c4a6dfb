/** Virtual time: what is to happen, by when it happens; what happens at one moment happens in the order it was planned. */

interface Planned {
  atUs: number;
  order: number;
  run: () => void;
}

export class EventQueue {
  nowUs = 0;
  #planned = 0;
  /** A binary heap: the next one is the first, children of i are 2i + 1 and 2i + 2. */
  readonly #heap: Planned[] = [];

  /** Not before now. */
  at(atUs: number, run: () => void): void {
    const event = { atUs: Math.max(atUs, this.nowUs), order: this.#planned++, run };
    const heap = this.#heap;
    let i = heap.length;
    heap.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (!above || isBefore(above, event)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = event;
  }

  after(us: number, run: () => void): void {
    this.at(this.nowUs + us, run);
  }

  /** Lets time pass up to this moment, included. */
  runUntil(endUs: number): void {
    for (let next = this.#heap[0]; next && next.atUs <= endUs; next = this.#heap[0]) {
      this.#removeFirst();
      this.nowUs = next.atUs;
      next.run();
    }
    this.nowUs = endUs;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (!left) break;
      if (right && isBefore(right, left)) child++;
      const below = heap[child];
      if (!below || isBefore(last, below)) break;
      heap[i] = below;
      i = child;
    }
    heap[i] = last;
  }
}

function isBefore(one: Planned, other: Planned): boolean {
  return one.atUs < other.atUs || (one.atUs === other.atUs && one.order < other.order);
}

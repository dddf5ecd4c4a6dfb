/**
 * Whether it is the supernode that is cut off, not its members: nobody is here, or most of those who were went within
 * seconds and none of them has come back, nor as many others. One edge in its own LAN makes no difference.
 */

/** Connections that break together end within this time: each is given up after so many seconds of silence. */
const TOGETHER_US = 10_000_000;

export class CutOff {
  readonly #present = new Set<number>();
  /** Who went lately, and when; while most are away, who went with them. */
  readonly #gone = new Map<number, number>();
  #mostAreGone = false;
  /** When the last of those went who went together. */
  #wentUs = -Infinity;

  get isNow(): boolean {
    return this.#present.size === 0 || this.#mostAreGone;
  }

  /** True when this ends it: the others come back within their pauses. */
  came(nowUs: number, nodeId: number): boolean {
    const wasAlone = this.#present.size === 0 && !this.#mostAreGone;
    const wentToo = this.#gone.delete(nodeId);
    this.#present.add(nodeId);
    const ends = this.#mostAreGone && (wentToo || this.#gone.size <= this.#present.size);
    if (!ends) return wasAlone;
    this.#mostAreGone = false;
    // Should it be cut off again before they are back, they are among those who went.
    for (const id of this.#gone.keys()) this.#gone.set(id, nowUs);
    return true;
  }

  went(nowUs: number, nodeId: number): void {
    if (!this.#present.delete(nodeId)) return;
    if (this.#mostAreGone && nowUs - this.#wentUs > TOGETHER_US) return;
    if (!this.#mostAreGone) {
      for (const [id, atUs] of this.#gone) if (nowUs - atUs > TOGETHER_US) this.#gone.delete(id);
    }
    this.#gone.set(nodeId, nowUs);
    this.#wentUs = nowUs;
    this.#mostAreGone ||= this.#gone.size > Math.max(1, this.#present.size);
  }

  /** Who is no member any more is not waited for. */
  retain(isMember: (nodeId: number) => boolean): void {
    for (const nodeId of this.#present) if (!isMember(nodeId)) this.#present.delete(nodeId);
    for (const nodeId of this.#gone.keys()) if (!isMember(nodeId)) this.#gone.delete(nodeId);
    if (this.#gone.size === 0) this.#mostAreGone = false;
  }
}

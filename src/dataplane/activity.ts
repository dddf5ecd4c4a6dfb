/**
 * Who was heard when, and who has not answered: what decides that a session is dead (DESIGN §6), and who is owed an
 * answer so that it does not look dead to the other end. Times are ms of the raw clock; 0 = never or nothing.
 */
export class Activity {
  readonly heard: Float64Array = new Float64Array(65536);
  /** When the oldest record left that nothing has followed from the peer. */
  readonly unanswered: Float64Array = new Float64Array(65536);
  /** When the oldest frame arrived that we have sent nothing after. */
  readonly owed: Float64Array = new Float64Array(65536);

  /** When the last frame was sealed for the node. */
  readonly framed: Float64Array = new Float64Array(65536);

  /** 1 = the link to this node carried a frame since the flag was cleared. */
  readonly carried: Uint8Array = new Uint8Array(65536);

  /**
   * A record of `node` arrived at `cameMs`, or a little later: what left after that it does not answer. `answer`: it deserves
   * one (a frame or control, not a keepalive or a probe).
   */
  received(node: number, cameMs: number, answer: boolean): void {
    this.heard[node] = Math.max(this.heard[node] ?? 0, cameMs);
    if ((this.unanswered[node] ?? 0) <= cameMs) this.unanswered[node] = 0;
    if (answer && this.owed[node] === 0) this.owed[node] = cameMs;
  }

  /** A record left for `node`; `expects`: the peer will answer if it lives. */
  sent(node: number, nowMs: number, expects: boolean): void {
    this.owed[node] = 0;
    if (expects && this.unanswered[node] === 0) this.unanswered[node] = nowMs;
  }

  forget(node: number): void {
    this.heard[node] = 0;
    this.unanswered[node] = 0;
    this.owed[node] = 0;
    this.framed[node] = 0;
  }
}

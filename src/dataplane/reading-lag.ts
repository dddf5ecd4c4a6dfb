/**
 * How far the reading of the sockets lags behind what has come.
 *
 *     kernel   ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░░░░░░░░░░|          a thread that stood still for seconds finds more
 *              └── read so far ──┘└─ unread ──┘now        than it reads in one turn
 *
 * The answer to a question may lie in what is unread, so verdicts wait for as long as the lag is. Of two sockets one may have
 * been read farther than the other, so that newer probes are seen before older ones, which then look lost: what is told of
 * links waits, too, until it was read. A lag that stays is another matter: a node that cannot keep up has to judge and to tell.
 */

/** What has waited for less is as good as read. */
const BEHIND_US = 100_000;
/** So long at most a verdict waits, or something is not told. */
export const PATIENCE_US = 2_000_000;

export class ReadingLag {
  #lagUs = 0;
  #sinceUs: number | undefined;
  #lasts = false;

  /** A turn of reading has ended. @param lagUs age of what was read last; 0 = nothing is left */
  note(nowUs: number, lagUs: number): void {
    this.#lagUs = lagUs;
    if (lagUs < BEHIND_US) this.#sinceUs = undefined;
    else this.#sinceUs ??= nowUs;
    this.#lasts = nowUs - (this.#sinceUs ?? nowUs) >= PATIENCE_US;
  }

  /** By how much a verdict has to wait, µs. */
  get delayUs(): number {
    return Math.min(this.#lagUs, PATIENCE_US);
  }

  /** Whether what has been read is too little to tell by. */
  get isBehind(): boolean {
    return this.#lagUs >= BEHIND_US && !this.#lasts;
  }
}

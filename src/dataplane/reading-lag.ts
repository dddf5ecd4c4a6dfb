/**
 * How far the reading of the sockets lags behind what has come: samples of the links wait until it was read.
 *
 *     kernel   ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░░░░░░░░░░|          a thread that stood still for seconds finds more
 *              └── read so far ──┘└─ unread ──┘now        than it reads in one turn
 *
 * Of two sockets one may have been read farther than the other, so that newer probes are seen before older ones, which
 * then look lost. A lag that stays is another matter: a node that cannot keep up has to tell, too.
 */

/** What has waited for less is as good as read. */
const BEHIND_US = 100_000;
/** So long at most nothing is told, until all has been read once. */
const PATIENCE_US = 2_000_000;

export class ReadingLag {
  #lagUs = 0;
  #sinceUs: number | undefined;

  /** A turn of reading has ended. @param lagUs age of what was read last; 0 = nothing is left */
  note(nowUs: number, lagUs: number): void {
    this.#lagUs = lagUs;
    if (lagUs < BEHIND_US) this.#sinceUs = undefined;
    else this.#sinceUs ??= nowUs;
  }

  /** Whether what has been read is too little to tell by. */
  isBehind(nowUs: number): boolean {
    return this.#lagUs >= BEHIND_US && nowUs - (this.#sinceUs ?? nowUs) < PATIENCE_US;
  }
}

/** Progress on stderr: a live line on a terminal, else one line each two seconds. */

const LIVE_INTERVAL = 200;
const LOG_INTERVAL = 2000;

export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #interval: number;
  readonly #start: number = performance.now();
  #shown: number = performance.now();
  #live = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.#interval = out.isTTY ? LIVE_INTERVAL : LOG_INTERVAL;
  }

  /** A line of its own, whatever the pace. */
  note(text: string): void {
    this.end();
    this.#out.write(`${text}\n`);
  }

  /** Call as often as you like. `total` is undefined when the size is not known. */
  update(bytes: number, total?: number): void {
    const now = performance.now();
    if (now - this.#shown < this.#interval) return;
    this.#shown = now;
    const rate = bytes / 1e6 / ((now - this.#start) / 1000);
    const share = total
      ? ` of ${(total / 1e6).toFixed(1)} MB (${Math.floor((100 * bytes) / total)} %)`
      : " MB";
    const line = `${(bytes / 1e6).toFixed(1)}${share}, ${rate.toFixed(1)} MB/s`;
    this.#out.write(this.#out.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
    this.#live = this.#out.isTTY;
  }

  /** Leaves the cursor on a fresh line. */
  end(): void {
    if (this.#live) this.#out.write("\r\x1b[K");
    this.#live = false;
  }
}

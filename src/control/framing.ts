/**
 * Messages on a stream: length (4 bytes, big endian), then that many bytes. DESIGN §9.
 *
 * ```
 *  0               4
 *  +---------------+----------------------+
 *  | length (BE)   | body: length bytes   |
 *  +---------------+----------------------+
 * ```
 */

const HEADER_SIZE = 4;

/** One frame. The sender checks the length of `body`. */
export function encodeFrame(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_SIZE + body.length);
  new DataView(frame.buffer).setUint32(0, body.length);
  frame.set(body, HEADER_SIZE);
  return frame;
}

/**
 * The reverse, over chunks cut anywhere. Keeps no more than what came of one frame, so a length that is only claimed
 * costs nothing. Once a length was above the limit, or 0, the stream has no meaning any more: the decoder stays broken.
 */
export class FrameDecoder {
  /** Largest body accepted, bytes; applies to frames whose header has not been read yet. */
  limit: number;
  readonly #header: Uint8Array = new Uint8Array(HEADER_SIZE);
  #headerFill = 0;
  #body: Uint8Array[] = [];
  #missing = 0;
  #fault: string | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Why nothing is decoded any more. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /**
   * Take the next chunk; `onFrame` gets each body that is complete, and may change the limit.
   * @returns false if the stream is broken, see {@link fault}
   */
  push(chunk: Uint8Array, onFrame: (body: Uint8Array) => void): boolean {
    let at = 0;
    while (at < chunk.length && this.#fault === undefined) {
      if (this.#headerFill < HEADER_SIZE) {
        const part = chunk.subarray(at, at + HEADER_SIZE - this.#headerFill);
        this.#header.set(part, this.#headerFill);
        this.#headerFill += part.length;
        at += part.length;
        if (this.#headerFill === HEADER_SIZE) this.#begin();
        continue;
      }
      const part = chunk.subarray(at, at + this.#missing);
      at += part.length;
      this.#missing -= part.length;
      this.#body.push(this.#missing === 0 && this.#body.length === 0 ? part : part.slice());
      if (this.#missing === 0) this.#finish(onFrame);
    }
    return this.#fault === undefined;
  }

  #begin(): void {
    this.#missing = new DataView(this.#header.buffer).getUint32(0);
    if (this.#missing === 0) this.#fault = "an empty frame";
    else if (this.#missing > this.limit)
      this.#fault = `a frame of ${this.#missing} bytes, at most ${this.limit}`;
  }

  #finish(onFrame: (body: Uint8Array) => void): void {
    const parts = this.#body;
    this.#body = [];
    this.#headerFill = 0;
    onFrame(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
  }
}

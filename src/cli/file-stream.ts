/**
 * The byte stream of `etherloom file`. The digest comes last, so the sender reads the file once.
 *
 * ```
 *   sender → receiver                                receiver → sender, once
 *   +----------+------------+-------+- - -            +-----------+---------+
 *   | "ELFILE1\n" | length 4 | bytes |  …             | bytes 8   | sha256  |
 *   +----------+------------+-------+- - -            +-----------+---------+
 *   last: length 0, bytes 8, sha256 32                what the receiver counted itself
 * ```
 * Integers are big endian.
 */

export const MAGIC: Buffer = Buffer.from("ELFILE1\n");
export const MAX_CHUNK: number = 1 << 20;
/** Bytes 8 + SHA-256 32. */
export const SUMMARY_LENGTH = 40;
/** Without a byte for this long the connection counts as broken, in ms. */
export const STALL_TIMEOUT = 60_000;

export interface Summary {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export function encodeSummary({ bytes, sha256 }: Summary): Buffer {
  const buffer = Buffer.alloc(SUMMARY_LENGTH);
  buffer.writeBigUInt64BE(BigInt(bytes), 0);
  buffer.write(sha256, 8, "hex");
  return buffer;
}

export function decodeSummary(buffer: Buffer): Summary {
  return { bytes: Number(buffer.readBigUInt64BE(0)), sha256: buffer.toString("hex", 8, SUMMARY_LENGTH) };
}

export function sameSummary(a: Summary, b: Summary): boolean {
  return a.bytes === b.bytes && a.sha256 === b.sha256;
}

/** Reads exact lengths from a stream that comes in pieces of any size. */
export class ExactReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Between 1 and `most` bytes, as they come; undefined at the end of the stream. */
  async some(most: number): Promise<Buffer | undefined> {
    if (this.#rest.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) return undefined;
      this.#rest = value;
      return this.some(most);
    }
    const taken = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  /** Undefined if the stream ends before `length` bytes. For small lengths: the pieces are joined. */
  async exactly(length: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    for (let missing = length; missing > 0;) {
      const piece = await this.some(missing);
      if (piece === undefined) return undefined;
      pieces.push(piece);
      missing -= piece.length;
    }
    return Buffer.concat(pieces);
  }
}

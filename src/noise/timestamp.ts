// TAI64N timestamps of initiations: the responder accepts only ever later ones, so a recorded initiation
// cannot be replayed. They must therefore rise strictly, also when the wall clock is set back.
//
//  0                          8               12
//  +--------------------------+---------------+
//  | 2^62 + TAI seconds, BE 8 | nanoseconds 4 |     https://cr.yp.to/libtai/tai64.html
//  +--------------------------+---------------+

export const TIMESTAMP_SIZE = 12;

const TAI64_BASE = 1n << 62n;
/** TAI was 10 s ahead of UTC in 1970; leap seconds since are ignored, as WireGuard does. */
const TAI_OFFSET = 10n;
const NANOSECONDS = 1_000_000_000n;

/** TAI64N of a wall clock in milliseconds since 1970 (fractions count, negative values are 1970). */
export function encodeTimestamp(wallMs: number): Uint8Array {
  const nanoseconds = BigInt(Math.round(Math.max(0, wallMs) * 1000)) * 1000n;
  return write(nanoseconds);
}

/** Negative, zero or positive as `a` is earlier than, equal to or later than `b`. */
export function compareTimestamps(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < TIMESTAMP_SIZE; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Gives out timestamps: max(wall clock, last + 1 ns). One for a node, shared by its sessions; its `last` is
 * kept in the state directory, so that a clock that was set back while the node was down locks nobody out.
 */
export class TimestampSource {
  #last: Uint8Array | undefined;

  /** `last`: 12 bytes from an earlier run, if known. Throws RangeError on another size. */
  constructor(last?: Uint8Array) {
    if (last !== undefined && last.length !== TIMESTAMP_SIZE) throw new RangeError("TAI64N has 12 bytes");
    this.#last = last;
  }

  /** The latest timestamp given out. */
  get last(): Uint8Array | undefined {
    return this.#last;
  }

  next(wallMs: number): Uint8Array {
    const wall = encodeTimestamp(wallMs);
    const last = this.#last;
    const next = last === undefined || compareTimestamps(wall, last) > 0 ? wall : write(read(last) + 1n);
    this.#last = next;
    return next;
  }
}

/** Nanoseconds since 1970 as the labels count them. */
function read(timestamp: Uint8Array): bigint {
  const view = new DataView(timestamp.buffer, timestamp.byteOffset, TIMESTAMP_SIZE);
  const seconds = view.getBigUint64(0) - TAI64_BASE - TAI_OFFSET;
  return seconds * NANOSECONDS + BigInt(view.getUint32(8));
}

function write(nanoseconds: bigint): Uint8Array {
  const out = new Uint8Array(TIMESTAMP_SIZE);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, TAI64_BASE + TAI_OFFSET + nanoseconds / NANOSECONDS);
  view.setUint32(8, Number(nanoseconds % NANOSECONDS));
  return out;
}

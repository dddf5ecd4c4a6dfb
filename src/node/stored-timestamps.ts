/**
 * Handshake timestamps that never go back, whatever the wall clock does (DESIGN §5): what may be used is reserved on
 * disk a minute ahead, so that a kill and a clock set back a year still leave the next one larger than all before.
 */
import { compareTimestamps, encodeTimestamp, TimestampSource } from "../noise/timestamp.ts";
import type { StateDir } from "./state-dir.ts";

const FILE = "timestamp";
const RESERVE_MS = 60_000;
const TIMESTAMP_BYTES = 12;

export class StoredTimestamps extends TimestampSource {
  readonly #state: StateDir;
  #reserved: Uint8Array;

  /** Continues behind what an earlier run reserved. */
  static open(state: StateDir): StoredTimestamps {
    const stored = Buffer.from(state.read(FILE)?.trim() ?? "", "hex");
    return new StoredTimestamps(
      state,
      stored.length === TIMESTAMP_BYTES ? new Uint8Array(stored) : undefined,
    );
  }

  private constructor(state: StateDir, last: Uint8Array | undefined) {
    super(last);
    this.#state = state;
    this.#reserved = last ?? encodeTimestamp(0);
  }

  override next(wallMs: number): Uint8Array {
    const timestamp = super.next(wallMs);
    if (compareTimestamps(timestamp, this.#reserved) >= 0) {
      const reserve = ahead(timestamp);
      if (this.#state.write(FILE, `${Buffer.from(reserve).toString("hex")}\n`)) this.#reserved = reserve;
    }
    return timestamp;
  }
}

/** A timestamp one reserve later: TAI64N starts with seconds, 8 bytes big endian. */
function ahead(timestamp: Uint8Array): Uint8Array {
  const later = timestamp.slice();
  const view = new DataView(later.buffer);
  view.setBigUint64(0, view.getBigUint64(0) + BigInt(RESERVE_MS / 1000));
  return later;
}

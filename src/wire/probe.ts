/**
 * The probe (record kind 2): measures one link, proves addresses, tells liveness. DESIGN §5, §7.
 *
 * ```
 *  0       1          5         9           17        25
 *  +-------+----------+---------+-----------+---------+--------------+
 *  | flags | sequence | epoch   | sent µs   | nonce   | echoed nonce |
 *  | 1     | 4        | 4       | 8, signed | 8       | 8            |
 *  +-------+----------+---------+-----------+---------+--------------+
 *  33               37                 45            49               53             69
 *  +----------------+------------------+-------------+----------------+--------------+
 *  | heard sequence | its arrival µs   | its epoch   | datagrams sent | loss bitmap  |
 *  | 4              | 8, signed        | 4           | 4              | 16           |
 *  +----------------+------------------+-------------+----------------+--------------+
 * ```
 *
 * Everything is big endian. "sent µs" is read from the sender's mesh clock in the sender's clock epoch; "arrival
 * µs" from the clock of whoever writes this probe, for the newest probe it heard; "its epoch" is the epoch that
 * heard probe carried. Nonce 0 means none. Bitmap bit i (bit 0 is the lowest bit of the last byte) is set when
 * the probe with sequence (heard − i) arrived. Bytes behind the 69 known ones are ignored.
 */

/** Size of an encoded probe in bytes. */
export const PROBE_BYTES = 69;
/** Where "sent µs" stands, so that a sender can stamp it right before the send call ({@link stampProbeSent}). */
export const PROBE_SENT_OFFSET = 9;
/** Where the count of datagrams sent on the link stands. */
export const PROBE_DATAGRAMS_OFFSET = 49;
/** Size of the loss bitmap in bytes: 128 probes. */
export const LOSS_BITMAP_BYTES = 16;

/** The receiver answers at once, to the address this came from, echoing the nonce. */
export const PROBE_REPLY_WANTED = 0x01;
/** This probe answers another one; it carries an echoed nonce. */
export const PROBE_IS_REPLY = 0x02;
/** The sender itself has carried frames on this link lately: both ends probe at the fast rate. */
export const PROBE_LINK_ACTIVE = 0x04;
/**
 * Sent to an address that is not the sender's active endpoint for this link: it tests an address, it is no sample
 * of the link, it uses up no sequence number, and its origin is no reason to move an endpoint.
 */
export const PROBE_SIDE_PATH = 0x08;
/** The sender's next scheduled probe follows within the fast interval (else within the idle one). */
export const PROBE_FAST_SCHEDULE = 0x10;

const HEARD_OFFSET = 33;
const HEARD_ARRIVAL_OFFSET = 37;
const HEARD_EPOCH_OFFSET = 45;
const BITMAP_OFFSET = 53;

/** A decoded probe. Times are whole µs, nonces unsigned 64-bit, all other integers unsigned 32-bit. */
export interface Probe {
  flags: number;
  sequence: number;
  epoch: number;
  sentUs: number;
  nonce: bigint;
  echoedNonce: bigint;
  heardSequence: number;
  heardArrivalUs: number;
  heardEpoch: number;
  datagramsSent: number;
  /** {@link LOSS_BITMAP_BYTES} bytes. */
  lossBitmap: Uint8Array;
}

/**
 * Write a probe.
 * @returns the number of bytes written, or 0 when there is no room for them at `offset`
 */
export function encodeProbe(probe: Readonly<Probe>, target: Uint8Array, offset = 0): number {
  if (target.length - offset < PROBE_BYTES) return 0;
  const view = viewOf(target, offset);
  view.setUint8(0, probe.flags);
  view.setUint32(1, probe.sequence);
  view.setUint32(5, probe.epoch);
  view.setBigInt64(PROBE_SENT_OFFSET, BigInt(probe.sentUs));
  view.setBigUint64(17, probe.nonce);
  view.setBigUint64(25, probe.echoedNonce);
  view.setUint32(HEARD_OFFSET, probe.heardSequence);
  view.setBigInt64(HEARD_ARRIVAL_OFFSET, BigInt(probe.heardArrivalUs));
  view.setUint32(HEARD_EPOCH_OFFSET, probe.heardEpoch);
  view.setUint32(PROBE_DATAGRAMS_OFFSET, probe.datagramsSent);
  target.set(probe.lossBitmap.subarray(0, LOSS_BITMAP_BYTES), offset + BITMAP_OFFSET);
  return PROBE_BYTES;
}

/**
 * Read a probe. Total: any bytes are accepted as input.
 * @returns undefined when it is too short, or a time is beyond ±2^53 µs (285 years) and so cannot be exact
 */
export function decodeProbe(bytes: Uint8Array, offset = 0): Probe | undefined {
  if (offset < 0 || bytes.length - offset < PROBE_BYTES) return undefined;
  const view = viewOf(bytes, offset);
  const sentUs = Number(view.getBigInt64(PROBE_SENT_OFFSET));
  const heardArrivalUs = Number(view.getBigInt64(HEARD_ARRIVAL_OFFSET));
  if (!Number.isSafeInteger(sentUs) || !Number.isSafeInteger(heardArrivalUs)) return undefined;
  return {
    flags: view.getUint8(0),
    sequence: view.getUint32(1),
    epoch: view.getUint32(5),
    sentUs,
    nonce: view.getBigUint64(17),
    echoedNonce: view.getBigUint64(25),
    heardSequence: view.getUint32(HEARD_OFFSET),
    heardArrivalUs,
    heardEpoch: view.getUint32(HEARD_EPOCH_OFFSET),
    datagramsSent: view.getUint32(PROBE_DATAGRAMS_OFFSET),
    lossBitmap: bytes.slice(offset + BITMAP_OFFSET, offset + PROBE_BYTES),
  };
}

/** Stamp the departure time (whole µs) into an encoded probe, in place, right before it is sealed and sent. */
export function stampProbeSent(bytes: Uint8Array, offset: number, sentUs: number): void {
  viewOf(bytes, offset).setBigInt64(PROBE_SENT_OFFSET, BigInt(Math.round(sentUs)));
}

/** The departure time of an encoded probe, in µs. */
export function readProbeSent(bytes: Uint8Array, offset = 0): number {
  return Number(viewOf(bytes, offset).getBigInt64(PROBE_SENT_OFFSET));
}

function viewOf(bytes: Uint8Array, offset: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, PROBE_BYTES);
}

/**
 * The end-to-end path probe (record kind 6): an ingress asks a destination over a relayed path whether that path
 * works, and how long it takes. DESIGN §5, §7.
 *
 * ```
 *  0       1      2          6       14        22      26           34      38
 *  +-------+------+----------+-------+---------+-------+------------+-------+
 *  | flags | path | sequence | nonce | sent µs | epoch | arrival µs | epoch |
 *  | 1     | 1    | 4        | 8     | 8       | 4     | 8          | 4     |
 *  +-------+------+----------+-------+---------+-------+------------+-------+
 *                    of the question                     at the far end
 * ```
 *
 * Everything is big endian; times are signed µs of a mesh clock, each with that clock's epoch. A reply repeats the
 * question and fills in the last two fields, which are zero in a question: so both are of one size. Bytes behind the
 * 38 known ones are ignored.
 */

/** Size of a question and of a reply in bytes. */
export const PATH_PROBE_BYTES = 38;
/** Where "sent µs" stands, so that a sender can stamp it right before the send call. */
export const PATH_PROBE_SENT_OFFSET = 14;

/** Flag: this answers a question. */
export const PATH_PROBE_IS_REPLY = 0x01;

/** Which way the question was sent. */
export const PATH_PRIMARY = 0;
export const PATH_BACKUP = 1;
export const PATH_DIRECT = 2;

const ARRIVAL_OFFSET = 26;
const FAR_EPOCH_OFFSET = 34;

/** Times are whole µs, the nonce unsigned 64-bit, epochs and sequence unsigned 32-bit. */
export interface PathProbe {
  flags: number;
  path: number;
  sequence: number;
  nonce: bigint;
  sentUs: number;
  epoch: number;
  /** When the question arrived at the far end, and that clock's epoch; 0 in a question. */
  arrivalUs: number;
  farEpoch: number;
}

/**
 * Write a path probe.
 * @returns the number of bytes written, or 0 when there is no room for them at `offset`
 */
export function encodePathProbe(probe: Readonly<PathProbe>, target: Uint8Array, offset = 0): number {
  if (offset < 0 || target.length - offset < PATH_PROBE_BYTES) return 0;
  const view = viewOf(target, offset);
  view.setUint8(0, probe.flags);
  view.setUint8(1, probe.path);
  view.setUint32(2, probe.sequence);
  view.setBigUint64(6, probe.nonce);
  view.setBigInt64(PATH_PROBE_SENT_OFFSET, BigInt(probe.sentUs));
  view.setUint32(22, probe.epoch);
  view.setBigInt64(ARRIVAL_OFFSET, BigInt(probe.arrivalUs));
  view.setUint32(FAR_EPOCH_OFFSET, probe.farEpoch);
  return PATH_PROBE_BYTES;
}

/**
 * Read a path probe. Total: any bytes are accepted as input.
 * @returns undefined when it is too short, or a time is beyond ±2^53 µs (285 years) and so cannot be exact
 */
export function decodePathProbe(bytes: Uint8Array, offset = 0): PathProbe | undefined {
  if (offset < 0 || bytes.length - offset < PATH_PROBE_BYTES) return undefined;
  const view = viewOf(bytes, offset);
  const sentUs = Number(view.getBigInt64(PATH_PROBE_SENT_OFFSET));
  const arrivalUs = Number(view.getBigInt64(ARRIVAL_OFFSET));
  if (!Number.isSafeInteger(sentUs) || !Number.isSafeInteger(arrivalUs)) return undefined;
  return {
    flags: view.getUint8(0),
    path: view.getUint8(1),
    sequence: view.getUint32(2),
    nonce: view.getBigUint64(6),
    sentUs,
    epoch: view.getUint32(22),
    arrivalUs,
    farEpoch: view.getUint32(FAR_EPOCH_OFFSET),
  };
}

/** Stamp the departure time (whole µs) into an encoded path probe, in place, right before it is sealed and sent. */
export function stampPathProbeSent(bytes: Uint8Array, offset: number, sentUs: number): void {
  viewOf(bytes, offset).setBigInt64(PATH_PROBE_SENT_OFFSET, BigInt(Math.round(sentUs)));
}

/** The departure time of an encoded path probe, in µs. */
export function readPathProbeSent(bytes: Uint8Array, offset = 0): number {
  return Number(viewOf(bytes, offset).getBigInt64(PATH_PROBE_SENT_OFFSET));
}

function viewOf(bytes: Uint8Array, offset: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, PATH_PROBE_BYTES);
}

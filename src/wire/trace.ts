/**
 * An overlay traceroute: a control message (record kind 3) that every node on the way writes its stamps into and passes
 * on, to the target and back. DESIGN §5, §11.
 *
 * ```
 *  0      1       2        6            8            10     11      12
 *  +------+-------+--------+------------+------------+------+-------+-----------------------------------------+
 *  | 0x05 | flags | id (4) | origin (2) | target (2) | turn | count | count × (NodeID 2 · arrival 8 · departure 8) |
 *  +------+-------+--------+------------+------------+------+-------+-----------------------------------------+
 *    flags: 1 = on the way back · turn: which entry is the target's, 255 = not reached yet
 * ```
 *
 * Big endian. Times are µs of each node's own mesh clock, signed. The origin's first entry has no arrival (0), its last
 * one no departure. Between two neighbours on the way: delay = arrival there − departure here, in two clocks.
 */

export const CONTROL_TRACE = 5;
/** Entries that a message holds: there and back over sixteen links. */
export const MAX_TRACE_HOPS = 34;

const HEADER_BYTES = 12;
const HOP_BYTES = 18;
const BACK = 1;
const NOT_REACHED = 255;

export interface TraceHop {
  nodeId: number;
  arrivalUs: number;
  departureUs: number;
}

export interface Trace {
  /** Chosen by the origin. */
  id: number;
  origin: number;
  target: number;
  /** On the way back to the origin. */
  back: boolean;
  /** Index of the target's entry; undefined = not reached yet. */
  turn: number | undefined;
  hops: TraceHop[];
}

/** @throws RangeError with more than {@link MAX_TRACE_HOPS} entries */
export function encodeTrace(trace: Readonly<Trace>): Uint8Array {
  if (trace.hops.length > MAX_TRACE_HOPS) throw new RangeError("too many hops");
  const bytes = new Uint8Array(HEADER_BYTES + trace.hops.length * HOP_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, CONTROL_TRACE);
  view.setUint8(1, trace.back ? BACK : 0);
  view.setUint32(2, trace.id);
  view.setUint16(6, trace.origin);
  view.setUint16(8, trace.target);
  view.setUint8(10, trace.turn ?? NOT_REACHED);
  view.setUint8(11, trace.hops.length);
  trace.hops.forEach((hop, index) => {
    const at = HEADER_BYTES + index * HOP_BYTES;
    view.setUint16(at, hop.nodeId);
    view.setBigInt64(at + 2, BigInt(Math.round(hop.arrivalUs)));
    view.setBigInt64(at + 10, BigInt(Math.round(hop.departureUs)));
  });
  return bytes;
}

/** Total; undefined when it is no trace, too short, or says of itself what cannot be. */
export function decodeTrace(bytes: Uint8Array): Trace | undefined {
  if (bytes.length < HEADER_BYTES || bytes[0] !== CONTROL_TRACE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = view.getUint8(11);
  const turn = view.getUint8(10);
  const back = (view.getUint8(1) & BACK) !== 0;
  if (count > MAX_TRACE_HOPS || bytes.length < HEADER_BYTES + count * HOP_BYTES) return undefined;
  if (back ? turn >= count : turn !== NOT_REACHED) return undefined;
  const hops: TraceHop[] = [];
  for (let at = HEADER_BYTES; hops.length < count; at += HOP_BYTES) {
    const arrivalUs = Number(view.getBigInt64(at + 2));
    const departureUs = Number(view.getBigInt64(at + 10));
    if (!Number.isSafeInteger(arrivalUs) || !Number.isSafeInteger(departureUs)) return undefined;
    hops.push({ nodeId: view.getUint16(at), arrivalUs, departureUs });
  }
  const [id, origin, target] = [view.getUint32(2), view.getUint16(6), view.getUint16(8)];
  return { id, origin, target, back, turn: back ? turn : undefined, hops };
}

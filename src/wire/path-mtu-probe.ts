/**
 * The path-MTU probe (record kind 5): a packet of a certain size, to see whether it passes. DESIGN §5, §7.
 *
 * ```
 *  0       1            5      7
 *  +-------+------------+------+------------------+
 *  | flags | generation | size | zeros (question) |
 *  | 1     | 4          | 2    |                  |
 *  +-------+------------+------+------------------+
 * ```
 *
 * Big endian. `size` is that of the question's whole IP packet in bytes. An answer repeats generation and size and has
 * nothing behind them. The generation is the asker's: it tells answers about another path from those that still count.
 */

export const PATH_MTU_PROBE_BYTES = 7;

const IS_ANSWER = 0x01;

export interface PathMtuProbe {
  isAnswer: boolean;
  generation: number;
  size: number;
}

/** Writes the fields, and leaves what is behind them as it is; `target` has room for PATH_MTU_PROBE_BYTES. */
export function encodePathMtuProbe(probe: Readonly<PathMtuProbe>, target: Uint8Array): void {
  const view = new DataView(target.buffer, target.byteOffset, PATH_MTU_PROBE_BYTES);
  view.setUint8(0, probe.isAnswer ? IS_ANSWER : 0);
  view.setUint32(1, probe.generation);
  view.setUint16(5, probe.size);
}

/** Undefined when it is too short. Total: any bytes are accepted as input. */
export function decodePathMtuProbe(bytes: Uint8Array): PathMtuProbe | undefined {
  if (bytes.length < PATH_MTU_PROBE_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, PATH_MTU_PROBE_BYTES);
  return {
    isAnswer: (view.getUint8(0) & IS_ANSWER) !== 0,
    generation: view.getUint32(1),
    size: view.getUint16(5),
  };
}

/**
 * Control messages (record kind 3): one type byte and a body. DESIGN §5, §6. Big endian.
 *
 * ```
 *  goodbye   | 1 | reason 1 |
 *  who-is    | 2 | NodeID 2 | hops left 1 |
 *  key-is    | 3 | NodeID 2 | X25519 public key 32 | hops 1 | source 1 |
 *  too-big   | 4 | destination NodeID 2 | largest frame that fits 2 |
 * ```
 *
 * who-is travels hop by hop; each node that passes it on takes one from "hops left". key-is counts up: "hops" is
 * the number of nodes that passed the key on, "source" how the node that first answered knows it. Unknown types
 * and bytes behind a known body are ignored, so that later versions may add to either.
 */

export const CONTROL_GOODBYE = 1;
export const CONTROL_WHO_IS = 2;
export const CONTROL_KEY_IS = 3;
export const CONTROL_TOO_BIG = 4;

/** The node stops for good (operator's wish). */
export const GOODBYE_STOPPING = 1;
/** The node restarts and will be back within seconds. */
export const GOODBYE_RESTARTING = 2;
/** The receiver was removed from the sender's configuration. */
export const GOODBYE_REMOVED = 3;

/** The answering node has the key in its configuration file. */
export const KEY_FROM_FILE = 1;
/** The answering node has the key pinned from an earlier session. */
export const KEY_FROM_PIN = 2;
/** The answering node was itself only told. */
export const KEY_FROM_VOUCHER = 3;

/** The longest message known here, in bytes. */
export const CONTROL_MAX_BYTES = 37;

export type ControlMessage =
  | { type: "goodbye"; reason: number }
  | { type: "who-is"; nodeId: number; hopsLeft: number }
  | { type: "key-is"; nodeId: number; publicKey: Uint8Array; hops: number; source: number }
  | { type: "too-big"; destination: number; size: number };

/** Encode a control message into new bytes. */
export function encodeControl(message: Readonly<ControlMessage>): Uint8Array {
  switch (message.type) {
    case "goodbye":
      return Uint8Array.of(CONTROL_GOODBYE, message.reason);
    case "who-is":
      return Uint8Array.of(CONTROL_WHO_IS, message.nodeId >>> 8, message.nodeId, message.hopsLeft);
    case "key-is": {
      const bytes = new Uint8Array(CONTROL_MAX_BYTES);
      bytes[0] = CONTROL_KEY_IS;
      bytes[1] = message.nodeId >>> 8;
      bytes[2] = message.nodeId;
      bytes.set(message.publicKey.subarray(0, 32), 3);
      bytes[35] = message.hops;
      bytes[36] = message.source;
      return bytes;
    }
    case "too-big":
      return Uint8Array.of(
        CONTROL_TOO_BIG,
        message.destination >>> 8,
        message.destination,
        message.size >>> 8,
        message.size,
      );
  }
}

/** Decode a control message. Total; undefined when the type is unknown or the body too short. */
export function decodeControl(bytes: Uint8Array): ControlMessage | undefined {
  const uint8 = (at: number): number => bytes[at] ?? 0;
  const uint16 = (at: number): number => (uint8(at) << 8) | uint8(at + 1);
  switch (bytes[0]) {
    case CONTROL_GOODBYE:
      return bytes.length < 2 ? undefined : { type: "goodbye", reason: uint8(1) };
    case CONTROL_WHO_IS:
      return bytes.length < 4 ? undefined : { type: "who-is", nodeId: uint16(1), hopsLeft: uint8(3) };
    case CONTROL_KEY_IS:
      if (bytes.length < CONTROL_MAX_BYTES) return undefined;
      return {
        type: "key-is",
        nodeId: uint16(1),
        publicKey: bytes.slice(3, 35),
        hops: uint8(35),
        source: uint8(36),
      };
    case CONTROL_TOO_BIG:
      return bytes.length < 5 ? undefined : { type: "too-big", destination: uint16(1), size: uint16(3) };
    default:
      return undefined;
  }
}

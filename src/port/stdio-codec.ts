/**
 * Frames on standard input and output, for trying things by hand: one read is one frame, one frame is one write.
 *
 *   nochg   the whole frame
 *   kbdbg   | destination 1 | source 1 | payload …    'b' = broadcast, other characters c = AA:BB:CC:DD:EE:(c − 48)
 *           on output: | destination | source | payload, where a group address is 'b'
 *   noL2    payload only: input is broadcast from the own MAC; output loses its first 12 bytes
 */
export type StdioMode = "nochg" | "kbdbg" | "noL2";

const ADDRESSES = 12;
const ETHERNET_HEADER = 14;
const BROADCAST_LETTER = 0x62;
const LETTER_BASE = 48;
const KEYBOARD_MAC = [0xaa, 0xbb, 0xcc, 0xdd, 0xee];

/** A frame from what was read; undefined when it is too short to be one. */
export function decodeInput(mode: StdioMode, chunk: Uint8Array, ownMac: Uint8Array): Uint8Array | undefined {
  if (mode === "nochg") return chunk.length >= ETHERNET_HEADER ? chunk : undefined;
  const payload = mode === "kbdbg" ? chunk.subarray(2) : chunk;
  if (mode === "kbdbg" && chunk.length < 2) return undefined;
  const frame = new Uint8Array(ADDRESSES + payload.length);
  if (mode === "kbdbg") {
    frame.set(macOf(chunk[0] ?? 0), 0);
    frame.set(macOf(chunk[1] ?? 0), 6);
  } else {
    frame.fill(0xff, 0, 6);
    frame.set(ownMac, 6);
  }
  frame.set(payload, ADDRESSES);
  return frame.length >= ETHERNET_HEADER ? frame : undefined;
}

/** What to write for a frame. */
export function encodeOutput(mode: StdioMode, frame: Uint8Array): Uint8Array {
  if (mode === "nochg") return frame;
  const payload = frame.subarray(ADDRESSES);
  if (mode === "noL2") return payload;
  const out = new Uint8Array(2 + payload.length);
  out[0] = letterOf(frame, 0);
  out[1] = letterOf(frame, 6);
  out.set(payload, 2);
  return out;
}

function macOf(letter: number): Uint8Array {
  if (letter === BROADCAST_LETTER) return new Uint8Array(6).fill(0xff);
  return Uint8Array.from([...KEYBOARD_MAC, (letter - LETTER_BASE) & 0xff]);
}

function letterOf(frame: Uint8Array, offset: number): number {
  if (((frame[offset] ?? 0) & 1) !== 0) return BROADCAST_LETTER;
  return ((frame[offset + 5] ?? 0) + LETTER_BASE) & 0xff;
}

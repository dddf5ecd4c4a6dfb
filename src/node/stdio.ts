/** Standard input and output of a node with a stdio port. */
import { decodeInput, encodeOutput, type StdioMode } from "../port/stdio-codec.ts";

/** Bytes that wait for the reader of our output. */
const MAX_UNREAD = 1 << 20;

export interface StdioHandlers {
  readonly mode: StdioMode;
  readonly mac: Uint8Array;
  /** A frame was read. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** Input has ended: the node is done. */
  readonly onEnd: () => void;
}

export class Stdio {
  readonly #handlers: StdioHandlers;

  constructor(handlers: StdioHandlers) {
    this.#handlers = handlers;
  }

  start(): void {
    const { mode, mac, onFrame, onEnd } = this.#handlers;
    process.stdin.on("data", (chunk: Uint8Array) => {
      const frame = decodeInput(mode, chunk, mac);
      if (frame !== undefined) onFrame(frame);
    });
    process.stdin.once("end", onEnd);
    process.stdin.once("error", onEnd);
    // Whoever read our output is gone: that ends the port as well.
    process.stdout.removeAllListeners("error");
    process.stdout.on("error", onEnd);
  }

  /** False when whoever reads our output is too slow: the frame is lost, as on any port that is full. */
  write(frame: Uint8Array): boolean {
    if (process.stdout.writableLength > MAX_UNREAD) return false;
    process.stdout.write(encodeOutput(this.#handlers.mode, frame));
    return true;
  }

  stop(): void {
    process.stdin.removeAllListeners("data");
    process.stdin.pause();
  }
}

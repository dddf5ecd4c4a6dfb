/**
 * One stream as a channel of framed messages with a bounded queue: whoever does not read is cut off. DESIGN §9, §13.
 *
 * ```
 *   send(body) → queue ── one frame at a time, the next when the stream has drained ──> stream
 *                 └ longer than MAX_QUEUED: the connection is aborted
 * ```
 */
import type { Connection, Stream } from "@libp2p/interface";
import { FrameDecoder, encodeFrame } from "./framing.ts";
import { abortConnection } from "./host.ts";

/** What may wait for a reader, bytes: a snapshot of every kind and what follows it. */
export const MAX_QUEUED: number = 4 * 1024 * 1024;
/** How long the last words may take to arrive before the connection is cut, ms. */
const LINGER_MS = 1_000;

export interface ChannelEvents {
  onFrame(body: Uint8Array): void;
  /** What came is no sequence of frames, or one is too long. The owner ends the channel. */
  onBroken(fault: string): void;
  /** Nothing waits for the reader any more. */
  onDrain?(): void;
  /** Once, never during construction. `reason` is for people. */
  onClose(reason: string): void;
}

export class Channel {
  readonly #stream: Stream;
  readonly #connection: Connection;
  readonly #decoder: FrameDecoder;
  readonly #events: ChannelEvents;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #state: "open" | "ending" | "closed" = "open";
  #slow = false;
  #linger: NodeJS.Timeout | undefined;
  readonly #gone = Promise.withResolvers<void>();

  constructor(stream: Stream, connection: Connection, limit: number, events: ChannelEvents) {
    this.#stream = stream;
    this.#connection = connection;
    this.#decoder = new FrameDecoder(limit);
    this.#events = events;
    stream.addEventListener("message", ({ data }) => this.#receive(data.subarray()));
    stream.addEventListener("drain", () => this.#drained());
    stream.addEventListener("remoteCloseWrite", () => this.abort("closed by the other end"));
    stream.addEventListener("close", ({ error }) => this.abort(error?.message ?? "closed"));
    if (stream.status !== "open") queueMicrotask(() => this.abort("closed"));
  }

  get open(): boolean {
    return this.#state === "open";
  }

  /** Bytes that wait for the reader. */
  get queued(): number {
    return this.#queued;
  }

  /** Was the reader cut off because it did not read? */
  get slow(): boolean {
    return this.#slow;
  }

  /** Longest frame accepted from now on, bytes. */
  set limit(bytes: number) {
    this.#decoder.limit = bytes;
  }

  /** False if the channel is closed, or the reader was too slow and has just been cut off. */
  send(body: Uint8Array): boolean {
    if (this.#state !== "open") return false;
    if (this.#queued + body.length > MAX_QUEUED) {
      this.#slow = true;
      this.abort("the other end does not read");
      return false;
    }
    this.#queue.push(encodeFrame(body));
    this.#queued += body.length;
    this.#flush();
    return this.#state === "open";
  }

  /** Resolves when the connection is closed. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Last words: sends `body`, reads nothing more, and leaves closing to the other end for a second. */
  end(body: Uint8Array, reason: string): void {
    if (this.#state !== "open") return;
    this.send(body);
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#linger = setTimeout(() => this.#cut(), LINGER_MS);
    this.#events.onClose(reason);
  }

  /** At once; what waits is lost. */
  abort(reason: string): void {
    if (this.#state === "closed") return;
    const ending = this.#state === "ending";
    this.#cut();
    if (!ending) this.#events.onClose(reason);
  }

  #receive(chunk: Uint8Array): void {
    if (this.#state !== "open") return;
    const intact = this.#decoder.push(chunk, (body) => {
      if (this.#state === "open") this.#events.onFrame(body);
    });
    if (!intact) this.#events.onBroken(this.#decoder.fault ?? "broken");
  }

  #flush(): void {
    try {
      while (this.#queue.length > 0 && !this.#stream.writableNeedsDrain) {
        const frame = this.#queue.shift()!;
        this.#queued -= frame.length - 4;
        this.#stream.send(frame);
      }
    } catch {
      this.abort("closed");
    }
  }

  #drained(): void {
    this.#flush();
    if (this.#state === "open" && this.#queue.length === 0) this.#events.onDrain?.();
  }

  #cut(): void {
    this.#state = "closed";
    clearTimeout(this.#linger);
    this.#queue = [];
    this.#queued = 0;
    // Not here: this may be within libp2p's own closing of the connection, which then throws where nobody catches it.
    queueMicrotask(() => {
      abortConnection(this.#connection, "closed");
      this.#gone.resolve();
    });
  }
}

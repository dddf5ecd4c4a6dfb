/**
 * The control connection of one edge: a stream with a delay, that can be cut. What was sent while it was cut arrives
 * when it is mended, unless that takes so long that both ends give it up; then the edge connects anew.
 */
import type { EventQueue } from "./event-queue.ts";
import type { Random } from "./random.ts";

/** What the transport takes to notice that nothing comes any more. */
const IDLE_US = 8_000_000;
/** Pauses between attempts: doubled from the first to the last, each drawn from its second half. */
const RETRY_FIRST_US = 250_000;
const RETRY_LAST_US = 10_000_000;

export interface ChannelEnds {
  /** Whether the supernode runs; where it has stopped, the edge hears of it at once. */
  canConnect(): boolean;
  onOpen(): void;
  onClose(): void;
}

export class ControlChannel {
  delayUs: number;
  readonly #time: EventQueue;
  readonly #random: Random;
  readonly #ends: ChannelEnds;
  #open = false;
  /** Numbers connections, so that nothing of an old one gets into a new one. */
  #connection = 0;
  #cutSinceUs: number | undefined;
  #held: (() => void)[] = [];
  #pauseUs = RETRY_FIRST_US;

  constructor(time: EventQueue, random: Random, delayUs: number, ends: ChannelEnds) {
    this.#time = time;
    this.#random = random;
    this.delayUs = delayUs;
    this.#ends = ends;
  }

  /** Begin to try. */
  connect(): void {
    const connection = ++this.#connection;
    const attempt = (): void => {
      if (connection !== this.#connection || this.#open) return;
      if (this.#cutSinceUs !== undefined || !this.#ends.canConnect()) {
        this.#time.after(this.#pauseUs * this.#random.between(0.5, 1), attempt);
        this.#pauseUs = Math.min(2 * this.#pauseUs, RETRY_LAST_US);
        return;
      }
      this.#pauseUs = RETRY_FIRST_US;
      this.#open = true;
      this.#ends.onOpen();
    };
    // A handshake takes two round trips.
    this.#time.after(4 * this.delayUs, attempt);
  }

  /** Let something arrive at the other end. False when there is no connection. */
  send(arrive: () => void): boolean {
    if (!this.#open) return false;
    const connection = this.#connection;
    if (this.#cutSinceUs !== undefined) {
      this.#held.push(arrive);
      return true;
    }
    this.#time.after(this.delayUs, () => {
      if (connection === this.#connection && this.#open) arrive();
    });
    return true;
  }

  cut(isCut: boolean): void {
    if (isCut === (this.#cutSinceUs !== undefined)) return;
    this.#cutSinceUs = isCut ? this.#time.nowUs : undefined;
    if (!isCut) {
      const held = this.#held;
      this.#held = [];
      for (const arrive of held) this.send(arrive);
      return;
    }
    const since = this.#cutSinceUs;
    this.#time.after(IDLE_US, () => {
      if (this.#cutSinceUs === since) this.close();
    });
  }

  /** Both ends give it up, and the edge tries again; `again` false: the edge is gone too. */
  close(again = true): void {
    this.#held = [];
    this.#connection++;
    const wasOpen = this.#open;
    this.#open = false;
    if (wasOpen) this.#ends.onClose();
    if (again) this.connect();
  }
}

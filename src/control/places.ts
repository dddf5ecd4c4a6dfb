/** The places of inbound connections that have not proven themselves: each is held for 5 s at most. DESIGN §9. */
import type { Connection, MultiaddrConnection } from "@libp2p/interface";
import { Admission } from "./admission.ts";
import { parseMultiaddrText } from "./host.ts";

/** From the connection to the hello, ms. */
export const UNPROVEN_MS = 5_000;

export class Places {
  readonly #admission = new Admission();
  /**
   * Gives a place back. The timeline is the one thing by which a connection and the bare one below it are known to
   * belong together: addresses are not enough, as all QUIC connections of a host come from one socket.
   */
  readonly #leave = new WeakMap<object, () => void>();
  readonly counters: { accepted: number; crowded: number; late: number } = {
    accepted: 0,
    crowded: 0,
    late: 0,
  };

  /** Places taken now. */
  get taken(): number {
    return this.#admission.count;
  }

  /** Before anything is negotiated: is there a place? It is given back when the connection closes, at the latest. */
  enter(connection: MultiaddrConnection): boolean {
    const release = this.#admission.enter(parseMultiaddrText(connection.remoteAddr.toString()).address);
    if (release === undefined) {
      this.counters.crowded += 1;
      return false;
    }
    this.counters.accepted += 1;
    const timer = setTimeout(() => {
      this.counters.late += 1;
      connection.abort(new Error("not proven in time"));
    }, UNPROVEN_MS);
    const leave = (): void => {
      clearTimeout(timer);
      release();
      this.#leave.delete(connection.timeline);
    };
    this.#leave.set(connection.timeline, leave);
    connection.addEventListener("close", leave, { once: true });
    return true;
  }

  has(connection: Connection): boolean {
    return this.#leave.has(connection.timeline);
  }

  /** The connection has proven itself. */
  leave(connection: Connection): void {
    this.#leave.get(connection.timeline)?.();
  }
}

/**
 * One connection to a control port, by whichever way opens first: QUIC gets a head start, TCP is for where UDP does not
 * pass. DESIGN §9. After a QUIC connection that the path has killed it is the other way round.
 *
 * ```
 *   0 ms           quic, first address
 *   + 250 ms each  quic, further addresses (≤ 4 in all)
 *   + 700 ms       tcp, the same addresses
 * ```
 */
import { lookup } from "node:dns/promises";
import type { Connection, Libp2p } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { parseEndpoint } from "../config/endpoint.ts";
import { abortConnection, multiaddrText } from "./host.ts";
import type { TransportName } from "./host.ts";

const MAX_ADDRESSES = 4;
const NEXT_ADDRESS_MS = 250;
const HEAD_START_MS = 700;
/** An attempt as a whole. */
const DIAL_MS = 5_000;
/** TCP was refused at every address, so nobody is there: QUIC, which is not told, gets no more than this. */
const AFTER_REFUSAL_MS = 800;

/** Hosts are made when first needed: TCP with Noise and Yamux costs memory that most edges never use. */
export type HostOf = (transport: TransportName) => Promise<Libp2p>;

/** @throws Error whose message says for people why no way opened */
export async function dialControl(
  control: string,
  hostOf: HostOf,
  signal: AbortSignal,
  first: TransportName = "quic",
): Promise<Connection> {
  const endpoint = parseEndpoint(control);
  if (typeof endpoint === "string") throw new Error(endpoint);
  const addresses = endpoint.family === 0 ? await resolve(endpoint.host) : [endpoint.host];
  signal.throwIfAborted();
  const race = new Race(signal, addresses.length);
  for (const [index, address] of addresses.entries()) {
    for (const transport of ["quic", "tcp"] as const) {
      const delay = index * NEXT_ADDRESS_MS + (transport === first ? 0 : HEAD_START_MS);
      race.enter(delay, async (stop) => {
        const host = await hostOf(transport);
        stop.throwIfAborted();
        return host.dial(multiaddr(multiaddrText(address, endpoint.port, transport)), {
          signal: stop,
          force: true,
        });
      });
    }
  }
  return race.result;
}

async function resolve(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, order: "verbatim" });
  return found.slice(0, MAX_ADDRESSES).map(({ address }) => address);
}

/** Several ways at once: the first connection wins, later ones are closed. */
class Race {
  readonly #stop = new AbortController();
  readonly #outcome = Promise.withResolvers<Connection>();
  readonly #timers: NodeJS.Timeout[] = [];
  #running = 0;
  #over = false;
  #why = "no answer";
  /** Addresses that have not refused. */
  #hopes: number;

  constructor(signal: AbortSignal, addresses: number) {
    this.#hopes = addresses;
    signal.addEventListener("abort", () => this.#fail("stopped"), { once: true, signal: this.#stop.signal });
    this.#timers.push(setTimeout(() => this.#fail(this.#why), DIAL_MS));
  }

  get result(): Promise<Connection> {
    return this.#outcome.promise;
  }

  enter(delayMs: number, dial: (stop: AbortSignal) => Promise<Connection>): void {
    this.#running += 1;
    const start = (): void => {
      dial(this.#stop.signal).then(
        (connection) => this.#won(connection),
        (error: unknown) => this.#lost(error),
      );
    };
    this.#timers.push(setTimeout(start, delayMs));
  }

  #won(connection: Connection): void {
    if (this.#over) {
      abortConnection(connection, "another way was faster");
      return;
    }
    this.#finish();
    this.#outcome.resolve(connection);
  }

  #lost(error: unknown): void {
    if (this.#over) return;
    this.#running -= 1;
    const text = causes(error);
    if (/ECONNREFUSED/.test(text)) {
      this.#why = "connection refused";
      this.#hopes -= 1;
      if (this.#hopes === 0) this.#timers.push(setTimeout(() => this.#fail(this.#why), AFTER_REFUSAL_MS));
    }
    if (this.#running === 0) this.#fail(this.#why === "no answer" ? text : this.#why);
  }

  #fail(why: string): void {
    if (this.#over) return;
    this.#finish();
    this.#outcome.reject(new Error(why));
  }

  #finish(): void {
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#stop.abort();
  }
}

/** The messages of an error and of those it bundles, in one line. */
function causes(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const parts = error instanceof AggregateError ? error.errors.map(causes) : [error.message];
  return parts.join("; ").replace(/\s+/g, " ").slice(0, 200);
}

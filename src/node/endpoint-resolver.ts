/**
 * Peers' configured endpoints: `host:port` to an address, again every `resetEndPointInterval` for links that are not up,
 * and sooner when a name could not be resolved. A name that does not resolve is a warning, never the end.
 */
import { lookup } from "node:dns/promises";
import { parseEndpoint } from "../config/endpoint.ts";
import { PACKED_ADDRESS_BYTES, packAddress, parseHost } from "../wire/address.ts";
import type { Logger } from "./log.ts";

const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 60_000;
/** A timer that is set further ahead fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export interface ResolverOptions {
  readonly afPrefer: 0 | 4 | 6;
  /** Families that have a socket. */
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly intervalMs: number;
  readonly log: Logger;
  /** Whether this peer's link works, so that its name need not be asked for again. */
  readonly isUp: (nodeId: number) => boolean;
  readonly onAddress: (nodeId: number, packed: Uint8Array) => void;
}

export class EndpointResolver {
  readonly #options: ResolverOptions;
  readonly #timers: Map<number, NodeJS.Timeout> = new Map();
  /** Those whose name was resolved, so that the next look is a regular one. */
  readonly #resolved: Map<number, string> = new Map();
  #intervalMs: number;

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs;
  }

  /** Between two looks at a name, ms; 0 = one look only. Holds from now on. */
  set intervalMs(ms: number) {
    if (ms === this.#intervalMs) return;
    this.#intervalMs = ms;
    for (const [nodeId, endPoint] of this.#resolved) this.#wait(nodeId, endPoint);
  }

  /** Resolves now and keeps at it until `forget`. */
  watch(nodeId: number, endPoint: string): void {
    this.forget(nodeId);
    void this.#resolve(nodeId, endPoint, FIRST_RETRY_MS);
  }

  forget(nodeId: number): void {
    clearTimeout(this.#timers.get(nodeId));
    this.#timers.delete(nodeId);
    this.#resolved.delete(nodeId);
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#resolved.clear();
  }

  async #resolve(nodeId: number, endPoint: string, retryMs: number): Promise<void> {
    const { log, onAddress } = this.#options;
    // The timer's place is taken before the wait, so that `forget` during it is noticed.
    const mark = setTimeout(() => undefined, 0);
    this.#timers.set(nodeId, mark);
    this.#resolved.delete(nodeId);
    const packed = await this.#address(endPoint);
    if (this.#timers.get(nodeId) !== mark) return;
    if (packed === undefined) {
      log.warn({ node: nodeId, endPoint, retrySeconds: retryMs / 1000 }, "endpoint does not resolve");
      this.#later(nodeId, retryMs, () =>
        this.#resolve(nodeId, endPoint, Math.min(2 * retryMs, LAST_RETRY_MS)),
      );
      return;
    }
    this.#resolved.set(nodeId, endPoint);
    this.#wait(nodeId, endPoint);
    onAddress(nodeId, packed);
  }

  /** Until the next regular look, from now. */
  #wait(nodeId: number, endPoint: string): void {
    clearTimeout(this.#timers.get(nodeId));
    this.#timers.delete(nodeId);
    if (this.#intervalMs > 0) this.#later(nodeId, this.#intervalMs, () => this.#again(nodeId, endPoint));
  }

  async #again(nodeId: number, endPoint: string): Promise<void> {
    if (!this.#options.isUp(nodeId)) return this.#resolve(nodeId, endPoint, FIRST_RETRY_MS);
    this.#wait(nodeId, endPoint);
  }

  #later(nodeId: number, delayMs: number, run: () => Promise<void>): void {
    const timer = setTimeout(() => void run(), Math.min(delayMs, MAX_DELAY_MS));
    timer.unref();
    this.#timers.set(nodeId, timer);
  }

  async #address(endPoint: string): Promise<Uint8Array | undefined> {
    const parsed = parseEndpoint(endPoint);
    if (typeof parsed === "string") return undefined;
    const host = parseHost(parsed.host) ?? (await this.#lookup(parsed.host));
    if (host === undefined) return undefined;
    const packed = new Uint8Array(PACKED_ADDRESS_BYTES);
    packAddress({ family: host.length === 4 ? 4 : 6, bytes: host, port: parsed.port }, packed);
    return packed;
  }

  async #lookup(name: string): Promise<Uint8Array | undefined> {
    const { afPrefer, ipv4, ipv6 } = this.#options;
    try {
      const found = await lookup(name, { all: true });
      const usable = found.filter(({ family }) => (family === 4 ? ipv4 : ipv6));
      const preferred = usable.find(({ family }) => family === afPrefer) ?? usable[0];
      return preferred === undefined ? undefined : parseHost(preferred.address);
    } catch {
      return undefined;
    }
  }
}

/** One neighbour as the worker holds it: its link's core, where the engine sends, and what the engine has counted. */
import type { LinkCore } from "../link/link-core.ts";
import { PathMtu } from "../link/path-mtu.ts";
import type { Engine } from "../native/addon.ts";

export class Neighbour {
  readonly nodeId: number;
  /** Link number in the engine. */
  readonly link: number;
  readonly core: LinkCore;
  readonly pathMtu: PathMtu;
  /** The endpoint (packed), as soon as there is one. */
  packed: Uint8Array | null = null;
  /** When a record from elsewhere was last told to the link, ms. */
  movedAtMs: number = -Infinity;
  /** The same for what nobody answered, ms. */
  unansweredAtMs: number = -Infinity;
  /** When frames were last seen to go over the link, µs. */
  carriedAtUs: number = -Infinity;
  /** When the route to it was last looked up, µs. */
  lookedUpUs: number = -Infinity;
  /** When the core wants its next tick, µs. */
  dueUs: number = Infinity;
  /** Datagrams since the last {@link count}. */
  sentCount: number = 0;
  receivedCount: number = 0;
  readonly #stats: Float64Array = new Float64Array(2);
  #sent = 0;
  #received = 0;

  /** @param spread of {@link PathMtu} */
  constructor(nodeId: number, link: number, core: LinkCore, engine: Engine, spread: number = 1) {
    this.nodeId = nodeId;
    this.link = link;
    this.core = core;
    this.pathMtu = new PathMtu(spread);
    // The number may have been another neighbour's: its counts go on.
    this.count(engine);
  }

  /** Bytes of the largest IP packet that passes; 0 = not known, as long as there is no endpoint. */
  get mtu(): number {
    return this.packed === null ? 0 : this.pathMtu.size;
  }

  /** Whether this packed address is the endpoint. */
  isAt(addresses: Uint8Array, offset: number): boolean {
    const { packed } = this;
    if (packed === null) return false;
    for (let i = 0; i < packed.length; i++) if (packed[i] !== addresses[offset + i]) return false;
    return true;
  }

  /**
   * Reads the engine's counts of the link.
   * @param until what had been received at the moment that counts, if that is past
   */
  count(engine: Engine, until: number = Infinity): void {
    if (!engine.linkStats(this.link, this.#stats)) return;
    const sent = this.#stats[0] ?? 0;
    const received = Math.max(this.#received, Math.min(until, this.#stats[1] ?? 0));
    this.sentCount = sent - this.#sent;
    this.receivedCount = received - this.#received;
    this.#sent = sent;
    this.#received = received;
  }
}

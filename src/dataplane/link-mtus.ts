/**
 * How large a packet each link's route takes, looked up again and again: a few links each tick, for these are system calls.
 * The engine sees at the same time what the route's device can do.
 */
import type { Engine } from "../native/addon.ts";
import type { Members } from "./members.ts";
import type { Neighbour } from "./neighbour.ts";

/** Ticks in which every link is looked up once: a second. */
const TURNS = 20;
const LARGEST = 0xffff;

export class LinkMtus {
  readonly #engine: Engine;
  readonly #members: Members;
  /** The sockets' mark, which routes may look at. */
  mark: number;
  #turn = 0;

  constructor(engine: Engine, members: Members, mark: number) {
    this.#engine = engine;
    this.#members = members;
    this.mark = mark;
  }

  /** Those whose turn it is. */
  tick(neighbours: Iterable<Neighbour>): void {
    this.#turn = (this.#turn + 1) % TURNS;
    let index = 0;
    for (const entry of neighbours) {
      if (entry.packed !== null && index++ % TURNS === this.#turn) this.refresh(entry);
    }
  }

  refresh(entry: Neighbour): void {
    const mtu = this.#engine.refreshRoute(entry.link, this.mark);
    this.#members.linkMtu[entry.nodeId] = Math.min(mtu, LARGEST);
  }

  /** Bytes of the largest IP packet; 0 = not known. */
  of(entry: Neighbour): number {
    return this.#members.linkMtu[entry.nodeId] ?? 0;
  }
}

/**
 * How large a packet each link takes: what its route says, looked up again and again (a few links each tick, for these
 * are system calls; the engine sees at the same time what the route's device can do), and what {@link PathMtu} proves.
 */
import {
  decodePathMtuProbe,
  encodePathMtuProbe,
  PATH_MTU_PROBE_BYTES,
  type PathMtuProbe,
} from "../wire/path-mtu-probe.ts";
import { LARGEST_MTU } from "../link/path-mtu.ts";
import { KIND_PATH_MTU } from "./descriptors.ts";
import { IPV4_UDP, IPV6_UDP, RECORD } from "./members.ts";
import type { Neighbour } from "./neighbour.ts";
import type { PlaneState } from "./state.ts";

/** Ticks in which every link is looked up once: a second. */
const TURNS = 20;

export class LinkMtus {
  readonly #state: Pick<PlaneState, "engine" | "members">;
  /** Seals an answer for the node and sends it along the route: only the question's direction may work directly. */
  readonly #answer: (nodeId: number, payload: Uint8Array) => void;
  readonly #question: Uint8Array = new Uint8Array(LARGEST_MTU);
  /** The sockets' mark, which routes may look at. */
  mark: number;
  #turn = 0;

  constructor(
    state: Pick<PlaneState, "engine" | "members">,
    mark: number,
    answer: (nodeId: number, payload: Uint8Array) => void,
  ) {
    this.#state = state;
    this.mark = mark;
    this.#answer = answer;
  }

  /** Looks up those whose turn it is, and sends the questions that are due. */
  tick(nowUs: number, neighbours: Iterable<Neighbour>): void {
    this.#turn = (this.#turn + 1) % TURNS;
    let index = 0;
    for (const entry of neighbours) {
      if (entry.packed === null) continue;
      if (index++ % TURNS === this.#turn) this.#lookUp(nowUs, entry);
      if (entry.pathMtu.nextUs <= nowUs) this.#ask(nowUs, entry);
    }
  }

  /** The link has another endpoint. */
  moved(nowUs: number, entry: Neighbour): void {
    entry.pathMtu.move(nowUs);
    this.#lookUp(nowUs, entry);
  }

  /** The link came up, or is dead. */
  turned(nowUs: number, entry: Neighbour, up: boolean): void {
    entry.pathMtu.turn(nowUs, up);
    if (up) this.#ask(nowUs, entry);
  }

  /** A record of kind 5 from the neighbour. False: malformed. */
  record(nowUs: number, entry: Neighbour, bytes: Uint8Array): boolean {
    const probe = decodePathMtuProbe(bytes);
    if (probe === undefined) return false;
    if (!probe.isAnswer) {
      const payload = new Uint8Array(PATH_MTU_PROBE_BYTES);
      encodePathMtuProbe({ ...probe, isAnswer: true }, payload);
      this.#answer(entry.nodeId, payload);
      return true;
    }
    entry.pathMtu.answered(nowUs, probe.generation, probe.size);
    this.#note(entry);
    return true;
  }

  #lookUp(nowUs: number, entry: Neighbour): void {
    entry.pathMtu.limit(nowUs, this.#state.engine.refreshRoute(entry.link, this.mark));
    this.#note(entry);
  }

  /** To the address instead of over the link: what is too large is no loss of the link's. */
  #ask(nowUs: number, entry: Neighbour): void {
    const { engine, members } = this.#state;
    const slot = members.sendSlot[entry.nodeId] ?? -1;
    if (slot < 0) return;
    const headers = (members.linkIpv4[entry.nodeId] === 1 ? IPV4_UDP : IPV6_UDP) + RECORD;
    for (const size of entry.pathMtu.tick(nowUs)) {
      const probe: PathMtuProbe = { isAnswer: false, generation: entry.pathMtu.generation, size };
      encodePathMtuProbe(probe, this.#question);
      const payload = this.#question.subarray(0, size - headers);
      engine.sendRecord(KIND_PATH_MTU, slot, -1, entry.link, entry.packed, 1, payload);
    }
    this.#note(entry);
  }

  #note(entry: Neighbour): void {
    this.#state.members.linkMtu[entry.nodeId] = entry.pathMtu.size;
  }
}

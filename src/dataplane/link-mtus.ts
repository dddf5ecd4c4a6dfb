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
import { CONFIRM_US } from "../link/path-mtu.ts";
import { TokenBucket } from "../link/token-bucket.ts";
import { IPV4_UDP, IPV6_UDP, LARGEST_MTU, RECORD } from "../wire/sizes.ts";
import { KIND_PATH_MTU } from "./descriptors.ts";
import { LINK_UP } from "./members.ts";
import type { Neighbour } from "./neighbour.ts";
import type { PlaneState } from "./state.ts";

/** Ticks in which every link that carries frames is looked up once: about a second. */
const TURNS = 15;
/** The same for links that carry none: a dozen system calls each. */
const IDLE_TURNS = 150;
const IDLE_AFTER_US = 10_000_000;
/** A link that begins to carry frames does not wait for its turn; but a broadcast begins that on all of them. */
const STALE_US = 2_000_000;
const STALE_PER_TICK = 2;
/** Questions of all links together, a second and at once: 75 KB/s where a hundred links come up behind a slow uplink. */
const QUESTIONS_PER_SECOND = 50;
const QUESTION_BURST = 10;

export class LinkMtus {
  readonly #state: Pick<PlaneState, "engine" | "members">;
  /** Seals an answer for the node and sends it along the route. */
  readonly #answer: (nodeId: number, payload: Uint8Array) => void;
  readonly #budget: TokenBucket = new TokenBucket(QUESTIONS_PER_SECOND, QUESTION_BURST);
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
    let turn = ++this.#turn;
    let left = STALE_PER_TICK;
    for (const entry of neighbours) {
      if (entry.packed === null) continue;
      const carries = nowUs - entry.carriedAtUs < IDLE_AFTER_US;
      const isTurn = turn++ % (carries ? TURNS : IDLE_TURNS) === 0;
      const isStale = carries && nowUs - entry.lookedUpUs > STALE_US;
      if (isTurn || (isStale && left-- > 0)) this.#lookUp(nowUs, entry);
      if (entry.pathMtu.nextUs <= nowUs && isOfUse(nowUs, entry)) this.#ask(nowUs, entry);
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
    this.#note(entry);
    if (up) this.#ask(nowUs, entry);
  }

  /** A record of kind 5 from the neighbour. False: malformed. */
  record(nowUs: number, entry: Neighbour, bytes: Uint8Array): boolean {
    const probe = decodePathMtuProbe(bytes);
    if (probe === undefined) return false;
    if (!probe.isAnswer) {
      this.#reply(entry.nodeId, { ...probe, isAnswer: true });
      return true;
    }
    entry.pathMtu.answered(nowUs, probe.generation, probe.size);
    this.#note(entry);
    return true;
  }

  #lookUp(nowUs: number, entry: Neighbour): void {
    entry.lookedUpUs = nowUs;
    entry.pathMtu.limit(nowUs, this.#state.engine.refreshRoute(entry.link, this.mark));
    this.#note(entry);
  }

  /** Over the link; where only the other direction of it works, along the route. */
  #reply(nodeId: number, probe: PathMtuProbe): void {
    const { engine, members } = this.#state;
    const payload = new Uint8Array(PATH_MTU_PROBE_BYTES);
    encodePathMtuProbe(probe, payload);
    if (members.linkState[nodeId] !== LINK_UP) return this.#answer(nodeId, payload);
    const [slot, link] = [members.sendSlot[nodeId] ?? -1, members.link[nodeId] ?? -1];
    if (slot >= 0) engine.sendRecord(KIND_PATH_MTU, slot, -1, link, null, 1, payload);
  }

  /** To the address instead of over the link: what is too large is no loss of the link's. */
  #ask(nowUs: number, entry: Neighbour): void {
    const { engine, members } = this.#state;
    const slot = members.sendSlot[entry.nodeId] ?? -1;
    if (slot < 0 || !this.#budget.take(nowUs)) return;
    const size = entry.pathMtu.tick(nowUs);
    this.#note(entry);
    if (size === undefined) return;
    const headers = (members.linkIpv4[entry.nodeId] === 1 ? IPV4_UDP : IPV6_UDP) + RECORD;
    encodePathMtuProbe({ isAnswer: false, generation: entry.pathMtu.generation, size }, this.#question);
    const payload = this.#question.subarray(0, size - headers);
    engine.sendRecord(KIND_PATH_MTU, slot, -1, entry.link, entry.packed, 1, payload);
  }

  #note(entry: Neighbour): void {
    this.#state.members.linkMtu[entry.nodeId] = entry.mtu;
  }
}

/** Whether the answer would be of use: a link that carries nothing may rest. */
function isOfUse(nowUs: number, { pathMtu, carriedAtUs }: Neighbour): boolean {
  return !pathMtu.resting || nowUs - carriedAtUs < CONFIRM_US;
}

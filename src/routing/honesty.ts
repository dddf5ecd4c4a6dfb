/**
 * Links that contradict what the other end measures. DESIGN §7.
 *
 * A round trip is measured with one clock and cannot be talked away: the delays that the two ends report for i→j and
 * j→i must not sum below the round trip that the *other* end measured, less 2 ms and what datagrams wait in the answering
 * node by its own word, which makes it a costlier relay. Nor may a link cost less than the delay it reports itself.
 * Whoever pretends to be near in order to draw traffic does one or the other.
 *
 * Numbers of two ends are never of the same instant, so a contradiction counts when it lasts 10 s; until then the pair
 * is lifted to its round trip (link-states.ts), which takes the profit from it at once.
 *
 * Which end is wrong, the one about a delay or the other about its round trip, the two numbers do not tell; with how many
 * others each of them is at odds does. Where that does not tell either, both are named as being in dispute.
 */
import type { Graph } from "./graph.ts";
import type { Accusation } from "./refusals.ts";

const TOLERANCE_US = 2000;
const NOISE_FACTOR = 2;
const NOISE_JITTER_US = 50_000;
/** A question waits in a busy node, where its arrival has been stamped already. More than this is no excuse. */
const WAITING_US = 100_000;
const LASTS_US = 10_000_000;
/** How far damping may keep a cost below the true one: eight times the greatest plain margin. */
const SLACK_FACTOR = 8;
const SLACK_FLOOR_US = 3000;
const SLACK_JITTER_US = 20_000;

/** `reporter` says of its link from `peer` what cannot be. NodeIDs. */
interface Doubt {
  reporter: number;
  peer: number;
  /** The reporter contradicts itself; nobody else's number is in it. */
  isAlone: boolean;
}

export class Honesty {
  readonly #doubts = new Map<number, { doubt: Doubt; sinceUs: number; confirmed: boolean }>();
  /** With whom each node is at odds; undefined: to be made anew. */
  #opponents: Map<number, Set<number>> | undefined;

  /** Look at both links of a pair (indices) again. True if a confirmed doubt was cleared. */
  examine(graph: Graph, nowUs: number, i: number, j: number): boolean {
    const one = this.#examineLink(graph, nowUs, i, j);
    const other = this.#examineLink(graph, nowUs, j, i);
    return one || other;
  }

  #examineLink(graph: Graph, nowUs: number, from: number, to: number): boolean {
    const [reporter, peer] = [graph.idOf(to), graph.idOf(from)];
    const key = keyOf(reporter, peer);
    const known = this.#doubts.get(key);
    const isAlone = contradictsItself(graph, from, to);
    if (isAlone || contradictsRoundTrip(graph, from, to)) {
      if (known?.doubt.isAlone === isAlone) return false;
      const doubt = { reporter, peer, isAlone };
      this.#doubts.set(key, known ? { ...known, doubt } : { doubt, sinceUs: nowUs, confirmed: false });
      this.#opponents = undefined;
      return false;
    }
    if (this.#doubts.delete(key)) this.#opponents = undefined;
    return known?.confirmed === true;
  }

  /**
   * Pairs (NodeIDs) whose doubts have lasted long enough now, and whose fault it is.
   * @param canAnswer whether the member (NodeID) is here to correct what it said; else nobody is blamed
   */
  confirm(
    nowUs: number,
    canAnswer: (nodeId: number) => boolean,
  ): { reporter: number; peer: number; faults: Accusation[] }[] {
    const confirmed = [...this.#doubts.values()].filter(
      (entry) => !entry.confirmed && nowUs - entry.sinceUs >= LASTS_US,
    );
    return confirmed.map((entry) => {
      entry.confirmed = true;
      const { reporter, peer } = entry.doubt;
      const isFair = canAnswer(reporter) && canAnswer(peer);
      return { reporter, peer, faults: isFair ? this.#faultsOf(entry.doubt) : [] };
    });
  }

  #faultsOf({ reporter, peer, isAlone }: Doubt): Accusation[] {
    this.#opponents ??= this.#findOpponents();
    const own = this.#opponents.get(reporter)?.size ?? 0;
    const others = this.#opponents.get(peer)?.size ?? 0;
    if (isAlone || own > others) return [{ nodeId: reporter, reason: "dishonest", peer }];
    // The same seen from the other end names the other end.
    const isMutual = this.#doubts.has(keyOf(peer, reporter));
    if (own < others) return isMutual ? [] : [{ nodeId: peer, reason: "dishonest", peer: reporter }];
    const mine: Accusation = { nodeId: reporter, reason: "disputed", peer };
    return isMutual ? [mine] : [mine, { nodeId: peer, reason: "disputed", peer: reporter }];
  }

  #findOpponents(): Map<number, Set<number>> {
    const opponents = new Map<number, Set<number>>();
    const note = (node: number, other: number): void => {
      const others = opponents.get(node);
      if (others) others.add(other);
      else opponents.set(node, new Set([other]));
    };
    for (const { doubt } of this.#doubts.values()) {
      if (doubt.isAlone) continue;
      note(doubt.reporter, doubt.peer);
      note(doubt.peer, doubt.reporter);
    }
    return opponents;
  }

  /** Whether the pair of NodeIDs is not to be used as a hop. */
  isDoubted(one: number, other: number): boolean {
    if (this.#doubts.size === 0) return false;
    return (
      this.#doubts.get(keyOf(one, other))?.confirmed === true ||
      this.#doubts.get(keyOf(other, one))?.confirmed === true
    );
  }

  /** Forget nodes that are no members any more. */
  retain(isMember: (nodeId: number) => boolean): void {
    for (const [key, { doubt }] of this.#doubts) {
      if (!isMember(doubt.reporter) || !isMember(doubt.peer)) this.#doubts.delete(key);
    }
    this.#opponents = undefined;
  }
}

/** Whether what `to` says of the link is measured in the clocks of now. */
function counts(graph: Graph, from: number, to: number): boolean {
  return Number.isFinite(graph.cost[from * graph.size + to]) && graph.epochsFit(from, to);
}

function contradictsItself(graph: Graph, from: number, to: number): boolean {
  if (!counts(graph, from, to)) return false;
  const at = from * graph.size + to;
  const jitter = Math.min(SLACK_JITTER_US, graph.jitter[at] ?? 0);
  return (graph.cost[at] ?? 0) < (graph.owd[at] ?? 0) - SLACK_FACTOR * Math.max(SLACK_FLOOR_US, 2 * jitter);
}

function contradictsRoundTrip(graph: Graph, from: number, to: number): boolean {
  if (!counts(graph, from, to) || !counts(graph, to, from)) return false;
  const at = from * graph.size + to;
  const back = to * graph.size + from;
  const jitters =
    Math.min(NOISE_JITTER_US, graph.jitter[at] ?? 0) + Math.min(NOISE_JITTER_US, graph.jitter[back] ?? 0);
  const waiting = Math.min(WAITING_US, graph.forwardUs[to] ?? 0);
  const noise = TOLERANCE_US + NOISE_FACTOR * jitters + waiting;
  return (graph.owd[at] ?? 0) + (graph.owd[back] ?? 0) < (graph.rttMin[back] ?? NaN) - noise;
}

function keyOf(reporter: number, peer: number): number {
  return reporter * 65536 + peer;
}

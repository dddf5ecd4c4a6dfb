/**
 * Links that contradict what the other end measures. DESIGN §7.
 *
 * A round trip is measured with one clock and cannot be talked away: the delays that the two ends report for i→j and
 * j→i must not sum below the round trip that the *other* end measured, less 2 ms. Nor may a link cost less than
 * the delay it reports itself. Whoever pretends to be near in order to draw traffic does one or the other.
 *
 * Numbers of two ends are never of the same instant, so a contradiction counts when it lasts 10 s; until then the pair
 * is lifted to its round trip (link-states.ts), which takes the profit from it at once.
 */
import type { Graph } from "./graph.ts";

const TOLERANCE_US = 2000;
const NOISE_FACTOR = 2;
const NOISE_JITTER_US = 50_000;
const LASTS_US = 10_000_000;
/** How far damping may keep a cost below the true one: eight times the greatest plain margin. */
const SLACK_FACTOR = 8;
const SLACK_FLOOR_US = 3000;
const SLACK_JITTER_US = 20_000;

/** `reporter` says of its link from `peer` what cannot be. NodeIDs. */
export interface Doubt {
  reporter: number;
  peer: number;
}

export class Honesty {
  readonly #doubts = new Map<number, { doubt: Doubt; sinceUs: number; confirmed: boolean }>();
  /** With whom each node contradicts itself; undefined: to be made anew. */
  #opponents: Map<number, Set<number>> | undefined;

  /** Look at both links of a pair (indices) again. True if a confirmed doubt was cleared. */
  examine(graph: Graph, nowUs: number, i: number, j: number): boolean {
    const one = this.#examineLink(graph, nowUs, i, j);
    const other = this.#examineLink(graph, nowUs, j, i);
    return one || other;
  }

  #examineLink(graph: Graph, nowUs: number, from: number, to: number): boolean {
    const doubt = { reporter: graph.idOf(to), peer: graph.idOf(from) };
    const key = keyOf(doubt);
    const known = this.#doubts.get(key);
    if (contradicts(graph, from, to)) {
      if (known) return false;
      this.#doubts.set(key, { doubt, sinceUs: nowUs, confirmed: false });
      this.#opponents = undefined;
      return false;
    }
    if (this.#doubts.delete(key)) this.#opponents = undefined;
    return known?.confirmed === true;
  }

  /** Doubts that have lasted long enough now. */
  confirm(nowUs: number): Doubt[] {
    const confirmed: Doubt[] = [];
    for (const entry of this.#doubts.values()) {
      if (entry.confirmed || nowUs - entry.sinceUs < LASTS_US) continue;
      entry.confirmed = true;
      confirmed.push(entry.doubt);
    }
    return confirmed;
  }

  /**
   * Whether the reporter is the one to blame. Where each end's round trip contradicts the delays it may be either of them;
   * then it is the one that more of the others contradict.
   */
  isToBlame({ reporter, peer }: Doubt): boolean {
    this.#opponents ??= this.#findOpponents();
    return (this.#opponents.get(reporter)?.size ?? 0) >= (this.#opponents.get(peer)?.size ?? 0);
  }

  #findOpponents(): Map<number, Set<number>> {
    const opponents = new Map<number, Set<number>>();
    const note = (node: number, other: number): void => {
      const others = opponents.get(node);
      if (others) others.add(other);
      else opponents.set(node, new Set([other]));
    };
    for (const { doubt } of this.#doubts.values()) {
      note(doubt.reporter, doubt.peer);
      note(doubt.peer, doubt.reporter);
    }
    return opponents;
  }

  /** Whether the pair of NodeIDs is not to be used as a hop. */
  isDoubted(one: number, other: number): boolean {
    if (this.#doubts.size === 0) return false;
    return (
      this.#doubts.get(keyOf({ reporter: one, peer: other }))?.confirmed === true ||
      this.#doubts.get(keyOf({ reporter: other, peer: one }))?.confirmed === true
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

function contradicts(graph: Graph, from: number, to: number): boolean {
  const at = from * graph.size + to;
  const cost = graph.cost[at] ?? NaN;
  if (!Number.isFinite(cost) || !graph.epochsFit(from, to)) return false;
  const owd = graph.owd[at] ?? 0;
  const jitter = Math.min(SLACK_JITTER_US, graph.jitter[at] ?? 0);
  if (cost < owd - SLACK_FACTOR * Math.max(SLACK_FLOOR_US, 2 * jitter)) return true;
  const back = to * graph.size + from;
  if (!Number.isFinite(graph.cost[back]) || !graph.epochsFit(to, from)) return false;
  const jitters =
    Math.min(NOISE_JITTER_US, graph.jitter[at] ?? 0) + Math.min(NOISE_JITTER_US, graph.jitter[back] ?? 0);
  return owd + (graph.owd[back] ?? 0) < (graph.rttMin[back] ?? NaN) - TOLERANCE_US - NOISE_FACTOR * jitters;
}

function keyOf(doubt: Doubt): number {
  return doubt.reporter * 65536 + doubt.peer;
}

/**
 * Links that their receiver reports and that their sender gets no answer over. DESIGN §7, §9.
 *
 * Such a link is not used anyway (link-states.ts). One that stays like this is told by name: either its receiver says
 * what is not so, or its sender does, or only the way back is broken, which nobody but the two ends can find out. Named is
 * the end that is at odds like this with more of the others; between equals, the receiver.
 */
import type { Graph } from "./graph.ts";
import type { Accusation } from "./refusals.ts";

/**
 * By then it is known of a receiver that died itself (its control connection ends), and a link that comes back after
 * several deaths is believed by its sender, too (link/tuning.ts has it wait for a minute at most).
 */
const LASTS_US = 90_000_000;

interface Link {
  reporter: number;
  peer: number;
  sinceUs: number;
  told: boolean;
}

export class Unconfirmed {
  /** By pair of NodeIDs. */
  readonly #links = new Map<number, Link>();

  /**
   * Look at all links; those that have lasted long enough now, each once.
   * @param isPresent whether the member (NodeID) is here to take back what it has said
   */
  check(graph: Graph, nowUs: number, isPresent: (nodeId: number) => boolean): Accusation[] {
    const seen = new Set<number>();
    const n = graph.size;
    for (let at = 0; at < n * n; at++) {
      if (graph.dead[at] !== 1 || !Number.isFinite(graph.cost[at])) continue;
      const [peer, reporter] = [graph.idOf(Math.floor(at / n)), graph.idOf(at % n)];
      if (!isPresent(reporter) || !isPresent(peer)) continue;
      const key = reporter * 65536 + peer;
      seen.add(key);
      if (!this.#links.has(key)) this.#links.set(key, { reporter, peer, sinceUs: nowUs, told: false });
    }
    for (const key of this.#links.keys()) if (!seen.has(key)) this.#links.delete(key);
    const lasting = [...this.#links.values()].filter(({ sinceUs }) => nowUs - sinceUs >= LASTS_US);
    const odds = new Map<number, number>();
    for (const node of lasting.flatMap(({ reporter, peer }) => [reporter, peer])) {
      odds.set(node, (odds.get(node) ?? 0) + 1);
    }
    return lasting.flatMap((link): Accusation[] => {
      if (link.told) return [];
      link.told = true;
      const { reporter, peer } = link;
      const isSenders = (odds.get(peer) ?? 0) > (odds.get(reporter) ?? 0);
      const [nodeId, other] = isSenders ? [peer, reporter] : [reporter, peer];
      return [{ nodeId, reason: "unconfirmed", peer: other }];
    });
  }
}

/**
 * Links that their receiver reports and that their sender gets no answer over. DESIGN §7, §9.
 *
 * Such a link is not used anyway (link-states.ts). One that stays like this is told by name: either its receiver says
 * what is not so, or only the way back is broken, which nobody but the two ends can find out.
 */
import type { Doubt } from "./honesty.ts";
import type { Graph } from "./graph.ts";

/**
 * By then it is known of a receiver that died itself (its control connection ends), and a link that comes back after
 * several deaths is believed by its sender, too (link/tuning.ts has it wait for a minute at most).
 */
const LASTS_US = 90_000_000;

export class Unconfirmed {
  /** By pair of NodeIDs: since when, and whether it was told. */
  readonly #links = new Map<number, { sinceUs: number; told: boolean }>();

  /**
   * Look at all links; those that have lasted long enough now, each once.
   * @param isPresent whether the member (NodeID) is here to take back what it has said
   */
  check(graph: Graph, nowUs: number, isPresent: (nodeId: number) => boolean): Doubt[] {
    const found: Doubt[] = [];
    const seen = new Set<number>();
    const n = graph.size;
    for (let at = 0; at < n * n; at++) {
      if (graph.dead[at] !== 1 || !Number.isFinite(graph.cost[at])) continue;
      const [peer, reporter] = [graph.idOf(Math.floor(at / n)), graph.idOf(at % n)];
      if (!isPresent(reporter)) continue;
      const key = reporter * 65536 + peer;
      seen.add(key);
      const known = this.#links.get(key);
      if (known === undefined) this.#links.set(key, { sinceUs: nowUs, told: false });
      else if (!known.told && nowUs - known.sinceUs >= LASTS_US) {
        known.told = true;
        found.push({ reporter, peer });
      }
    }
    for (const key of this.#links.keys()) if (!seen.has(key)) this.#links.delete(key);
    return found;
  }
}

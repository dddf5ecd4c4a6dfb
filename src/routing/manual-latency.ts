/** Latencies set by hand: they replace measured ones, but make no link where there is none. DESIGN §8. */

export interface ManualLatency {
  /** NodeID, or "*" for all. */
  from: number | "*";
  to: number | "*";
  latencyMs: number;
}

/** Precedence, later wins: * → *, * → to, from → *, from → to. */
export class ManualLatencies {
  readonly #costs = new Map<string, number>();

  constructor(entries: readonly ManualLatency[]) {
    for (const { from, to, latencyMs } of entries) {
      this.#costs.set(`${String(from)} ${String(to)}`, Math.round(latencyMs * 1000));
    }
  }

  get isEmpty(): boolean {
    return this.#costs.size === 0;
  }

  /** µs, in no clock's terms; undefined = as measured. */
  cost(from: number, to: number): number | undefined {
    const costs = this.#costs;
    return costs.get(`${from} ${to}`) ?? costs.get(`${from} *`) ?? costs.get(`* ${to}`) ?? costs.get("* *");
  }
}

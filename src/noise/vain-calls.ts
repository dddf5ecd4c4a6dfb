// What all sessions of a node together spend on peers that do not answer. Each attempt costs key exchanges and up to
// five datagrams, and a node may have a hundred neighbours that it cannot reach: a hundred such nodes on one machine
// would do nothing else. So their pauses grow with their number, as those of idle probes do (DESIGN §7).

export class VainCalls {
  readonly #spacing: number;
  readonly #calls = new Set<object>();

  /** @param spacing ms between two attempts of all calls together */
  constructor(spacing: number) {
    this.#spacing = spacing;
  }

  /** Shortest pause between two attempts of one call, ms. */
  get pause(): number {
    return this.#calls.size * this.#spacing;
  }

  /** Once or again. */
  add(call: object): void {
    this.#calls.add(call);
  }

  /** If it is one of them. */
  remove(call: object): void {
    this.#calls.delete(call);
  }
}

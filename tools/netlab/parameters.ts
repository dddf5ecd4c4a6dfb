// What a wire does to the packets of one direction.

export interface WireParameters {
  /** one way, default 0; lowered while packets are on their way, it holds for those behind them once these are through */
  delayMs?: number;
  /**
   * Each packet draws its delay evenly from delayMs ± jitterMs, but leaves no earlier than the one before it: where
   * packets come closer together than the jitter, the delay tends to the upper end.
   */
  jitterMs?: number;
  /** shares of the packets, 0..1 */
  loss?: number;
  duplicate?: number;
  /**
   * Held back by reorderMs (default 5), so that later ones overtake. With `reorder: 1, reorderMs: 0` nothing is held
   * back, but each packet takes its own jitter, whatever the one before it drew.
   */
  reorder?: number;
  reorderMs?: number;
  /** 10^6 bits of IP packets a second, behind a queue that holds queueMs (default 200); 0: no limit */
  rateMbit?: number;
  queueMs?: number;
  /** of the IP packet, default 65535; larger ones vanish without a word */
  mtu?: number;
}

const ranges: Readonly<Record<keyof WireParameters, readonly [number, number]>> = {
  delayMs: [0, 60_000],
  jitterMs: [0, 60_000],
  loss: [0, 1],
  duplicate: [0, 1],
  reorder: [0, 1],
  reorderMs: [0, 60_000],
  rateMbit: [0, 1_000_000],
  queueMs: [0, 60_000],
  mtu: [68, 65_535],
};

/** Throws an Error that names the fault. */
export function checkParameters(parameters: WireParameters = {}): void {
  for (const [key, value] of Object.entries(parameters) as [string, unknown][]) {
    const range = Object.hasOwn(ranges, key) ? ranges[key as keyof WireParameters] : undefined;
    if (!range) throw new Error(`wire: unknown parameter '${key}'`);
    if (typeof value !== "number" || !(value >= range[0] && value <= range[1]))
      throw new Error(`wire: ${key} must be ${range[0]}..${range[1]}`);
  }
}

/** As the wire program reads them: `delayMs=5 loss=0.01`. */
export function formatParameters(parameters: WireParameters): string {
  return Object.entries(parameters)
    .map(([key, value]) => `${key}=${value as number}`)
    .join(" ");
}

/** What happened to the packets of one direction so far. */
export interface WireCounters {
  entered: number;
  left: number;
  leftBytes: number;
  duplicated: number;
  heldBack: number;
  lost: number;
  tooBig: number;
  /** the rate's queue or the wire's memory was full */
  overflow: number;
  cut: number;
  /** the receiving interface did not take it */
  unsent: number;
}

/** From `entered=3 left=2 …`. */
export function parseCounters(text: string): WireCounters {
  const pairs = text.split(" ").map((pair) => pair.split("="));
  return Object.fromEntries(
    pairs.map(([key = "", value]) => [key, Number(value)]),
  ) as unknown as WireCounters;
}

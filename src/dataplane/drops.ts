/**
 * Why the data plane's decisions dropped something, one number each. The engine counts its own reasons (bytes, keys,
 * sockets); these are the ones a decision made. Counted in frames as on the wire; `ttl` and what begins with `transit`
 * in datagrams that another node wanted passed on; the last ones in messages.
 */

const NAMES = [
  "noRoute",
  "waitTooLong",
  "waitQueueFull",
  "ttl",
  "transitNoRoute",
  "transitNoSession",
  "transitRefused",
  "transitRate",
  "transitHandshakeRate",
  "transitSource",
  "transitLoop",
  "transitRepairedTwice",
  "splitHorizon",
  "samePlace",
  "sourceRefused",
  "reflection",
  "storm",
  "noPort",
  "portBacklog",
  "export",
  "controlMalformed",
  "controlRate",
  "probeMalformed",
  "probeRate",
  "traceRefused",
  "traceNoRoute",
  "handshakeQueue",
] as const;

export type DropReason = (typeof NAMES)[number];

/**
 * Every reason, the engine's included, that ends the way of a frame at a node's switch, as `status` names them:
 *
 *   framesFromPorts + framesOpened + floodCopies = framesSealed + framesToPorts + waitingFrames + these
 */
export const FRAME_DROPS: readonly string[] = [
  "dropNoRoute",
  "dropWaitTooLong",
  "dropWaitQueueFull",
  "dropSplitHorizon",
  "dropSamePlace",
  "dropSourceRefused",
  "dropReflection",
  "dropStorm",
  "dropNoPort",
  "dropPortBacklog",
  "dropExport",
  "dropRunt",
  "dropUnsegmentable",
  "dropNoSession",
  "dropNoEndpoint",
  "dropTooBig",
  "dropCounterLimit",
  "dropPortFull",
  "dropPortError",
  "dropPortFrame",
];

/** The same for what passes through for others: transitReceived = transitForwarded + these. */
export const TRANSIT_DROPS: readonly string[] = [
  "dropTtl",
  "dropTransitNoRoute",
  "dropTransitNoSession",
  "dropTransitRefused",
  "dropTransitRate",
  "dropTransitHandshakeRate",
  "dropTransitSource",
  "dropTransitLoop",
  "dropTransitRepairedTwice",
  "dropTransitKeypairGone",
  "dropTransitNoEndpoint",
  "dropTransitCounterLimit",
];

export class Drops {
  readonly #counts: Float64Array = new Float64Array(NAMES.length);

  count(reason: DropReason, frames = 1): void {
    const index = NAMES.indexOf(reason);
    this.#counts[index] = (this.#counts[index] ?? 0) + frames;
  }

  /** `dropNoRoute` and so on, as `status` shows them. */
  report(): Record<string, number> {
    const out: Record<string, number> = {};
    NAMES.forEach((name, index) => {
      out[`drop${name[0]?.toUpperCase() ?? ""}${name.slice(1)}`] = this.#counts[index] ?? 0;
    });
    return out;
  }
}

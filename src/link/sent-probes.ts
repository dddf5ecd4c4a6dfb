/**
 * What is remembered of probes sent: by nonce, to recognise echoes, and by sequence number, to know what the peer's
 * "heard sequence" means. Both are rings, so nothing grows. The payloads themselves are kept because whoever sends
 * them stamps the true departure time into them.
 */
import { readProbeSent } from "../wire/probe.ts";

const NONCES = 64;
const SEQUENCES = 128;

export interface SentProbe {
  readonly nonce: bigint;
  /** 0 for a probe beside the active path. */
  readonly sequence: number;
  /** Address it went to. */
  readonly to: string;
  /** When the link decided to send it, µs. */
  readonly decidedUs: number;
  readonly payload: Uint8Array;
}

/** True departure time, µs. */
export function departureOf(probe: SentProbe): number {
  return readProbeSent(probe.payload);
}

export class SentProbes {
  readonly #lifetimeUs: number;
  #byNonce: (SentProbe | undefined)[] = new Array<SentProbe | undefined>(NONCES).fill(undefined);
  #bySequence: (SentProbe | undefined)[] = new Array<SentProbe | undefined>(SEQUENCES).fill(undefined);
  #next = 0;

  constructor(lifetimeUs: number) {
    this.#lifetimeUs = lifetimeUs;
  }

  clear(): void {
    this.#byNonce.fill(undefined);
    this.#bySequence.fill(undefined);
  }

  add(probe: SentProbe): void {
    if (probe.nonce !== 0n) {
      this.#byNonce[this.#next] = probe;
      this.#next = (this.#next + 1) % NONCES;
    }
    if (probe.sequence !== 0) this.#bySequence[probe.sequence % SEQUENCES] = probe;
  }

  /** The probe that carried this nonce, once, and only while the nonce is fresh. */
  takeEchoed(nonce: bigint, nowUs: number): SentProbe | undefined {
    const at = this.#byNonce.findIndex((probe) => probe?.nonce === nonce);
    const probe = this.#byNonce[at];
    if (!probe) return undefined;
    this.#byNonce[at] = undefined;
    return nowUs - probe.decidedUs <= this.#lifetimeUs ? probe : undefined;
  }

  /** The probe with this sequence number, if it is among the last 128. */
  bySequence(sequence: number): SentProbe | undefined {
    const probe = this.#bySequence[sequence % SEQUENCES];
    return probe?.sequence === sequence ? probe : undefined;
  }

  /** The first remembered probe after sequence number `heard` that went to `to`, not earlier than `sinceUs`. */
  firstAfter(heard: number, newest: number, to: string | undefined, sinceUs: number): SentProbe | undefined {
    for (let next = Math.max(heard + 1, newest - SEQUENCES + 1); next <= newest; next++) {
      const probe = this.bySequence(next);
      if (probe && probe.to === to && probe.decidedUs >= sinceUs) return probe;
    }
    return undefined;
  }
}

/**
 * What is remembered of probes sent: by nonce, to recognise echoes, and by sequence number, to know what the peer's
 * "heard sequence" means. A ring of flat arrays, for a node may have hundreds of links: 8 KB each, and nothing grows.
 *
 * Whoever sends a probe stamps the true departure time into its payload. It is read from there when the link is next
 * told something, so that no payload outlives its sending.
 */
import { readProbeSent } from "../wire/probe.ts";

const PLACES = 192;
/** Sequence numbers that are looked for at most, back from the newest. */
const SEQUENCES = 128;
const NO_PLACE = -1;

export interface SentProbe {
  /** Address it went to. */
  readonly to: string;
  /** When the link decided to send it, µs. */
  readonly decidedUs: number;
  /** True departure time, µs. */
  readonly departureUs: number;
}

export class SentProbes {
  readonly #lifetimeUs: number;
  /** Per place; 0 = none. A probe beside the active path has no sequence number, one that asks nothing no nonce. */
  readonly #nonces: BigUint64Array = new BigUint64Array(PLACES);
  readonly #sequences: Float64Array = new Float64Array(PLACES);
  readonly #decidedUs: Float64Array = new Float64Array(PLACES);
  readonly #departureUs: Float64Array = new Float64Array(PLACES);
  readonly #to: string[] = new Array<string>(PLACES).fill("");
  /** Place of each sequence number, by its remainder. */
  readonly #places: Int16Array = new Int16Array(SEQUENCES).fill(NO_PLACE);
  #next = 0;
  /** Added since the link was last told something: their payloads are stamped meanwhile. */
  #unsettled: { place: number; payload: Uint8Array }[] = [];

  constructor(lifetimeUs: number) {
    this.#lifetimeUs = lifetimeUs;
  }

  clear(): void {
    this.#nonces.fill(0n);
    this.#sequences.fill(0);
    this.#places.fill(NO_PLACE);
    this.#unsettled = [];
  }

  /** What was added before has been sent by now: take the departures over. */
  settle(): void {
    if (this.#unsettled.length === 0) return;
    for (const { place, payload } of this.#unsettled) this.#departureUs[place] = readProbeSent(payload);
    this.#unsettled = [];
  }

  /**
   * Remember a probe, in the place of the oldest.
   * @param nonce 0 = it asks nothing
   * @param sequence 0 = beside the active path
   */
  add(nonce: bigint, sequence: number, to: string, decidedUs: number, payload: Uint8Array): void {
    if (nonce === 0n && sequence === 0) return;
    const place = this.#next;
    this.#next = (place + 1) % PLACES;
    this.#nonces[place] = nonce;
    this.#sequences[place] = sequence;
    this.#decidedUs[place] = decidedUs;
    this.#to[place] = to;
    if (sequence !== 0) this.#places[sequence % SEQUENCES] = place;
    this.#unsettled.push({ place, payload });
  }

  /** The probe that carried this nonce, once, and only while the nonce is fresh. */
  takeEchoed(nonce: bigint, nowUs: number): SentProbe | undefined {
    const place = nonce === 0n ? NO_PLACE : this.#nonces.indexOf(nonce);
    if (place === NO_PLACE) return undefined;
    this.#nonces[place] = 0n;
    const probe = this.#at(place);
    return nowUs - probe.decidedUs <= this.#lifetimeUs ? probe : undefined;
  }

  /** The probe with this sequence number, if it is among the last 128. */
  bySequence(sequence: number): SentProbe | undefined {
    const place = this.#places[sequence % SEQUENCES] ?? NO_PLACE;
    return sequence > 0 && this.#sequences[place] === sequence ? this.#at(place) : undefined;
  }

  /** The first remembered probe after sequence number `heard` that went to `to`, not earlier than `sinceUs`. */
  firstAfter(heard: number, newest: number, to: string | undefined, sinceUs: number): SentProbe | undefined {
    for (let next = Math.max(heard + 1, newest - SEQUENCES + 1); next <= newest; next++) {
      const probe = this.bySequence(next);
      if (probe && probe.to === to && probe.decidedUs >= sinceUs) return probe;
    }
    return undefined;
  }

  #at(place: number): SentProbe {
    return {
      to: this.#to[place] ?? "",
      decidedUs: this.#decidedUs[place] ?? 0,
      departureUs: this.#departureUs[place] ?? 0,
    };
  }
}

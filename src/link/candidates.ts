/**
 * The addresses at which one neighbour may be: told or seen, proven or not, and when to try them. DESIGN §6, §7.
 *
 * At most eight. One that never echoed gets five probes, a second apart, then one a minute. Those told by the
 * supernode are tried by both ends as soon as there is a session, quickly at first, so that the probes of one open
 * the NAT in front of it for those of the other; then every 25 s as long as nothing works. One that did echo is asked
 * every ten seconds, so that a live alternative is known when the endpoint dies, and its round trip. What was told is
 * never pushed out by what was merely seen.
 */
import { isBroadcast, isLoopback, isMulticast, isUnspecified } from "../wire/address.ts";
import type { UnderlayAddress } from "../wire/address.ts";
import type { LinkTuning } from "./tuning.ts";

/** Where an address is known from: the file, `wg set`, the supernode, or datagrams that came from it. */
export type CandidateSource = "configured" | "set" | "told" | "seen";

/** Round trips remembered of an address. */
const ROUND_TRIPS = 8;

export interface Candidate {
  readonly address: string;
  source: CandidateSource;
  readonly addedUs: number;
  /** Has it ever echoed a nonce sent to it? */
  proven: boolean;
  lastEchoUs: number;
  /** Probes sent to it since its last echo. */
  tries: number;
  nextProbeUs: number;
  /** When authentic traffic of the peer last came from it. */
  trafficUs: number;
  /** When it was the endpoint and was left for an address that the peer's traffic came from. */
  leftUs: number;
  /** The newest round trips, µs, newest last. */
  roundTrips: number[];
  /** Times in a row that its round trip was clearly better than the endpoint's. */
  wins: number;
}

/** One address as `status` shows it. */
export interface CandidateSnapshot {
  address: string;
  source: CandidateSource;
  proven: boolean;
  lastEchoUs: number | undefined;
  /** Probes sent to it since it last echoed. */
  tries: number;
  /** The shortest of the last round trips, µs. */
  rttUs: number | undefined;
}

/** Whether any datagram may be sent there at all. Refused in addition: what the caller knows to be its own. */
export function isUsableEndpoint(address: UnderlayAddress, allowLoopback: boolean): boolean {
  if (address.port === 0 || isMulticast(address) || isBroadcast(address) || isUnspecified(address))
    return false;
  return allowLoopback || !isLoopback(address);
}

export class CandidateTable {
  readonly #tuning: Readonly<LinkTuning>;
  readonly #byAddress: Map<string, Candidate> = new Map();

  constructor(tuning: Readonly<LinkTuning>) {
    this.#tuning = tuning;
  }

  get(address: string | undefined): Candidate | undefined {
    return address === undefined ? undefined : this.#byAddress.get(address);
  }

  /** What `status` shows of them. */
  snapshot(): CandidateSnapshot[] {
    return Array.from(this.#byAddress.values(), (candidate) => ({
      address: candidate.address,
      source: candidate.source,
      proven: candidate.proven,
      lastEchoUs: candidate.proven ? candidate.lastEchoUs : undefined,
      tries: candidate.tries,
      rttUs: shortestRoundTrip(candidate),
    }));
  }

  /**
   * Find or add an address. When the table is full the least useful one that was only seen makes room.
   * @returns undefined when all places are taken by addresses that stay
   */
  add(
    nowUs: number,
    address: string,
    source: CandidateSource,
    active: string | undefined,
  ): Candidate | undefined {
    const known = this.#byAddress.get(address);
    if (known) {
      if (source === "told" && known.source === "seen" && !known.proven) {
        known.tries = 0;
        known.nextProbeUs = nowUs;
      }
      if (source !== "seen" && rank(source) >= rank(known.source)) known.source = source;
      return known;
    }
    if (source === "told" && this.#countTold() >= this.#tuning.maxTold) return undefined;
    if (this.#byAddress.size >= this.#tuning.maxCandidates && !this.#evict(source, active)) return undefined;
    const candidate: Candidate = {
      address,
      source,
      addedUs: nowUs,
      proven: false,
      lastEchoUs: -Infinity,
      tries: 0,
      // What was merely seen is challenged when traffic asks for it, or else a little later.
      nextProbeUs: source === "seen" ? nowUs + this.#tuning.candidateGapUs : nowUs,
      trafficUs: -Infinity,
      leftUs: -Infinity,
      roundTrips: [],
      wins: 0,
    };
    this.#byAddress.set(address, candidate);
    return candidate;
  }

  /**
   * Whether a datagram from there justifies a challenge now. A proven one may always be asked again, and so may one that
   * we were told of: its tries may have been over before the peer had a session.
   */
  mayChallenge(candidate: Candidate, nowUs: number): boolean {
    return (
      candidate.proven ||
      candidate.source !== "seen" ||
      candidate.tries < this.#tuning.candidateTries ||
      nowUs >= candidate.nextProbeUs
    );
  }

  /** A probe went there. `works`: the link has an address that does, so nothing is urgent. */
  probed(candidate: Candidate, nowUs: number, works: boolean): void {
    const tuning = this.#tuning;
    const urgent = candidate.source === "told" && !works;
    let gapUs = tuning.candidateGapUs;
    if (++candidate.tries >= tuning.candidateTries) {
      gapUs = urgent ? tuning.toldSlowGapUs : tuning.candidateSlowGapUs;
    } else if (urgent) {
      gapUs = Math.min(gapUs, tuning.toldGapUs * 2 ** (candidate.tries - 1));
    }
    candidate.nextProbeUs = nowUs + gapUs;
  }

  /** It echoed a fresh nonce after `rttUs`. */
  echoed(candidate: Candidate, nowUs: number, rttUs: number): void {
    candidate.proven = true;
    candidate.lastEchoUs = nowUs;
    candidate.tries = 0;
    candidate.nextProbeUs = nowUs + this.#tuning.candidateKeepUs;
    candidate.roundTrips.push(rttUs);
    if (candidate.roundTrips.length > ROUND_TRIPS) candidate.roundTrips.shift();
  }

  /** The supernode tells only these any more: the others are no better than addresses seen. */
  keepTold(keep: readonly string[], active: string | undefined): void {
    for (const candidate of this.#byAddress.values()) {
      if (candidate.source !== "told" || keep.includes(candidate.address)) continue;
      candidate.source = "seen";
      if (!candidate.proven && candidate.address !== active) this.#byAddress.delete(candidate.address);
    }
  }

  /** The operator, or a lookup of the name that is configured, says this address now, and none that was said before. */
  supersede(address: string): void {
    for (const candidate of this.#byAddress.values()) {
      const said = candidate.source === "configured" || candidate.source === "set";
      if (said && candidate.address !== address) candidate.source = "seen";
    }
  }

  /** Addresses worth a try when none is known to work, the best first: proven lately, then told. */
  hopeful(nowUs: number): string[] {
    const proven = (candidate: Candidate): boolean =>
      nowUs - candidate.lastEchoUs <= this.#tuning.candidateForgetUs;
    return Array.from(this.#byAddress.values())
      .filter((candidate) => proven(candidate) || candidate.source !== "seen")
      .sort((x, y) => Number(proven(y)) - Number(proven(x)) || rank(y.source) - rank(x.source))
      .map((candidate) => candidate.address);
  }

  /** Try every proven or told address now: the endpoint has died. */
  hasten(nowUs: number): void {
    for (const candidate of this.#byAddress.values()) {
      if (!candidate.proven && candidate.source === "seen") continue;
      candidate.nextProbeUs = nowUs;
      candidate.tries = 0;
    }
  }

  /** Addresses other than the endpoint whose turn it is; those useless for long are dropped. */
  due(nowUs: number, active: string | undefined): Candidate[] {
    const due: Candidate[] = [];
    for (const candidate of this.#byAddress.values()) {
      if (candidate.address === active || nowUs < candidate.nextProbeUs) continue;
      const usedUs = Math.max(candidate.addedUs, candidate.lastEchoUs, candidate.trafficUs);
      if (candidate.source === "seen" && nowUs - usedUs > this.#tuning.candidateForgetUs) {
        this.#byAddress.delete(candidate.address);
      } else {
        due.push(candidate);
      }
    }
    return due;
  }

  /** When the next address other than the endpoint is to be tried. */
  nextDeadline(active: string | undefined): number {
    let next = Infinity;
    for (const candidate of this.#byAddress.values()) {
      if (candidate.address !== active) next = Math.min(next, candidate.nextProbeUs);
    }
    return next;
  }

  #countTold(): number {
    let count = 0;
    for (const candidate of this.#byAddress.values()) if (candidate.source !== "seen") count++;
    return count;
  }

  /** Make room for one of this source: an address seen goes first, and for the operator's one that was told. */
  #evict(source: CandidateSource, active: string | undefined): boolean {
    let victim: Candidate | undefined;
    for (const candidate of this.#byAddress.values()) {
      if (candidate.address === active) continue;
      if (candidate.source !== "seen" && rank(candidate.source) >= rank(source)) continue;
      if (!victim || rank(candidate.source) < rank(victim.source)) victim = candidate;
      else if (rank(candidate.source) === rank(victim.source) && worth(candidate) < worth(victim))
        victim = candidate;
    }
    return victim !== undefined && this.#byAddress.delete(victim.address);
  }
}

/** The shortest of the round trips remembered of an address, µs. */
export function shortestRoundTrip(candidate: Candidate): number | undefined {
  return candidate.roundTrips.length === 0 ? undefined : Math.min(...candidate.roundTrips);
}

/** Who says so counts. */
function rank(source: CandidateSource): number {
  return source === "seen" ? 0 : source === "told" ? 1 : 2;
}

/** The newest echo counts; among those that never echoed, the newest to be seen. */
function worth(candidate: Candidate): number {
  return candidate.proven ? candidate.lastEchoUs : Math.max(candidate.addedUs, candidate.trafficUs) - 1e15;
}

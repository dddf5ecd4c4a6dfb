/**
 * The addresses at which one neighbour may be: told or seen, proven or not, and when to try them. DESIGN §6.
 *
 * At most eight. One that never echoed gets five probes, a second apart, then one a minute. One that did is asked
 * every ten seconds, so that a live alternative is known when the endpoint dies. What the operator told is never
 * pushed out by what was merely seen.
 */
import { isBroadcast, isLoopback, isMulticast, isUnspecified } from "../wire/address.ts";
import type { UnderlayAddress } from "../wire/address.ts";
import type { LinkTuning } from "./tuning.ts";

/** Where an address is known from: the file, `wg set`, or datagrams that came from it. */
export type CandidateSource = "configured" | "set" | "seen";

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
}

/** One address as `status` shows it. */
export interface CandidateSnapshot {
  address: string;
  source: CandidateSource;
  proven: boolean;
  lastEchoUs: number | undefined;
  /** Probes sent to it since it last echoed. */
  tries: number;
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
    return Array.from(this.#byAddress.values(), ({ address, source, proven, lastEchoUs, tries }) => ({
      address,
      source,
      proven,
      lastEchoUs: proven ? lastEchoUs : undefined,
      tries,
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
      if (source !== "seen") known.source = source;
      return known;
    }
    if (this.#byAddress.size >= this.#tuning.maxCandidates && !this.#evict(active)) return undefined;
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
    };
    this.#byAddress.set(address, candidate);
    return candidate;
  }

  /** Whether a datagram from there justifies a challenge now. A proven one may always be asked again. */
  mayChallenge(candidate: Candidate, nowUs: number): boolean {
    return (
      candidate.proven || candidate.tries < this.#tuning.candidateTries || nowUs >= candidate.nextProbeUs
    );
  }

  /** A probe went there. */
  probed(candidate: Candidate, nowUs: number): void {
    const slow = ++candidate.tries >= this.#tuning.candidateTries;
    candidate.nextProbeUs = nowUs + (slow ? this.#tuning.candidateSlowGapUs : this.#tuning.candidateGapUs);
  }

  /** It echoed a fresh nonce. */
  echoed(candidate: Candidate, nowUs: number): void {
    candidate.proven = true;
    candidate.lastEchoUs = nowUs;
    candidate.tries = 0;
    candidate.nextProbeUs = nowUs + this.#tuning.candidateKeepUs;
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

  #evict(active: string | undefined): boolean {
    let victim: Candidate | undefined;
    for (const candidate of this.#byAddress.values()) {
      if (candidate.source !== "seen" || candidate.address === active) continue;
      if (!victim || worth(candidate) < worth(victim)) victim = candidate;
    }
    return victim !== undefined && this.#byAddress.delete(victim.address);
  }
}

/** The newest echo counts; among those that never echoed, the newest to be seen. */
function worth(candidate: Candidate): number {
  return candidate.proven ? candidate.lastEchoUs : Math.max(candidate.addedUs, candidate.trafficUs) - 1e15;
}

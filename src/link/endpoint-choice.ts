/**
 * Which address a link sends to. DESIGN §6: endpoints move only by proof.
 *
 * Authentic records prove who sent them, not from where: anybody can put a wrong source address on a datagram it
 * relays. So a new address becomes a candidate and is sent a fresh nonce; only when the nonce comes back *from
 * there* is it proven. Traffic of the peer from a proven address moves the endpoint (WireGuard's roaming, one round
 * trip later), once a second at length and twice in a row: a node that gets a new address often gets a new port with
 * it, a moment later. Any proven address does when the endpoint has stopped answering. What the operator tells counts
 * at once.
 */
import { formatAddress, parseAddress } from "../wire/address.ts";
import { CandidateTable, isUsableEndpoint } from "./candidates.ts";
import type { Candidate } from "./candidates.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { LinkTuning } from "./tuning.ts";

export interface EndpointPolicy {
  /** Keep to the endpoint that was told. As long as none was told, the peer may be found like any other. */
  readonly staticEndpoint: boolean;
  readonly allowLoopback: boolean;
  /** True for addresses that are this node's own or lie inside the overlay. */
  readonly refused: (address: string) => boolean;
}

export class EndpointChoice {
  readonly candidates: CandidateTable;
  readonly #policy: EndpointPolicy;
  readonly #tuning: Readonly<LinkTuning>;
  /** For challenges caused by what arrived. */
  readonly #challenges: TokenBucket;
  readonly #moves: TokenBucket;
  #allowLoopback: boolean;
  #told = false;
  #endpoint: string | undefined;

  constructor(policy: EndpointPolicy, tuning: Readonly<LinkTuning>) {
    this.#policy = policy;
    this.#tuning = tuning;
    this.#allowLoopback = policy.allowLoopback;
    this.candidates = new CandidateTable(tuning);
    this.#challenges = new TokenBucket(1e6 / tuning.challengeGapUs, tuning.challengeBurst);
    this.#moves = new TokenBucket(1e6 / tuning.moveGapUs, tuning.moveBurst);
  }

  get endpoint(): string | undefined {
    return this.#endpoint;
  }

  /** Has the endpoint ever echoed? */
  get proven(): boolean {
    return this.isProven(this.#endpoint);
  }

  /** `static: true` with a told endpoint: nothing that arrives moves it. */
  get pinned(): boolean {
    return this.#policy.staticEndpoint && this.#told;
  }

  isProven(address: string | undefined): boolean {
    return this.candidates.get(address)?.proven === true;
  }

  /** Whether an address (canonical text) may be sent to at all. */
  acceptable(text: string): boolean {
    const address = parseAddress(text);
    if (!address || !isUsableEndpoint(address, this.#allowLoopback)) return false;
    return !this.#policy.refused(text);
  }

  /**
   * The operator or a name lookup says where the peer is. A repeated lookup does not undo roaming that works.
   * @param up whether the present endpoint works
   * @returns true when the endpoint is another one now
   */
  tell(nowUs: number, text: string, source: "configured" | "set", up: boolean): boolean {
    const parsed = parseAddress(text);
    if (!parsed || !isUsableEndpoint(parsed, true)) return false;
    const address = formatAddress(parsed);
    if (this.#policy.refused(address)) return false;
    this.#told = true;
    // Who configures a loopback address wants loopback to be usable for this peer.
    if (!isUsableEndpoint(parsed, false)) this.#allowLoopback = true;
    if (!this.candidates.add(nowUs, address, source, this.#endpoint)) return false;
    const works = up && this.proven && source === "configured" && !this.#policy.staticEndpoint;
    if (works || address === this.#endpoint) return false;
    this.#endpoint = address;
    return true;
  }

  /**
   * The peer was authentic from an address that is not the endpoint.
   * @param roaming it was traffic, not a mere test of an address
   * @returns "moved" when the endpoint is now that address; "ask" when it should be challenged
   */
  consider(nowUs: number, from: string, roaming: boolean, up: boolean): "moved" | "ask" | "none" {
    if (this.pinned || !this.acceptable(from)) return "none";
    const candidate = this.candidates.add(nowUs, from, "seen", this.#endpoint);
    if (!candidate) return "none";
    if (roaming) candidate.trafficUs = nowUs;
    if (this.#move(nowUs, candidate, up)) return "moved";
    if (!(roaming || !up) || !this.candidates.mayChallenge(candidate, nowUs)) return "none";
    if (this.#challenges.take(nowUs)) return "ask";
    candidate.nextProbeUs = Math.min(candidate.nextProbeUs, nowUs + this.#tuning.challengeGapUs);
    return "none";
  }

  /** An address returned a fresh nonce that was sent to it. True when it is the endpoint by this. */
  echoed(nowUs: number, from: string, up: boolean): boolean {
    const candidate = this.candidates.get(from);
    if (!candidate) return false;
    this.candidates.echoed(candidate, nowUs);
    return from !== this.#endpoint && this.#move(nowUs, candidate, up);
  }

  /** Move to an address if it is freshly proven and there is a reason to. */
  #move(nowUs: number, candidate: Candidate, up: boolean): boolean {
    if (this.pinned || nowUs - candidate.lastEchoUs > this.#tuning.proofLifetimeUs) return false;
    if (this.proven) {
      const roaming = nowUs - candidate.trafficUs <= this.#tuning.proofLifetimeUs;
      if ((up && !roaming) || !this.#moves.take(nowUs)) return false;
    }
    this.#endpoint = candidate.address;
    return true;
  }
}

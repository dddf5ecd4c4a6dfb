/**
 * Which address a link sends to. DESIGN §6: endpoints move only by proof.
 *
 * Authentic records prove who sent them, not from where: anybody can put a wrong source address on a datagram it
 * relays. So a new address becomes a candidate and is sent a fresh nonce; only when the nonce comes back *from
 * there* is it proven. Traffic of the peer from a proven address moves the endpoint (WireGuard's roaming, one round
 * trip later), once a second at length and twice in a row: a node that gets a new address often gets a new port with
 * it, a moment later. Any proven address does when the endpoint has stopped answering. What the operator tells counts
 * at once. An address whose round trip is clearly and repeatedly better than the endpoint's is preferred to it: so
 * two nodes on one LAN find each other there.
 */
import { formatAddress, parseAddress } from "../wire/address.ts";
import { CandidateTable, isUsableEndpoint, shortestRoundTrip } from "./candidates.ts";
import type { Candidate } from "./candidates.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { LinkTuning } from "./tuning.ts";

export interface EndpointPolicy {
  /** Keep to the endpoint that was told. As long as none was told, the peer may be found like any other. */
  readonly staticEndpoint: boolean;
  readonly allowLoopback: boolean;
  /**
   * True at one end of a link only: it does not go back to an address that it has just left. Two ends with two addresses
   * each could follow one another for ever.
   */
  readonly leads: boolean;
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
  /** The address left for a better one, and when. */
  #left: string | undefined;
  #preferredUs = -Infinity;
  #diedUs = -Infinity;
  #preferGapUs: number;
  /** Where the next row of handshake targets begins. */
  #turn = 0;

  constructor(policy: EndpointPolicy, tuning: Readonly<LinkTuning>) {
    this.#policy = policy;
    this.#tuning = tuning;
    this.#allowLoopback = policy.allowLoopback;
    this.#preferGapUs = tuning.preferGapUs;
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

  /** The endpoint does not answer any more. Other addresses are asked at once; what they echoed before says nothing now. */
  died(nowUs: number): void {
    this.#diedUs = nowUs;
    this.candidates.hasten(nowUs);
  }

  /** Whether an address (canonical text) may be sent to at all. */
  acceptable(text: string): boolean {
    if (text === this.#endpoint) return true;
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
    this.candidates.supersede(address);
    if (!this.candidates.add(nowUs, address, source, this.#endpoint)) return false;
    const works = up && this.proven && source === "configured" && !this.#policy.staticEndpoint;
    if (works || address === this.#endpoint) return false;
    this.#endpoint = address;
    return true;
  }

  /** The supernode says where the peer may be. */
  suggest(nowUs: number, text: string): void {
    const parsed = parseAddress(text);
    if (!parsed || this.pinned) return;
    const address = formatAddress(parsed);
    if (this.acceptable(address)) this.candidates.add(nowUs, address, "told", this.#endpoint);
  }

  /**
   * Where to send handshakes: to the endpoint if it works, else also to others that may be right; where there are too
   * many, by turns.
   * @param up whether the present endpoint works
   */
  handshakeTargets(nowUs: number, max: number, up: boolean): string[] {
    const endpoint = this.#endpoint;
    if (endpoint !== undefined && (this.pinned || (up && this.proven))) return [endpoint];
    const others = this.candidates.hopeful(nowUs).filter((address) => address !== endpoint);
    const targets = endpoint === undefined ? [] : [endpoint];
    const room = Math.max(0, max - targets.length);
    if (others.length <= room) return [...targets, ...others];
    const from = this.#turn % others.length;
    this.#turn += room;
    return [...targets, ...others.slice(from), ...others.slice(0, from)].slice(0, max);
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

  /** An address returned a fresh nonce that was sent to it, after `rttUs`. True when it is the endpoint by this. */
  echoed(nowUs: number, from: string, up: boolean, rttUs: number): boolean {
    const candidate = this.candidates.get(from);
    if (!candidate) return false;
    this.candidates.echoed(candidate, nowUs, rttUs);
    if (from === this.#endpoint) return false;
    return this.#move(nowUs, candidate, up) || this.#prefer(nowUs, candidate, rttUs);
  }

  /** Move to an address that has been better than the endpoint several times in a row. */
  #prefer(nowUs: number, candidate: Candidate, rttUs: number): boolean {
    const tuning = this.#tuning;
    const active = this.candidates.get(this.#endpoint);
    const present = active && shortestRoundTrip(active);
    // Its newest against the endpoint's best: jitter alone hardly ever wins.
    const better =
      present !== undefined && rttUs < present * tuning.preferRatio && rttUs < present - tuning.preferUs;
    candidate.wins = better ? candidate.wins + 1 : 0;
    if (!better || this.pinned) return false;
    if (candidate.wins < tuning.preferWins) {
      candidate.nextProbeUs = nowUs + tuning.candidateGapUs;
      return false;
    }
    if (nowUs - this.#preferredUs < this.#preferGapUs) return false;
    this.#left = this.#endpoint;
    this.#preferredUs = nowUs;
    this.#endpoint = candidate.address;
    return true;
  }

  /** Move to an address if it is freshly proven and there is a reason to. */
  #move(nowUs: number, candidate: Candidate, up: boolean): boolean {
    if (this.pinned || nowUs - candidate.lastEchoUs > this.#tuning.proofLifetimeUs) return false;
    if (!up && candidate.lastEchoUs < this.#diedUs) return false;
    if (this.proven) {
      const roaming = nowUs - candidate.trafficUs <= this.#tuning.proofLifetimeUs;
      if (up && !roaming) return false;
      if (up && this.#policy.leads && nowUs - candidate.leftUs < this.#tuning.leadUs) return false;
      const sinceUs = nowUs - this.#preferredUs;
      if (up && candidate.address === this.#left && sinceUs < this.#tuning.preferSettleUs) return false;
      if (!this.#moves.take(nowUs)) return false;
      // The peer wants it otherwise.
      if (sinceUs < this.#preferGapUs && candidate.address === this.#left) {
        this.#preferGapUs = Math.min(this.#tuning.preferGapMaxUs, 2 * this.#preferGapUs);
      }
    }
    const left = this.candidates.get(this.#endpoint);
    if (left && up) left.leftUs = nowUs;
    candidate.wins = 0;
    this.#endpoint = candidate.address;
    return true;
  }
}

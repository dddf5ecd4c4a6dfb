/**
 * What a member says of itself, and what of that the others were told. All of them call a member where it is told to be,
 * so a few changes pass at once and others wait: nobody makes the network send to ever new addresses, nor again and
 * again to one.
 *
 *     change ──▶ now ── four at once, then one in 10 s; the newest counts ──▶ told
 */
import { isDeepStrictEqual } from "node:util";
import type { Member, ToldPlaces } from "../control/messages.ts";
import type { SuperPeerConfig } from "../config/super-config.ts";
import { TokenBucket } from "../link/token-bucket.ts";
import { addressKey, isPrivate, parseAddress, parseHost } from "../wire/address.ts";
import { MAX_LOCAL } from "./local-endpoints.ts";

const CHANGES_PER_SECOND = 0.1;
const CHANGE_BURST = 4;

/** What is known of a member besides the file's word. */
export interface MemberState {
  readonly online: boolean;
  /** Of its process: a new one is to be called, although it is where the old one was. */
  readonly incarnation: number;
  /** Where the UDP socket sees it, `ip:port`. */
  readonly observed: string | undefined;
  /** What it says of itself. */
  readonly local: readonly string[];
  /** By the supernode that it obeys, as it says. */
  readonly observedElsewhere: string | undefined;
  /** Of the edge's own file. */
  readonly relay: Member["relay"];
  readonly costUs: number;
}

const UNKNOWN: MemberState = {
  ...{ online: false, incarnation: 0, observed: undefined, local: [], observedElsewhere: undefined },
  ...{ relay: "auto", costUs: 0 },
};

/** What others are told of a member besides who it is. */
type Told = Pick<Member, "endpoints" | "online" | "relay" | "additionalCostUs">;

export class Announcement {
  readonly #allowance = new TokenBucket(CHANGES_PER_SECOND, CHANGE_BURST);
  #now: MemberState = UNKNOWN;
  #told: MemberState = UNKNOWN;

  get now(): MemberState {
    return this.#now;
  }

  /** Something waits to be told. Not while the member is away: when it comes it says what is true then. */
  get waits(): boolean {
    return this.#now.online && this.#told !== this.#now;
  }

  /** True when the others are to be told now, of this or of what has waited. */
  change(nowUs: number, config: SuperPeerConfig, change: Partial<MemberState>): boolean {
    this.#now = { ...this.#now, ...change };
    const differs =
      this.#told.incarnation !== this.#now.incarnation ||
      !isDeepStrictEqual(viewOf(this.#told, config, true), viewOf(this.#now, config, true));
    if (differs && !this.#allowance.take(nowUs)) return false;
    this.#told = this.#now;
    return differs;
  }

  /** That it is gone makes nobody send anything. */
  left(): void {
    this.#now = { ...this.#now, online: false };
    this.#told = { ...this.#told, online: false };
  }

  /** @param lan the receiver is to know addresses within LANs */
  view(config: SuperPeerConfig, lan: boolean): Told {
    return viewOf(this.#told, config, lan);
  }
}

/** Where a member says that it is, as far as it is kept. */
export function placesOf({ endpoints, observed }: ToldPlaces): Partial<MemberState> {
  return { local: endpoints.slice(0, MAX_LOCAL), observedElsewhere: observed };
}

/** The supernode's file wins, but nobody is made to relay: an edge whose own file says "never" drops what it is sent. */
export function relayOf(state: MemberState, config: SuperPeerConfig): Member["relay"] {
  return state.relay === "never" ? "never" : (config.relay ?? state.relay);
}

/** What it costs to go through a member, µs. */
export function costUsOf(state: MemberState, config: SuperPeerConfig): number {
  return config.additionalCost === null ? state.costUs : Math.round(config.additionalCost * 1000);
}

/** `externalIp`: the supernode shares a NAT with this member and sees an inner address of it. */
export function seenFromOutside({ observed }: MemberState, config: SuperPeerConfig): string | undefined {
  if (observed === undefined) return undefined;
  const address = parseAddress(observed);
  const bytes = config.externalIp === null ? undefined : parseHost(config.externalIp);
  if (address === undefined || bytes === undefined) return observed;
  return addressKey({ family: bytes.length === 4 ? 4 : 6, bytes, port: address.port });
}

function viewOf(state: MemberState, config: SuperPeerConfig, lan: boolean): Told {
  const { observedElsewhere, local, online } = state;
  const endpoints: Told["endpoints"][number][] = [];
  if (config.endPoint !== null && isConfiguredTold(config, lan)) {
    endpoints.push({ address: config.endPoint, source: "configured" });
  }
  const seen = seenFromOutside(state, config);
  if (seen !== undefined) endpoints.push({ address: seen, source: "observed" });
  const withLan = lan && !config.skipLocalIp;
  // A supernode within the member's LAN sees it there.
  const useful = observedElsewhere !== undefined && (withLan || !isWithinLan(observedElsewhere));
  if (useful && observedElsewhere !== seen)
    endpoints.push({ address: observedElsewhere, source: "observed" });
  if (withLan) {
    for (const address of local) {
      if (address !== seen && address !== observedElsewhere) endpoints.push({ address, source: "local" });
    }
  }
  return { endpoints, online, relay: relayOf(state, config), additionalCostUs: costUsOf(state, config) };
}

/**
 * Whether the file's `endPoint` is for others, too. One within a LAN is for the supernode alone where the file says that
 * others need another address, or that LAN addresses are nobody's business. What a name stands for is not known here.
 */
export function isConfiguredTold(config: SuperPeerConfig, lan: boolean): boolean {
  const { endPoint, externalIp, skipLocalIp } = config;
  const address = endPoint === null ? undefined : parseAddress(endPoint);
  const isForAll = externalIp === null && !skipLocalIp && lan;
  return address === undefined || isForAll || !isPrivate(address);
}

function isWithinLan(endpoint: string): boolean {
  const address = parseAddress(endpoint);
  return address === undefined || isPrivate(address);
}

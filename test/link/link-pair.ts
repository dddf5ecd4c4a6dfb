/** Two links facing each other in virtual time, over a network with delay, loss, moving addresses. */
import { LinkCore } from "../../src/link/link-core.ts";
import type { LinkOptions } from "../../src/link/link-core.ts";
import type { LinkAction, LinkEvent } from "../../src/link/link-events.ts";
import type { ClockExchange } from "../../src/link/mesh-clock.ts";
import { UnprovenBudget } from "../../src/link/unproven-budget.ts";
import { decodeProbe, PROBE_REPLY_WANTED, stampProbeSent } from "../../src/wire/probe.ts";
import type { Probe } from "../../src/wire/probe.ts";

export const MS = 1000;
export const SECOND = 1_000_000;

/** A small deterministic generator (xorshift32). */
export function seeded(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

export interface SeenProbe {
  atUs: number;
  from: string;
  to: string;
  probe: Probe;
}

export class Side {
  readonly link: LinkCore;
  /** Where its datagrams come from, as the world sees it. */
  address: string;
  /** Own mesh clock minus true time. */
  offsetUs = 0;
  /** True: datagrams sent by this side vanish. */
  cut = false;
  loss = 0;
  delayUs: number;
  /** Its address on a network that both sides are on, besides the first. */
  lan: string | undefined;
  lanDelayUs = 300;
  /** Behind a NAT: only those get in to whom something was sent in the last 30 s. Maps them to when. */
  pinholes: Map<string, number> | undefined;
  /** Random addition to every delay, at most this, µs. */
  jitterUs = 0;
  /** Probes that came and that nobody has looked at yet. */
  readonly unread: (() => void)[] = [];
  readonly states: { atUs: number; up: boolean }[] = [];
  readonly exchanges: (ClockExchange & { atUs: number })[] = [];
  readonly endpoints: { atUs: number; address: string; proven: boolean }[] = [];
  readonly sent: SeenProbe[] = [];
  unsent = 0;
  unreceived = 0;

  constructor(link: LinkCore, address: string, delayUs: number) {
    this.link = link;
    this.address = address;
    this.delayUs = delayUs;
  }
}

export class LinkPair {
  nowUs = 0;
  /** Probes over a link that is up, and that want no answer, are looked at so much later at most, as the worker does. */
  lazyUs = 0;
  readonly random: () => number;
  readonly a: Side;
  readonly b: Side;
  #queue: { atUs: number; run: () => void }[] = [];

  constructor(
    seed = 1,
    delayUs: number = 10 * MS,
    options: Partial<LinkOptions> = {},
    optionsB: Partial<LinkOptions> = options,
  ) {
    this.random = seeded(seed);
    this.a = new Side(makeLink(1, 2, this.random(), options), "192.0.2.1:1000", delayUs);
    this.b = new Side(makeLink(2, 1, this.random(), optionsB), "192.0.2.2:1000", delayUs);
  }

  /** Both have a session; A was told where B is. */
  start(): void {
    this.tell(this.a, { type: "start" });
    this.tell(this.b, { type: "start" });
    this.tell(this.a, { type: "endpoint", address: this.b.address, source: "configured" });
    this.tell(this.a, { type: "session", up: true });
    this.tell(this.b, { type: "session", up: true });
  }

  tell(side: Side, event: LinkEvent): LinkAction[] {
    const actions = side.link.handle(this.nowUs, event, this.random);
    for (const action of actions) this.#perform(side, action);
    return actions;
  }

  traffic(side: Side, carried: boolean): void {
    this.tell(side, { type: "traffic", carried, sentCount: side.unsent, receivedCount: side.unreceived });
    side.unsent = side.unreceived = 0;
  }

  /** A frame: counted, and known to the other side by its source address if that is new. Delivered = true. */
  frame(from: Side, delivered: (ok: boolean) => void = () => {}): void {
    const to = this.other(from);
    const endpoint = from.link.endpoint;
    from.unsent++;
    this.traffic(from, true);
    const way = this.#way(from, endpoint);
    if (way === undefined) {
      delivered(false);
      return;
    }
    const { source } = way;
    this.at(this.nowUs + way.delayUs, () => {
      to.unreceived++;
      if (to.link.endpoint !== source) this.tell(to, { type: "authentic", from: source });
      delivered(true);
    });
  }

  at(atUs: number, run: () => void): void {
    this.#queue.push({ atUs, run });
  }

  other(side: Side): Side {
    return side === this.a ? this.b : this.a;
  }

  /** Let time pass. */
  run(durationUs: number): void {
    const endUs = this.nowUs + durationUs;
    for (;;) {
      this.#queue.sort((x, y) => x.atUs - y.atUs);
      const dueA = this.a.link.nextDeadline();
      const dueB = this.b.link.nextDeadline();
      const next = Math.min(this.#queue[0]?.atUs ?? Infinity, dueA, dueB);
      if (next > endUs) break;
      this.nowUs = Math.max(this.nowUs, next);
      if (this.#queue[0] && this.#queue[0].atUs <= this.nowUs) this.#queue.shift()?.run();
      else this.#tick(dueA <= this.nowUs ? this.a : this.b);
    }
    this.nowUs = endUs;
  }

  #tick(side: Side): void {
    this.#catchUp(side);
    this.tell(side, { type: "tick" });
  }

  #catchUp(side: Side): void {
    for (const look of side.unread.splice(0)) look();
  }

  /** What becomes of a datagram: how it arrives, or undefined when it does not. */
  #way(from: Side, to: string | undefined): { source: string; delayUs: number } | undefined {
    const other = this.other(from);
    if (to === undefined) return undefined;
    from.pinholes?.set(to, this.nowUs);
    const local = to === other.lan && from.lan !== undefined;
    if (!local && to !== other.address) return undefined;
    if (from.cut || this.random() / 2 ** 32 < from.loss) return undefined;
    const source = local ? (from.lan ?? from.address) : from.address;
    const opened = other.pinholes?.get(source) ?? -Infinity;
    if (!local && other.pinholes && this.nowUs - opened > 30 * SECOND) return undefined;
    const jitterUs = from.jitterUs === 0 ? 0 : (from.jitterUs * this.random()) / 2 ** 32;
    return { source, delayUs: (local ? from.lanDelayUs : from.delayUs) + jitterUs };
  }

  #perform(side: Side, action: LinkAction): void {
    if (action.type === "state") side.states.push({ atUs: this.nowUs, up: action.up });
    if (action.type === "endpoint") {
      side.endpoints.push({ atUs: this.nowUs, address: action.address, proven: action.proven });
    }
    if (action.type === "exchange") {
      const { departureUs, remoteArrivalUs, remoteDepartureUs, arrivalUs, remoteEpoch } = action;
      const stamps = { departureUs, remoteArrivalUs, remoteDepartureUs, arrivalUs, remoteEpoch };
      side.exchanges.push({ ...stamps, atUs: this.nowUs });
    }
    if (action.type !== "probe") return;
    const to = action.to ?? side.link.endpoint ?? "nowhere";
    const probe = decodeProbe(action.payload);
    if (!probe) throw new Error("a link sent something that is no probe");
    side.sent.push({ atUs: this.nowUs, from: side.address, to, probe });
    side.unsent++;
    stampProbeSent(action.payload, 0, this.nowUs + side.offsetUs);
    const other = this.other(side);
    const way = this.#way(side, to);
    if (way === undefined) return;
    const bytes = action.payload.slice();
    const from = way.source;
    this.at(this.nowUs + way.delayUs, () => {
      if (to !== other.address && to !== other.lan) return;
      other.unreceived++;
      this.traffic(other, false);
      const [cameUs, arrivalUs] = [this.nowUs, this.nowUs + other.offsetUs];
      other.unread.push(() => this.tell(other, { type: "probe", from, bytes, arrivalUs, cameUs }));
      const isPatient = other.link.up && (probe.flags & PROBE_REPLY_WANTED) === 0;
      if (this.lazyUs === 0 || !isPatient) return this.#catchUp(other);
      this.at(this.nowUs + (this.lazyUs * this.random()) / 2 ** 32, () => this.#catchUp(other));
    });
  }
}

export function makeLink(
  local: number,
  remote: number,
  epoch: number,
  options: Partial<LinkOptions> = {},
): LinkCore {
  return new LinkCore({
    localNodeId: local,
    remoteNodeId: remote,
    epoch,
    staticEndpoint: false,
    allowLoopback: false,
    refused: () => false,
    budget: new UnprovenBudget(),
    ...options,
  });
}

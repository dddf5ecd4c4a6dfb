/** The links of one host, each a real {@link LinkCore}: what dataplane/links.ts does, on virtual time. */
import { linkSample } from "../../src/dataplane/link-reports.ts";
import { LinkCore } from "../../src/link/link-core.ts";
import type { LinkAction, LinkEvent } from "../../src/link/link-events.ts";
import type { ClockExchange } from "../../src/link/mesh-clock.ts";
import { LINK_TUNING } from "../../src/link/tuning.ts";
import { UnprovenBudget } from "../../src/link/unproven-budget.ts";
import type { LinkSample } from "../../src/routing/reporter.ts";
import { PROBE_REPLY_WANTED, stampProbeSent } from "../../src/wire/probe.ts";
import type { Activity } from "../../src/dataplane/activity.ts";

/** What links need of the host they belong to. */
export interface LinkHost {
  readonly nodeId: number;
  readonly activity: Activity;
  readonly clock: { readonly epoch: number; rawUs(): number; meshUs(): number };
  readonly bits32: () => number;
  sendProbe(to: number, bytes: Uint8Array): void;
  onLink(peer: number, up: boolean): void;
  onExchange(exchange: Readonly<ClockExchange>): void;
}

interface Neighbour {
  peer: number;
  core: LinkCore;
  sent: number;
  received: number;
  unansweredAtMs: number;
  dueUs: number;
}

const UNANSWERED_MS = LINK_TUNING.unansweredUs / 1000;
const IDLE_PROBES_PER_SECOND = 50;
const PACKET_MTU = 1500;

export class FineLinks {
  readonly #host: LinkHost;
  readonly #neighbours = new Map<number, Neighbour>();
  readonly #budget = new UnprovenBudget();

  constructor(host: LinkHost, peers: readonly number[], clockParent: number | undefined) {
    this.#host = host;
    for (const peer of peers) this.#add(peer, peer === clockParent);
    const share = (peers.length / IDLE_PROBES_PER_SECOND) * 1e6;
    for (const { core } of this.#neighbours.values()) core.idleIntervalUs = Math.max(1e6, share);
  }

  /** Sessions are there, addresses are told. */
  start(): void {
    for (const entry of this.#neighbours.values()) {
      this.#feed(entry, { type: "start" });
      this.#feed(entry, { type: "endpoint", address: addressOf(entry.peer), source: "configured" });
      this.#feed(entry, { type: "session", up: true });
    }
  }

  sent(peer: number): void {
    const entry = this.#neighbours.get(peer);
    if (entry) entry.sent++;
  }

  received(peer: number): void {
    const entry = this.#neighbours.get(peer);
    if (entry) entry.received++;
  }

  /** A probe arrived now. */
  probe(peer: number, bytes: Uint8Array): void {
    const entry = this.#neighbours.get(peer);
    if (!entry) return;
    entry.received++;
    this.#traffic(entry);
    this.#feed(entry, { type: "probe", from: addressOf(peer), bytes, arrivalUs: this.#host.clock.meshUs() });
  }

  tick(): void {
    const { activity, clock } = this.#host;
    const nowUs = clock.rawUs();
    const nowMs = nowUs / 1000;
    for (const entry of this.#neighbours.values()) {
      const since = activity.unanswered[entry.peer] ?? 0;
      const unanswered =
        since !== 0 && nowMs - since > UNANSWERED_MS && nowMs - entry.unansweredAtMs > UNANSWERED_MS;
      if (!unanswered && entry.dueUs > nowUs && activity.carried[entry.peer] === 0) continue;
      this.#traffic(entry);
      if (unanswered) {
        entry.unansweredAtMs = nowMs;
        this.#feed(entry, { type: "unanswered", sinceUs: since * 1000 });
      }
      if (entry.dueUs <= nowUs) this.#feed(entry, { type: "tick" });
    }
  }

  beginEpoch(): void {
    const { epoch } = this.#host.clock;
    for (const entry of this.#neighbours.values()) this.#feed(entry, { type: "epoch", epoch });
  }

  samples(): LinkSample[] {
    const nowUs = this.#host.clock.rawUs();
    return [...this.#neighbours.values()].map(({ core }) =>
      linkSample(core.snapshot(nowUs), PACKET_MTU, false),
    );
  }

  #add(peer: number, clockParent: boolean): void {
    const core = new LinkCore({
      localNodeId: this.#host.nodeId,
      remoteNodeId: peer,
      epoch: this.#host.clock.epoch,
      budget: this.#budget,
      staticEndpoint: false,
      clockParent,
      allowLoopback: false,
      refused: () => false,
    });
    this.#neighbours.set(peer, {
      peer,
      core,
      sent: 0,
      received: 0,
      unansweredAtMs: -Infinity,
      dueUs: Infinity,
    });
  }

  #traffic(entry: Neighbour): void {
    const { carried } = this.#host.activity;
    const event: LinkEvent = {
      type: "traffic",
      carried: carried[entry.peer] === 1,
      sentCount: entry.sent,
      receivedCount: entry.received,
    };
    carried[entry.peer] = entry.sent = entry.received = 0;
    if (event.carried || event.sentCount > 0 || event.receivedCount > 0) this.#feed(entry, event);
  }

  #feed(entry: Neighbour, event: LinkEvent): void {
    const { clock, bits32 } = this.#host;
    for (const action of entry.core.handle(clock.rawUs(), event, bits32)) this.#act(entry, action);
    entry.dueUs = entry.core.nextDeadline();
  }

  #act(entry: Neighbour, action: LinkAction): void {
    const host = this.#host;
    switch (action.type) {
      case "probe": {
        const { payload, to } = action;
        stampProbeSent(payload, 0, host.clock.meshUs());
        entry.sent++;
        const asks = to === null && ((payload[0] ?? 0) & PROBE_REPLY_WANTED) !== 0;
        host.activity.sent(entry.peer, host.clock.rawUs() / 1000, asks);
        host.sendProbe(entry.peer, payload.slice());
        return;
      }
      case "state":
        return host.onLink(entry.peer, action.up);
      case "exchange":
        return host.onExchange(action);
      case "endpoint":
      case "sample":
        return;
    }
  }
}

/** Every host has one address. */
function addressOf(nodeId: number): string {
  return `198.18.${nodeId >> 8}.${nodeId & 255}:3001`;
}

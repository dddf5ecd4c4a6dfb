/** What a link is told, and what it wants done. Times in µs. */
import type { CandidateSnapshot } from "./candidates.ts";
import type { MeasuredDelays } from "./measures.ts";
import type { ClockExchange } from "./mesh-clock.ts";

/** An authentic probe arrived directly. */
export interface ProbeEvent {
  type: "probe";
  /** An address key (canonical text). */
  from: string;
  bytes: Uint8Array;
  /** By the mesh clock. */
  arrivalUs: number;
  /** By the timers' clock, where it is told later than it came. */
  cameUs?: number;
}

export type LinkEvent =
  /** The first event. */
  | { type: "start" }
  /** The operator or a name lookup says where the peer is. */
  | { type: "endpoint"; address: string; source: "configured" | "set" }
  /** The supernode says where the peer may be. Such addresses are tried, and used when proven. */
  | { type: "candidate"; address: string; source: "told" }
  /** Addresses told so are told no longer, except those in `keep`. */
  | { type: "forget-candidates"; keep?: readonly string[] }
  /** There is (not) a session that can seal probes. A rekey is no change. */
  | { type: "session"; up: boolean }
  | ProbeEvent
  /** Another authentic record arrived from an address that is not the endpoint. At most one a second, please. */
  | { type: "authentic"; from: string }
  /**
   * Direct datagrams on this link since the last such event, probes included; `carried`: a frame was among them.
   * Send it right before a probe or tick event and the loss figures are exact.
   */
  | { type: "traffic"; carried: boolean; sentCount: number; receivedCount: number }
  /** Something was sent at `sinceUs` and nothing authentic has been heard since. */
  | { type: "unanswered"; sinceUs: number }
  /** The mesh clock began a new epoch (start offset set, machine was suspended). */
  | { type: "epoch"; epoch: number }
  /**
   * {@link LinkCore.nextDeadline} has passed. Hand in all received probes first; `unreadUs`: what has come within the last
   * so many µs is not among them, so nobody is found dead for want of it. A scheduled probe that is due within `aheadUs`
   * may leave now.
   */
  | { type: "tick"; unreadUs?: number; aheadUs?: number };

export type LinkAction =
  /**
   * Seal and send directly, to `to` or (null) to the endpoint. Stamp the departure (mesh clock) into this very
   * array with stampProbeSent right before sealing; the link reads it from there. It is used again after the next event.
   */
  | { type: "probe"; to: string | null; payload: Uint8Array }
  /** The endpoint is now this. `proven` is false only for one that was told. */
  | { type: "endpoint"; address: string; proven: boolean }
  /** The link may (not) be used for sending. */
  | { type: "state"; up: boolean }
  /**
   * Only with the clock parent: a two-way exchange is complete. Own stamps are mesh clock of the present epoch.
   * Always the last action, because it may begin a new one.
   */
  | ({ type: "exchange" } & ClockExchange)
  /** {@link LinkCore.snapshot} has news; at most once a second. */
  | { type: "sample" };

/** What `status` and routing reports show of a link. */
export interface LinkSnapshot extends MeasuredDelays {
  localNodeId: number;
  remoteNodeId: number;
  state: "up" | "down";
  /** Since when that state holds. */
  since: number;
  deaths: number;
  active: boolean;
  endpoint: string | undefined;
  endpointProven: boolean;
  candidates: CandidateSnapshot[];
  lastHeardUs: number | undefined;
  /** Probes of the peer's active path arrive: the direction peer → here works. */
  receiving: boolean;
  /** Nothing sent to the peer directly is answered, although this end has tried. */
  sendDead: boolean;
  localEpoch: number;
  remoteEpoch: number | undefined;
}

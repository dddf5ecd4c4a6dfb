/** What a link is told, and what it wants done. Times in µs. */
import type { CandidateSnapshot } from "./candidates.ts";

export type LinkEvent =
  /** The first event. */
  | { type: "start" }
  /** The operator or a name lookup says where the peer is. */
  | { type: "endpoint"; address: string; source: "configured" | "set" }
  /** There is (not) a session that can seal probes. A rekey is no change. */
  | { type: "session"; up: boolean }
  /** An authentic probe arrived directly; `from` is an address key (canonical text), `arrivalUs` is mesh clock. */
  | { type: "probe"; from: string; bytes: Uint8Array; arrivalUs: number }
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
  /** {@link LinkCore.nextDeadline} has passed. Hand in all received probes first. */
  | { type: "tick" };

export type LinkAction =
  /**
   * Seal and send directly, to `to` or (null) to the endpoint. Stamp the departure (mesh clock) into this very
   * array with stampProbeSent right before sealing; the link reads it from there.
   */
  | { type: "probe"; to: string | null; payload: Uint8Array }
  /** The endpoint is now this. `proven` is false only for one that was told. */
  | { type: "endpoint"; address: string; proven: boolean }
  /** The link may (not) be used for sending. */
  | { type: "state"; up: boolean }
  /** {@link LinkCore.snapshot} has news; at most once a second. */
  | { type: "sample" };

/** What `status` shows of a link. Delays in µs, losses 0..1; undefined = not known yet. */
export interface LinkSnapshot {
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
  /** Working delay peer → here, measured here; contains the clock offset, may be negative. */
  owdIn: number | undefined;
  owdInBase: number | undefined;
  /** Here → peer, measured there and reported back. */
  owdOut: number | undefined;
  owdOutBase: number | undefined;
  rtt: number | undefined;
  rttMin: number | undefined;
  /** Mean deviation of the incoming delay. */
  jitter: number;
  jitterP95: number;
  lossIn: number | undefined;
  lossOut: number | undefined;
  lastHeardUs: number | undefined;
  localEpoch: number;
  remoteEpoch: number | undefined;
}

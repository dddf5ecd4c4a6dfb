/** A node as its sockets see it (status, UAPI, signals), whatever mode it runs in. */
import type { EdgeConfig, PeerConfig } from "../config/edge-config.ts";
import type { NodeQuestion, StatusDocument } from "../api/status-model.ts";
import type { FromWorker } from "../dataplane/messages.ts";
import type { RouteEntry } from "../dataplane/members.ts";
import type { NodeCore } from "./node-core.ts";
import type { Peer } from "./peer.ts";

export interface RunningNode {
  readonly mode: StatusDocument["mode"];
  readonly core: NodeCore;
  /** The own row of the next-hop table. */
  readonly routes: RouteEntry[];
  /** Opens ports and sockets. @throws EtherloomError */
  start(): Promise<Extract<FromWorker, { type: "ready" }>>;
  stop(): Promise<void>;
  /** What the file says of the peer with this key, whether it was removed meanwhile or not. */
  configuredPeer(publicKey: Uint8Array): PeerConfig | undefined;
  /** Adds a configured peer again. */
  addPeer(config: PeerConfig): Peer;
  /** Answers `why` and `trace`: WhyAnswer, TraceAnswer or QuestionRefused. */
  answer(question: NodeQuestion): Promise<unknown>;
  /** What the mode adds to the status document. */
  extendStatus?(document: StatusDocument): void;
}

/** An edge, which can take over a file that was read again. */
export interface RunningEdge extends RunningNode {
  /** Returns what changed, a line each. */
  reload(config: EdgeConfig): string[];
}

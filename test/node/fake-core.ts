import type { PeerConfig } from "../../src/config/edge-config.ts";
import type { ToWorker } from "../../src/dataplane/messages.ts";
import type { PeerOptions } from "../../src/node/node-core.ts";
import { type Peer, PeerTable } from "../../src/node/peer.ts";
import type { SessionCore } from "../../src/noise/session-core.ts";

/** A node's core without data plane and sessions: it remembers what it was asked to do. */
export class FakeCore {
  readonly config: { nodeId: number; nodeName: string } = { nodeId: 1, nodeName: "own" };
  readonly peers: PeerTable = new PeerTable();
  readonly posted: ToWorker[] = [];
  /** What was done, a line each. */
  readonly done: string[] = [];
  readonly up: Set<number> = new Set();
  /** Peers of which a handshake is going on. */
  readonly handshaking: Set<number> = new Set();
  readonly plane = { post: (message: ToWorker): void => void this.posted.push(message) };
  readonly log = {
    info: (): void => undefined,
    warn: (_: unknown, text: string): void => void this.done.push(`warn ${text}`),
  };
  readonly sessions = {
    open: (peer: Peer): void => {
      this.handshaking.add(peer.nodeId);
      this.done.push(`open ${peer.nodeId}`);
    },
    close: (peer: Peer): void => {
      this.handshaking.delete(peer.nodeId);
      this.done.push(`close ${peer.nodeId}`);
    },
    setPsk: (peer: Peer, psk: Uint8Array | null): void => {
      peer.psk = psk;
      this.done.push(`psk ${peer.nodeId}`);
    },
  };

  /** What was done since the last call. */
  take(): string[] {
    return this.done.splice(0);
  }

  addPeer(config: PeerConfig, options: PeerOptions): Peer {
    const { handshaking } = this;
    const { nodeId, name, pubKey, psKey, endPoint, persistentKeepalive } = config;
    const core = {
      get handshaking(): boolean {
        return handshaking.has(nodeId);
      },
    } as SessionCore;
    const peer: Peer = {
      ...{ nodeId, name, publicKey: pubKey, psk: psKey, endPoint, persistentKeepalive, core },
      ...{ keySource: options.keySource, link: options.neighbour ? 0 : -1, endpoint: null, aead: 0 },
      ...{ handshakeAtMs: 0, handshakes: 0, wantedAtMs: 0, opened: false },
    };
    this.peers.add(peer);
    this.done.push(`add ${nodeId} key ${pubKey[0]}`);
    return peer;
  }

  removePeer(peer: Peer): void {
    this.peers.remove(peer);
    this.done.push(`remove ${peer.nodeId} key ${peer.publicKey[0]}`);
  }

  setEndPointName(peer: Peer, endPoint: string | null): void {
    peer.endPoint = endPoint;
    this.done.push(`endPoint ${peer.nodeId} ${endPoint}`);
  }

  isLinkUp(nodeId: number): boolean {
    return this.up.has(nodeId);
  }
}

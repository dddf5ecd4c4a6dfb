/**
 * `persistentKeepalive`: something leaves for a peer at least this often, so that a NAT on the way keeps its mapping
 * (WireGuard paper, section 6.5). Neighbours are probed more often than that anyway; this serves the patient intervals
 * of large meshes and peers behind relays, and opens a session with a peer that has none.
 */
import type { Peer, PeerTable } from "./peer.ts";

const CHECK_MS = 1000;

export class Keepalives {
  readonly #timer: NodeJS.Timeout;
  readonly #nextMs: Map<Peer, number> = new Map();

  /** `now` in ms; `send` opens the session if need be and sends an empty record. */
  constructor(peers: PeerTable, now: () => number, send: (peer: Peer) => void) {
    this.#timer = setInterval(() => this.check(peers, now(), send), CHECK_MS);
    this.#timer.unref();
  }

  /** What the timer does once a second. */
  check(peers: PeerTable, nowMs: number, send: (peer: Peer) => void): void {
    for (const peer of this.#nextMs.keys()) if (peers.byNode(peer.nodeId) !== peer) this.#nextMs.delete(peer);
    for (const peer of peers) {
      if (peer.persistentKeepalive === 0) {
        this.#nextMs.delete(peer);
        continue;
      }
      const interval = peer.persistentKeepalive * 1000;
      // An interval that was shortened meanwhile counts from now.
      const next = Math.min(this.#nextMs.get(peer) ?? nowMs, nowMs + interval);
      if (nowMs >= next) send(peer);
      this.#nextMs.set(peer, nowMs >= next ? nowMs + interval : next);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** A device with peers and nothing behind them. */
import type { DeviceChange, DeviceSnapshot, PeerSnapshot } from "../../src/api/uapi-codec.ts";
import type { UapiDevice } from "../../src/api/uapi-server.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class FakeDevice implements UapiDevice {
  readonly privateKey: Uint8Array;
  listenPort = 3001;
  fwmark = 0;
  peers: Mutable<PeerSnapshot>[] = [];
  readonly applied: DeviceChange[][] = [];
  /** Delay of apply, to see requests queue up. */
  applyMs = 0;
  running = 0;
  mostRunning = 0;

  constructor(privateKey: Uint8Array) {
    this.privateKey = privateKey;
  }

  snapshot(): DeviceSnapshot {
    return {
      privateKey: this.privateKey,
      listenPort: this.listenPort,
      fwmark: this.fwmark,
      peers: this.peers,
    };
  }

  async apply(changes: DeviceChange[]): Promise<number> {
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    await new Promise((resolve) => setTimeout(resolve, this.applyMs));
    this.running--;
    for (const change of changes) {
      if (change.kind === "privateKey" && !same(change.privateKey, this.privateKey)) return -95;
    }
    this.applied.push(changes);
    for (const change of changes) this.#applyOne(change);
    return 0;
  }

  #applyOne(change: DeviceChange): void {
    if (change.kind === "listenPort") this.listenPort = change.listenPort;
    else if (change.kind === "fwmark") this.fwmark = change.fwmark;
    else if (change.kind === "replacePeers") this.peers = [];
    else if (change.kind === "peer") {
      let peer = this.peers.find(({ publicKey }) => same(publicKey, change.publicKey));
      if (change.remove) {
        this.peers = this.peers.filter((other) => other !== peer);
        return;
      }
      if (peer === undefined) {
        if (change.updateOnly) return;
        peer = makePeer(change.publicKey);
        this.peers.push(peer);
      }
      if (change.presharedKey) {
        peer.presharedKey = change.presharedKey.every((byte) => byte === 0) ? null : change.presharedKey;
      }
      if (change.endpoint !== undefined) peer.endpoint = change.endpoint;
      if (change.persistentKeepalive !== undefined) peer.persistentKeepalive = change.persistentKeepalive;
    }
  }
}

export function makePeer(publicKey: Uint8Array): Mutable<PeerSnapshot> {
  return {
    publicKey,
    presharedKey: null,
    endpoint: null,
    lastHandshakeMs: 0,
    txBytes: 0,
    rxBytes: 0,
    persistentKeepalive: 0,
  };
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

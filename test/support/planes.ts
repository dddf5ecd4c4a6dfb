// The data plane of a node without ports, run in the test's own thread on a loopback socket: what a relay is. The test
// plays its neighbours, whose keys it knows.

import { randomBytes, randomInt } from "node:crypto";
import { BACKLOG_BYTES } from "../../src/dataplane/messages.ts";
import type { FromWorker, ToWorker, WorkerSetup, WorkerStatus } from "../../src/dataplane/messages.ts";
import { DataPlane } from "../../src/dataplane/data-plane.ts";
import { addon, packed } from "./engines.ts";

export interface Neighbour {
  /** the plane's receiver index, and the one that it sends to */
  index: number;
  remoteIndex: number;
  /** key of what the neighbour sends, and of what it gets */
  toPlane: Buffer;
  fromPlane: Buffer;
}

export class LoopbackPlane {
  readonly posts: FromWorker[] = [];
  readonly address: Uint8Array;
  readonly port: number;
  readonly #plane: DataPlane;

  constructor(nodeId: number, setup: Partial<WorkerSetup>) {
    this.#plane = new DataPlane(
      addon,
      {
        ownNodeId: nodeId,
        mac1Key: randomBytes(32),
        defaultTtl: 200,
        relay: "auto",
        fibTimeoutMs: 300_000,
        allowLoopback: true,
        realtime: false,
        overlayPrefixes: [],
        epoch: randomInt(2 ** 32 - 1),
        port: {
          kind: "dummy",
          name: "none",
          mtu: 1350,
          mac: Uint8Array.of(2, 0, 0, 0, 0, nodeId),
          addresses: [],
        },
        udp: { port: 0, ipv4: Uint8Array.of(127, 0, 0, 1), ipv6: null, mark: 0, gso: true, gro: true },
        routes: [],
        floodSet: [],
        members: [],
        neighbours: [],
        clockParent: null,
        directFallback: false,
        backlog: new SharedArrayBuffer(BACKLOG_BYTES),
        ...setup,
      },
      (message) => this.posts.push(message),
    );
    const ready = this.posts[0];
    this.port = ready?.type === "ready" ? ready.udp.port : 0;
    this.address = packed(`127.0.0.1:${this.port}`);
  }

  handle(message: ToWorker): void {
    this.#plane.handle(message);
  }

  /** A session with a neighbour that is at `endpoint`. */
  join(nodeId: number, endpoint: Uint8Array): Neighbour {
    const neighbour = {
      index: randomInt(1, 2 ** 32 - 1),
      remoteIndex: randomInt(1, 2 ** 32 - 1),
      toPlane: randomBytes(32),
      fromPlane: randomBytes(32),
    };
    const { index: localIndex, remoteIndex, toPlane: receiveKey, fromPlane: sendKey } = neighbour;
    this.#plane.handle({ type: "endpoint", nodeId, address: endpoint, source: "configured" });
    this.#plane.handle({ type: "install", nodeId, localIndex, remoteIndex, aead: 1, sendKey, receiveKey });
    this.#plane.handle({ type: "use", localIndex, announce: false });
    return neighbour;
  }

  status(): WorkerStatus {
    this.#plane.handle({ type: "status", id: 1, fib: false });
    const answer = this.posts.pop();
    if (answer?.type !== "status") throw new Error("no status");
    return answer.status;
  }

  /** A counter or drop by name. */
  count(name: string): number {
    const { counters, drops } = this.status();
    return counters[name] ?? drops[name] ?? NaN;
  }

  taken<T extends FromWorker["type"]>(type: T): Extract<FromWorker, { type: T }>[] {
    return this.posts.filter((post): post is Extract<FromWorker, { type: T }> => post.type === type);
  }

  close(): void {
    this.#plane.close();
  }
}

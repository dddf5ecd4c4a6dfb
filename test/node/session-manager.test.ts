import assert from "node:assert/strict";
import { mock } from "node:test";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { FromWorker, ToWorker } from "../../src/dataplane/messages.ts";
import { type Peer, PeerTable } from "../../src/node/peer.ts";
import type { PlaneClient } from "../../src/node/plane-client.ts";
import { SessionManager } from "../../src/node/session-manager.ts";
import { TimestampSource } from "../../src/noise/timestamp.ts";
import { PACKED_ADDRESS_BYTES } from "../../src/wire/address.ts";
import { AEAD_AES_256_GCM } from "../../src/wire/handshake.ts";
import { keyPair, mac, NETWORK_TAG } from "../noise/fixtures.ts";

const STEP_MS = 50;
const LATEST_REKEY_MS = 150_000;

let nowMs = 0;

/** Lets time pass in which nothing is delivered. */
function pass(ms: number): void {
  for (let left = ms; left > 0; left -= STEP_MS) {
    nowMs += STEP_MS;
    mock.timers.tick(STEP_MS);
  }
}

/** One node with one peer behind a relay. */
class Side {
  readonly posted: ToWorker[] = [];
  readonly manager: SessionManager;
  readonly peer: Peer;

  constructor(name: string, nodeId: number, otherName: string, otherId: number) {
    const keys = keyPair(name);
    const peers = new PeerTable();
    this.manager = new SessionManager({
      ...{ keys, publicKey: keys.publicKey.bytes, nodeId, networkTag: NETWORK_TAG, mac, peers },
      ...{ aeadBits: AEAD_AES_256_GCM, timers: {}, timestamps: new TimestampSource() },
      now: () => nowMs,
      plane: { post: (message: ToWorker) => void this.posted.push(message) } as unknown as PlaneClient,
      onStranger: () => assert.fail("a stranger"),
      onEstablished: () => undefined,
    });
    const publicKey = keyPair(otherName).publicKey.bytes;
    const peer: Peer = {
      ...{ nodeId: otherId, name: otherName, publicKey, keySource: "file", psk: null, endPoint: null },
      ...{ persistentKeepalive: 0, link: -1, endpoint: null, aead: 0, handshakeAtMs: 0, handshakes: 0 },
      ...{ wantedAtMs: 0, opened: false },
      core: this.manager.createCore(otherId, publicKey, null, () => peer),
    };
    peers.add(peer);
    this.peer = peer;
  }

  /** Messages of a kind since the last call, and nothing else is kept. */
  take<Type extends ToWorker["type"]>(type: Type): Extract<ToWorker, { type: Type }>[] {
    return this.posted
      .splice(0)
      .filter((message): message is Extract<ToWorker, { type: Type }> => message.type === type);
  }

  report(more: Partial<Extract<FromWorker, { type: "activity" }>["reports"][0]>): void {
    const report = { nodeId: this.peer.nodeId, lastHeard: 0, unansweredSince: 0, lastFrame: 0 };
    this.manager.activity({
      ...{ type: "activity", nowMs },
      reports: [{ ...report, sentRecords: 1, localIndex: 0, ...more }],
    });
  }
}

describe("sessions with nodes behind relays", () => {
  let a: Side;
  let b: Side;
  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout"] });
    nowMs = 1000;
    a = new Side("a", 1, "b", 2);
    b = new Side("b", 2, "a", 1);
  });
  afterEach(() => {
    for (const side of [a, b]) side.manager.stop();
    mock.timers.reset();
  });

  function deliver(from: Side, to: Side): void {
    for (const message of from.posted.splice(0)) {
      if (message.type !== "handshake" && message.type !== "answer") continue;
      const [datagram, address] = [message.datagram, new Uint8Array(PACKED_ADDRESS_BYTES)];
      to.manager.handshake({ type: "handshake", datagram, address, hop: -1, source: 0 });
    }
  }

  /** a calls b, and both have the session. */
  function meet(): void {
    a.manager.open(a.peer);
    deliver(a, b);
    const installed = b.posted.find((message) => message.type === "install");
    deliver(b, a);
    assert.ok(installed && a.peer.core.established);
    b.manager.confirmed(installed.localIndex);
    assert.ok(b.peer.core.established);
    for (const side of [a, b]) side.posted.length = 0;
  }

  it("outlive their own renewal, however long it takes and whoever wanted them last", () => {
    meet();
    while (!a.peer.core.handshaking && nowMs < LATEST_REKEY_MS) pass(STEP_MS);
    pass(3000);
    assert.ok(a.peer.core.established && a.peer.core.handshaking);
    assert.deepEqual(
      a.posted.filter(({ type }) => type === "remove"),
      [],
    );
    assert.ok(a.posted.filter(({ type }) => type === "handshake").length >= 3);
    a.posted.splice(0, a.posted.length - 1);
    deliver(a, b);
    deliver(b, a);
    assert.ok(!a.peer.core.handshaking);
  });

  it("are given up when nobody wants them and the other end stays away", () => {
    a.manager.open(a.peer);
    pass(32_000);
    assert.ok(!a.peer.core.handshaking);
    a.posted.length = 0;
    pass(30_000);
    assert.deepEqual(a.take("handshake"), []);
  });

  it("are called for at once when the node can be heard again", () => {
    a.manager.open(a.peer);
    pass(19_000);
    a.posted.length = 0;
    // Its next attempt, four to six seconds before the one after it.
    while (a.take("handshake").length === 0 && nowMs < 27_000) pass(STEP_MS);
    a.manager.hope();
    pass(400);
    assert.equal(a.take("handshake").length, 1);
  });

  it("are called for again by who sends frames and gets no answer, also by the end that did not open them", () => {
    meet();
    pass(5000);
    const since = nowMs;
    pass(2000);
    b.report({ unansweredSince: since, lastFrame: since - 100 });
    assert.deepEqual(b.take("handshake"), []);
    b.report({ unansweredSince: since, lastFrame: nowMs });
    assert.equal(b.take("handshake").length, 1);
  });
});

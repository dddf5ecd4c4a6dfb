// What a relay lets pass: a data plane in this process, its neighbours played by the test, which knows their keys and
// can therefore say what no honest node would.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { afterEach, beforeEach, describe, it } from "mocha";
import { encodeControl } from "../../src/wire/control.ts";
import type { WorkerSetup } from "../../src/dataplane/messages.ts";
import { accountedFor } from "../support/accounting.ts";
import { addon, LoopbackEngine, packed } from "../support/engines.ts";
import { LoopbackPlane } from "../support/planes.ts";
import type { Neighbour } from "../support/planes.ts";
import { openTransit, sealRecord, sealTransit, TRANSIT_HEADER } from "../support/records.ts";
import { eventually } from "./harness.ts";

const [A, R, B, Q] = [1, 2, 3, 4];

describe("a relay", () => {
  let a: LoopbackEngine;
  let b: Socket;
  let heard: Buffer[] = [];
  let r: LoopbackPlane;
  let fromA: Neighbour;
  let fromB: Neighbour;
  let counter = 0;

  const start = (setup: Partial<WorkerSetup> = {}): void => {
    r = new LoopbackPlane(R, {
      neighbours: [
        { nodeId: A, link: 0, fixed: true, clockParent: false },
        { nodeId: B, link: 1, fixed: true, clockParent: false },
      ],
      routes: [
        { destination: A, nextHop: A, hops: 1 },
        { destination: B, nextHop: B, hops: 1 },
        { destination: Q, nextHop: B, hops: 2 },
      ],
      floodSet: [A, B, Q],
      members: [A, R, B, Q, 5],
      ...setup,
    });
    fromA = r.join(A, a.address);
    fromB = r.join(B, packed(`127.0.0.1:${b.address().port}`));
  };
  beforeEach(async () => {
    a = new LoopbackEngine(A);
    heard = [];
    b = createSocket("udp4").on("message", (datagram) => heard.push(datagram));
    await new Promise<void>((resolve) => b.bind(0, "127.0.0.1", resolve));
    counter = 1000;
  });
  afterEach(() => {
    const { counters, drops } = r.status();
    assert.equal(accountedFor({ ...counters, ...drops }), counters["datagramsReceived"]);
    for (const one of [a, b, r]) one.close();
  });

  /** A record that only its two ends could open. */
  const sealed = (size = 100): Buffer =>
    sealRecord(
      randomBytes(32),
      { receiver: 7, counter: counter++, kind: 0, dst: B, src: A },
      randomBytes(size),
    );
  const transit = (
    inner: Buffer,
    header: { dst?: number; src?: number; ttl?: number; kind?: number } = {},
  ): Buffer =>
    sealTransit(
      fromA.toPlane,
      { receiver: fromA.index, counter: counter++, kind: inner[0] ?? 0, dst: B, src: A, ttl: 4, ...header },
      inner,
    );
  /** Sends to the relay, and waits until it has judged. */
  const put = async (...datagrams: Buffer[]): Promise<void> => {
    const before = r.count("datagramsReceived");
    for (const datagram of datagrams) a.sendRaw(datagram, r.address);
    await eventually("received", () => r.count("datagramsReceived") >= before + datagrams.length);
  };
  /** What came to B, without the relay's own probes and keepalives (which are addressed to B's index). */
  const arrivals = async (): Promise<Buffer[]> => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const own = (datagram: Buffer): boolean =>
      datagram[0] === 4 && datagram.readUInt32LE(4) === fromB.remoteIndex;
    return heard.splice(0).filter((datagram) => !own(datagram));
  };

  it("passes the sealed record on bit for bit, its own header taken off before the destination", async () => {
    start();
    const inner = sealed();
    await put(transit(inner));
    assert.deepEqual(await arrivals(), [inner]);
    assert.deepEqual([r.count("transitReceived"), r.count("transitForwarded")], [1, 1]);
  });

  it("gives a new header with a smaller TTL for the next relay, and one for a handshake to its end", async () => {
    start();
    const record = sealed();
    await put(transit(record, { dst: Q, ttl: 200 }));
    const [onward] = await arrivals();
    assert.ok(onward);
    // min(ttl - 1, own hops + 2): a table that goes in circles ends soon, whatever the source wrote.
    assert.deepEqual([...(openTransit(fromB.fromPlane, onward) ?? [])].slice(0, 6), [4, 4, 0, Q, 0, A]);
    assert.deepEqual(onward.subarray(TRANSIT_HEADER), record);
    const initiation = randomBytes(192);
    initiation.set([1, 1, 0, 0]);
    await put(transit(initiation, { ttl: 3 }));
    const [handshake] = await arrivals();
    assert.ok(handshake);
    assert.deepEqual([...(openTransit(fromB.fromPlane, handshake) ?? [])].slice(0, 6), [1, 2, 0, B, 0, A]);
    assert.deepEqual(handshake.subarray(TRANSIT_HEADER), initiation);
  });

  it("forwards a transit datagram once, however often it is sent again and from wherever", async () => {
    start();
    const datagram = transit(sealed());
    await put(datagram, datagram, datagram);
    const before = r.count("datagramsReceived");
    b.send(datagram, r.port, "127.0.0.1");
    await eventually("received", () => r.count("datagramsReceived") > before);
    assert.equal((await arrivals()).length, 1);
    assert.equal(r.count("dropReplay"), 3);
  });

  const refused: [string, { dst?: number; src?: number; ttl?: number; kind?: number }, string][] = [
    ["what goes to a node that is no member", { dst: 77 }, "dropTransitRefused"],
    ["what goes to a member that the own table has no way to", { dst: 5 }, "dropTransitNoRoute"],
    ["what comes in the name of a node that is no member", { src: 77 }, "dropTransitSource"],
    ["what comes in the relay's own name", { src: R }, "dropTransitSource"],
    ["what has used up its TTL", { ttl: 1 }, "dropTtl"],
    ["what never had a TTL", { ttl: 0 }, "dropTtl"],
    ["what goes back to where it came from", { dst: A, src: B }, "dropTransitLoop"],
    [
      "a record in transit to the relay itself, which the hop before would have sent bare",
      { dst: R },
      "dropTransitSelf",
    ],
  ];
  for (const [what, header, reason] of refused) {
    it(`drops and counts ${what}`, async () => {
      start();
      await put(transit(sealed(), header));
      assert.deepEqual(await arrivals(), []);
      assert.equal(r.count(reason), 1);
      assert.equal(r.count("transitForwarded"), 0);
    });
  }

  it("forwards nothing when its file says relay: never", async () => {
    start({ relay: "never" });
    await put(transit(sealed()));
    assert.deepEqual(await arrivals(), []);
    assert.equal(r.count("dropTransitRefused"), 1);
  });

  it("lets ten handshakes a second of one neighbour pass, and all of its records", async () => {
    start();
    const initiations = Array.from({ length: 40 }, () => {
      const initiation = randomBytes(192);
      initiation.set([1, 1, 0, 0]);
      return transit(initiation);
    });
    await put(...initiations);
    const passed = r.count("transitForwarded");
    assert.ok(passed >= 1 && passed <= 20, `${passed} passed`);
    assert.equal(r.count("dropTransitHandshakeRate"), 40 - passed);
    await put(...Array.from({ length: 40 }, () => transit(sealed())));
    assert.equal(r.count("transitForwarded"), passed + 40);
  });

  it("does not let a neighbour's control messages flood the main thread, and counts malformed ones", async () => {
    start();
    const control = (payload: Uint8Array): Buffer =>
      sealRecord(
        fromA.toPlane,
        { receiver: fromA.index, counter: counter++, kind: 3, dst: R, src: A },
        payload,
      );
    const whoIs = encodeControl({ type: "who-is", nodeId: Q, hopsLeft: 8 });
    await put(...Array.from({ length: 2000 }, () => control(whoIs)));
    await put(control(Uint8Array.of()), control(Uint8Array.of(2, 0)), control(Uint8Array.of(250, 1, 2)));
    const taken = r.taken("control").length;
    assert.ok(taken >= 50 && taken <= 500, `${taken} taken`);
    assert.deepEqual([r.count("dropControlRate"), r.count("dropControlMalformed")], [2000 - taken, 3]);
  });

  it("counts probes that are none", async () => {
    start();
    const probe = (size: number): Buffer =>
      sealRecord(
        fromA.toPlane,
        { receiver: fromA.index, counter: counter++, kind: 2, dst: R, src: A },
        randomBytes(size),
      );
    await put(probe(0), probe(1), probe(68));
    assert.equal(r.count("dropProbeMalformed"), 3);
  });

  it("bounds what handshakes a source may queue, and leaves room for others", async () => {
    const key = randomBytes(32);
    start({ mac1Key: key });
    const initiation = randomBytes(192);
    initiation.set([1, 1, 0, 0]);
    initiation.set(addon.blake2sMac(key, initiation.subarray(0, 160)), 160);
    // Nobody takes from the queue here: the flood stops far below its end, and one of another source finds its place.
    for (let i = 0; i < 2; i++) {
      await put(...Array.from({ length: 400 }, () => initiation));
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    const flooded = r.taken("handshake").length;
    assert.ok(flooded >= 8 && flooded <= 409, `${flooded} queued`);
    await put(transit(initiation, { dst: R, src: Q }));
    assert.equal(r.taken("handshake").length, flooded + 1);
    assert.equal(r.count("dropHandshakeQueue"), 800 - flooded);
  });
});

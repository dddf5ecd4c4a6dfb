// Whole data planes in one process, joined over loopback sockets with keys installed by hand: what links, clocks and
// path probes do together. Node 1 and node 3 may talk directly or through node 2.

import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { RouteEntry } from "../../src/dataplane/members.ts";
import type { ToWorker, WorkerSetup } from "../../src/dataplane/messages.ts";
import { LoopbackPlane } from "../support/planes.ts";
import { BROADCAST, frameOf, mac } from "./fake-engine.ts";

const WAIT_MS = 15_000;

async function until(what: string, done: () => boolean, everyMs = 20): Promise<void> {
  const give = Date.now() + WAIT_MS;
  while (!done()) {
    assert(Date.now() < give, `never: ${what}`);
    await sleep(everyMs);
  }
}

/** A session between two planes, whatever links there are. */
function openSession(a: LoopbackPlane, aId: number, b: LoopbackPlane, bId: number): void {
  const [indexA, indexB] = [randomInt(1, 2 ** 32 - 1), randomInt(1, 2 ** 32 - 1)];
  const [toA, toB] = [randomBytes(32), randomBytes(32)];
  const install = (
    nodeId: number,
    localIndex: number,
    remoteIndex: number,
    sendKey: Buffer,
    receiveKey: Buffer,
  ): ToWorker => ({ type: "install", nodeId, localIndex, remoteIndex, aead: 1, sendKey, receiveKey });
  a.handle(install(bId, indexA, indexB, toB, toA));
  b.handle(install(aId, indexB, indexA, toA, toB));
  a.handle({ type: "use", localIndex: indexA, announce: false });
  b.handle({ type: "use", localIndex: indexB, announce: false });
}

const direct = (destination: number): RouteEntry => ({ destination, nextHop: destination, hops: 1 });

describe("data planes joined over loopback", function () {
  this.timeout(60_000);
  let planes: Map<number, LoopbackPlane>;
  beforeEach(() => (planes = new Map()));
  afterEach(() => planes.forEach((plane) => plane.close()));

  function start(nodeId: number, setup: Partial<WorkerSetup> = {}): LoopbackPlane {
    const others = [1, 2, 3].filter((node) => node !== nodeId);
    const plane = new LoopbackPlane(nodeId, {
      port: { kind: "stdio", name: "p", mtu: 1350, mac: Uint8Array.of(2, 0, 0, 0, 1, nodeId), addresses: [] },
      directFallback: true,
      members: others,
      floodSet: others,
      neighbours: others.map((node) => ({
        nodeId: node,
        link: node,
        fixed: false,
        clockParent: setup.clockParent === node,
      })),
      ...setup,
    });
    planes.set(nodeId, plane);
    return plane;
  }
  const at = (nodeId: number): LoopbackPlane => {
    const plane = planes.get(nodeId);
    assert(plane);
    return plane;
  };
  /** Tells two nodes each other's address. */
  function link(a: number, b: number): void {
    at(a).handle({ type: "endpoint", nodeId: b, address: at(b).address, source: "configured" });
    at(b).handle({ type: "endpoint", nodeId: a, address: at(a).address, source: "configured" });
  }
  const join = (a: number, b: number): void => openSession(at(a), a, at(b), b);
  const isUp = (a: number, b: number): boolean =>
    at(a)
      .status()
      .links.find((one) => one.nodeId === b)?.state === "up";
  const bothUp = (a: number, b: number): Promise<void> =>
    until(`link ${a} - ${b} up`, () => isUp(a, b) && isUp(b, a));
  const route = (nodeId: number, routes: RouteEntry[]): void => {
    const others = [1, 2, 3].filter((node) => node !== nodeId);
    at(nodeId).handle({ type: "routes", routes, floodSet: others, members: others });
  };
  const kindOf = (nodeId: number, destination: number): string | undefined =>
    at(nodeId)
      .status()
      .ways.find((way) => way.destination === destination)?.kind;
  let frames = 0;
  /** Node 1 sends a frame to a station behind node 3 and waits for it there. */
  const crosses = async (): Promise<boolean> => {
    const text = `frame ${frames++}`;
    at(1).handle({ type: "frame", bytes: frameOf(mac(3), mac(1), text) });
    await sleep(30);
    return at(3)
      .taken("frame")
      .some(({ bytes }) => Buffer.from(bytes).includes(text));
  };
  /** Node 1 learns that the station is behind node 3. */
  const teach = async (): Promise<void> => {
    const taught = (): boolean => {
      at(3).handle({ type: "frame", bytes: frameOf(BROADCAST, mac(3)) });
      return at(1)
        .status()
        .fib.list.some(({ owner }) => owner === 3);
    };
    await until("station learned", () => taught() || at(1).taken("frame").length > 0);
  };

  it("report every link within a second, and a change at once", async () => {
    [1, 2].forEach((node) => start(node));
    link(1, 2);
    const before = at(1).taken("links").length;
    join(1, 2);
    await bothUp(1, 2);
    await until("samples", () =>
      at(1)
        .taken("links")
        .slice(before)
        .some(({ links }) => links.some(({ from, up, rttMinUs }) => from === 2 && up && rttMinUs !== null)),
    );
    const sample = at(1)
      .taken("links")
      .at(-1)
      ?.links.find(({ from }) => from === 2);
    assert(sample && !sample.sendDead);
    assert.equal(sample.remoteEpoch, at(2).status().clock.epoch);
    assert.equal(sample.localEpoch, at(1).status().clock.epoch);
    // What is used of loopback's 65535 and has passed, less IPv4 and UDP; before that, what passes everywhere.
    assert([1280 - 28, 1500 - 28].includes(sample.mtu), `${sample.mtu}`);
    assert(Math.abs(sample.owdUs) < 1_000_000);
    // Less by what round trips lie apart, which may be all of one as short as this.
    assert(sample.rttMinUs !== null);
    assert.deepEqual(at(1).taken("link"), [{ type: "link", nodeId: 2, up: true }]);
    await until("the proven MTU", () =>
      at(1)
        .taken("links")
        .some(({ links }) => links.find(({ from }) => from === 2)?.mtu === 1500 - 28),
    );
    // That 2 is gone is told with the change, not with the next second.
    at(2).close();
    await until("death", () => at(1).taken("link").length === 2);
    await until("its report", () => {
      const last = at(1).taken("links").at(-1);
      return last?.links.find(({ from }) => from === 2)?.sendDead === true;
    });
    planes.delete(2);
  });

  it("report their sessions once a second, and more often one that an answer is overdue from", async () => {
    [1, 2].forEach((node) => start(node));
    link(1, 2);
    join(1, 2);
    await bothUp(1, 2);
    const reportsIn = async (ms: number): Promise<number> => {
      const before = at(1).taken("activity").length;
      await sleep(ms);
      return at(1).taken("activity").length - before;
    };
    const quiet = await reportsIn(3000);
    at(2).close();
    planes.delete(2);
    await sleep(500);
    at(1).handle({ type: "control", nodeId: 2, payload: Uint8Array.of(1) });
    const overdue = await reportsIn(3000);
    assert(quiet >= 2 && overdue >= 2 * quiet, `${quiet} and ${overdue}`);
    const last = at(1).taken("activity").at(-1)?.reports[0];
    assert(last?.nodeId === 2 && last.unansweredSince > 0);
  });

  it("without any table send directly where a link is up", async () => {
    [1, 3].forEach((node) => start(node));
    link(1, 3);
    assert.equal(kindOf(1, 3), "none");
    join(1, 3);
    await bothUp(1, 3);
    assert.equal(kindOf(1, 3), "direct");
    await teach();
    assert(await crosses());
    assert.equal(at(1).count("dropNoRoute"), 0);
  });

  it("find each other by candidates that they are told while a relay carries session and frames", async () => {
    [1, 2, 3].forEach((node) => start(node));
    link(1, 2);
    link(2, 3);
    for (const [a, b] of [
      [1, 2],
      [2, 3],
      [1, 3],
    ] as const)
      join(a, b);
    await bothUp(1, 2);
    await bothUp(2, 3);
    route(1, [direct(2), { destination: 3, nextHop: 2, hops: 2 }]);
    route(2, [direct(1), direct(3)]);
    route(3, [direct(2), { destination: 1, nextHop: 2, hops: 2 }]);
    await teach();
    assert(await crosses());
    assert(at(2).count("transitForwarded") > 0);
    assert(!isUp(1, 3));
    at(1).handle({ type: "candidates", nodeId: 3, addresses: [at(3).address] });
    at(3).handle({ type: "candidates", nodeId: 1, addresses: [at(1).address] });
    await bothUp(1, 3);
    const seen = at(1)
      .status()
      .links.find(({ nodeId }) => nodeId === 3);
    assert(seen?.candidates.some(({ address, proven }) => address === `127.0.0.1:${at(3).port}` && proven));
    // The table's way is kept to.
    assert.equal(kindOf(1, 3), "primary");
  });

  it("go by the backup soon after the next hop died", async () => {
    [1, 2, 3].forEach((node) => start(node));
    for (const [a, b] of [
      [1, 2],
      [2, 3],
      [1, 3],
    ] as const) {
      link(a, b);
      join(a, b);
      await bothUp(a, b);
    }
    route(1, [direct(2), { destination: 3, nextHop: 2, hops: 2, backup: 3 }]);
    route(3, [direct(1), direct(2)]);
    await teach();
    assert(await crosses());
    assert.equal(kindOf(1, 3), "primary");
    at(2).close();
    planes.delete(2);
    const died = Date.now();
    while (!(await crosses())) assert(Date.now() - died < WAIT_MS);
    assert.equal(kindOf(1, 3), "backup");
    assert(Date.now() - died < 5_000, `${Date.now() - died} ms`);
  });

  it("leave a path whose relay forwards nothing, and say so", async () => {
    [1, 3].forEach((node) => start(node));
    start(2, { relay: "never" });
    for (const [a, b] of [
      [1, 2],
      [2, 3],
      [1, 3],
    ] as const) {
      link(a, b);
      join(a, b);
      await bothUp(a, b);
    }
    route(1, [direct(2), { destination: 3, nextHop: 2, hops: 2 }]);
    route(3, [direct(1), direct(2)]);
    await teach();
    await until(
      "path down",
      () => {
        at(1).handle({ type: "frame", bytes: frameOf(mac(3), mac(1)) });
        return at(1).taken("path").length > 0;
      },
      100,
    );
    assert.deepEqual(at(1).taken("path"), [{ type: "path", destination: 3, nextHop: 2, down: true }]);
    assert(await crosses());
    const way = at(1)
      .status()
      .ways.find(({ destination }) => destination === 3);
    assert.deepEqual([way?.kind, way?.pathDown], ["direct", true]);
    // Another table, another judgement.
    route(1, [direct(2), direct(3)]);
    assert.equal(kindOf(1, 3), "primary");
  });

  it("watch a relayed path in use from end to end", async () => {
    [1, 2, 3].forEach((node) => start(node));
    for (const [a, b] of [
      [1, 2],
      [2, 3],
    ] as const) {
      link(a, b);
      join(a, b);
      await bothUp(a, b);
    }
    join(1, 3);
    route(1, [direct(2), { destination: 3, nextHop: 2, hops: 2 }]);
    route(2, [direct(1), direct(3)]);
    route(3, [direct(2), { destination: 1, nextHop: 2, hops: 2 }]);
    await teach();
    assert(await crosses());
    await until("an answer", () =>
      at(1)
        .status()
        .paths.some(({ rtt }) => rtt !== undefined),
    );
    const [path] = at(1).status().paths;
    assert.deepEqual([path?.destination, path?.nextHop, path?.down], [3, 2, false]);
    assert(at(3).count("pathProbesReceived") > 0);
  });

  it("begin a clock epoch when the offset to the parent is known, and measure on in it", async () => {
    start(2);
    start(1, { clockParent: 2 });
    const first = at(1).status().clock.epoch;
    link(1, 2);
    join(1, 2);
    await until("epoch", () => at(1).taken("epoch").length === 1);
    const { epoch, parent, epochs } = at(1).status().clock;
    assert.notEqual(epoch, first);
    assert.deepEqual([parent, epochs, at(1).taken("epoch")[0]?.epoch], [2, 2, epoch]);
    await until("samples of that epoch at both ends", () => {
      const here = at(1).taken("links").at(-1);
      const there = at(2)
        .taken("links")
        .at(-1)
        ?.links.find(({ from }) => from === 1);
      return (
        here?.epoch === epoch &&
        here.links.some((one) => one.up && one.localEpoch === epoch) &&
        there?.up === true &&
        there.remoteEpoch === epoch
      );
    });
  });

  it("trace the way to a node and back, hop by hop", async () => {
    [1, 2, 3].forEach((node) => start(node));
    for (const [a, b] of [
      [1, 2],
      [2, 3],
    ] as const) {
      link(a, b);
      join(a, b);
      await bothUp(a, b);
    }
    route(1, [direct(2), { destination: 3, nextHop: 2, hops: 2 }]);
    route(2, [direct(1), direct(3)]);
    route(3, [direct(2), { destination: 1, nextHop: 2, hops: 2 }]);
    at(1).handle({ type: "trace", id: 7, target: 3 });
    await until("trace", () => at(1).taken("traced").length === 1);
    const [traced] = at(1).taken("traced");
    assert.deepEqual(
      traced?.hops.map(({ nodeId }) => nodeId),
      [1, 2, 3, 2, 1],
    );
    assert.deepEqual([traced?.id, traced?.turn], [7, 2]);
  });
});

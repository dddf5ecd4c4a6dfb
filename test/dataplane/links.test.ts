import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ForwardMeter } from "../../src/dataplane/forward-meter.ts";
import { linkReport, linkSample } from "../../src/dataplane/link-reports.ts";
import { Links } from "../../src/dataplane/links.ts";
import { LinkMtus } from "../../src/dataplane/link-mtus.ts";
import { Members } from "../../src/dataplane/members.ts";
import type { FromWorker, WorkerSetup } from "../../src/dataplane/messages.ts";
import { Neighbour } from "../../src/dataplane/neighbour.ts";
import type { PlaneClock } from "../../src/dataplane/plane-clock.ts";
import type { ReadingLag } from "../../src/dataplane/reading-lag.ts";
import { overlayTest, packedOf, textOf } from "../../src/dataplane/underlay.ts";
import { LinkCore } from "../../src/link/link-core.ts";
import { UnprovenBudget } from "../../src/link/unproven-budget.ts";
import type { Engine } from "../../src/native/addon.ts";
import { makeState } from "./fake-engine.ts";

const core = (remoteNodeId: number): LinkCore =>
  new LinkCore({
    localNodeId: 1,
    remoteNodeId,
    epoch: 5,
    budget: new UnprovenBudget(),
    staticEndpoint: false,
    allowLoopback: true,
    refused: () => false,
  });

/** An engine that has counted so much on every link. */
function counting(counts: { sent: number; received: number; lookups: number[] }): Engine {
  const engine = {
    linkStats: (_link: number, out: Float64Array): boolean => {
      out.set([counts.sent, counts.received]);
      return true;
    },
    refreshRoute: (link: number): number => {
      counts.lookups.push(link);
      return 1000 + link;
    },
  };
  return engine as unknown as Engine;
}

describe("a neighbour", () => {
  it("counts what went over its link since the last look, not what a former one of its number did", () => {
    const counts = { sent: 100, received: 50, lookups: [] };
    const engine = counting(counts);
    const neighbour = new Neighbour(2, 0, core(2), engine);
    neighbour.count(engine);
    assert.deepEqual([neighbour.sentCount, neighbour.receivedCount], [0, 0]);
    counts.sent += 7;
    counts.received += 3;
    neighbour.count(engine);
    assert.deepEqual([neighbour.sentCount, neighbour.receivedCount], [7, 3]);
  });

  it("knows its endpoint by the packed address", () => {
    const neighbour = new Neighbour(7, 0, core(7), counting({ sent: 0, received: 0, lookups: [] }));
    const [here, port, host] = ["192.0.2.7:1", "192.0.2.7:2", "192.0.2.8:1"].map((text) => packedOf(text));
    assert(here && port && host);
    const addresses = Uint8Array.from([...port, ...here, ...host]);
    const isAt = (): boolean[] => [0, 20, 40].map((offset) => neighbour.isAt(addresses, offset));
    assert.deepEqual(isAt(), [false, false, false]);
    neighbour.packed = here;
    assert.deepEqual(isAt(), [false, true, false]);
  });

  for (const [carriesFrames, ticks] of [
    [true, 15],
    [false, 150],
  ] as const) {
    it(`that carries ${carriesFrames ? "" : "no "}frames is looked up for its MTU once in ${ticks} ticks, if it has an address`, () => {
      const counts = { sent: 0, received: 0, lookups: [] as number[] };
      const engine = counting(counts);
      const members = new Members();
      const mtus = new LinkMtus({ engine, members }, 0, () => assert.fail());
      const neighbours = Array.from({ length: 250 }, (_, i) => new Neighbour(i + 2, i, core(i + 2), engine));
      for (const neighbour of neighbours) {
        neighbour.packed = new Uint8Array(20);
        neighbour.lookedUpUs = 0;
      }
      const [first] = neighbours;
      assert(first);
      first.packed = null;
      for (let tick = 0; tick < ticks; tick++) {
        const before = counts.lookups.length;
        const nowUs = tick * 50_000;
        if (carriesFrames) for (const neighbour of neighbours) neighbour.carriedAtUs = nowUs;
        mtus.tick(nowUs, neighbours);
        assert(counts.lookups.length - before <= Math.ceil(249 / ticks));
      }
      assert.deepEqual(
        counts.lookups.toSorted((a, b) => a - b),
        Array.from({ length: 249 }, (_, i) => i + 1),
      );
      assert.deepEqual([members.linkMtu[2], members.linkMtu[3]], [0, 1001]);
    });
  }
});

describe("a link that begins to carry frames", () => {
  it("is looked up for its MTU at once, and then each second", () => {
    const counts = { sent: 0, received: 0, lookups: [] as number[] };
    const engine = counting(counts);
    const mtus = new LinkMtus({ engine, members: new Members() }, 0, () => assert.fail());
    const neighbour = new Neighbour(7, 0, core(7), engine);
    neighbour.packed = new Uint8Array(20);
    let nowUs = 0;
    const ticks = (count: number): number => {
      const before = counts.lookups.length;
      for (let i = 0; i < count; i++) mtus.tick((nowUs += 50_000), [neighbour]);
      return counts.lookups.length - before;
    };
    ticks(160);
    assert.equal(ticks(120), 0);
    neighbour.carriedAtUs = nowUs;
    assert.equal(ticks(1), 1);
    const inTwoSeconds = ticks(40);
    assert(inTwoSeconds >= 1 && inTwoSeconds <= 3, `${inTwoSeconds}`);
  });

  it("is looked up with few others at once, though a broadcast begins that on hundreds", () => {
    const counts = { sent: 0, received: 0, lookups: [] as number[] };
    const engine = counting(counts);
    const mtus = new LinkMtus({ engine, members: new Members() }, 0, () => assert.fail());
    const neighbours = Array.from({ length: 250 }, (_, i) => new Neighbour(i + 2, i, core(i + 2), engine));
    for (const neighbour of neighbours) neighbour.packed = new Uint8Array(20);
    for (const neighbour of neighbours) neighbour.carriedAtUs = 0;
    for (let tick = 0; tick < 15; tick++) {
      const before = counts.lookups.length;
      mtus.tick(tick * 50_000, neighbours);
      assert(counts.lookups.length - before <= 19);
    }
    assert.equal(new Set(counts.lookups).size, 250);
  });
});

describe("what a link reports", () => {
  it("says that it knows nothing before anything arrived", () => {
    const seen = core(7).snapshot(1_000_000);
    const sample = linkSample(seen, 0, true);
    assert.deepEqual([sample.from, sample.up, sample.sendDead, sample.mtu], [7, false, false, 0]);
    assert.deepEqual([sample.rttMinUs, sample.remoteEpoch, sample.localEpoch], [null, undefined, 5]);
    const report = linkReport(seen, null, 0);
    assert.deepEqual(
      [report.state, report.endpoint, report.owdInUs, report.lossOut],
      ["unknown", null, null, null],
    );
  });

  it("tells a round trip that is surely not too long: less by what its samples lie apart, and 5 ms at most", () => {
    const seen = core(7).snapshot(1_000_000);
    const told = (rtt: number | undefined, rttMin: number | undefined): number | null =>
      linkSample({ ...seen, rtt, rttMin }, 0, true).rttMinUs;
    assert.equal(told(undefined, undefined), null);
    assert.equal(told(20_300, 20_000), 19_700);
    assert.equal(told(90_000, 20_000), 15_000);
    // A supernode refuses a report with a negative one.
    assert.equal(told(4000, 300), 0);
    // The average was made anew after the least was found.
    assert.equal(told(19_000, 20_000), 20_000);
  });

  it("counts the MTU in UDP payload for the reporter", () => {
    const seen = core(7).snapshot(0);
    assert.deepEqual([linkSample(seen, 1500, false).mtu, linkSample(seen, 1500, true).mtu], [1472, 1452]);
  });
});

describe("what is told of links", () => {
  const SECOND = 1_000_000;
  /** Links without neighbours whose node reads its sockets by `receive`; they are told of by way of `told`. */
  function linksOf(receive: (lag: ReadingLag) => void): {
    links: Links;
    lag: ReadingLag;
    told: FromWorker[];
    clock: { us: number };
  } {
    const { state } = makeState();
    const told: FromWorker[] = [];
    const clock = { us: SECOND / 10 };
    const links = new Links(
      state,
      { udp: { mark: 0 }, overlayPrefixes: [] } as unknown as WorkerSetup,
      { rawUs: () => clock.us, epoch: 1 } as unknown as PlaneClock,
      () => 0,
      new ForwardMeter(),
      {
        post: (message) => void told.push(message),
        usable: () => undefined,
        receive: () => receive(state.lag),
        answerMtu: () => assert.fail(),
      },
    );
    state.nowMs = clock.us / 1000;
    return { links, lag: state.lag, told, clock };
  }
  const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

  it("waits until what has come was read", async () => {
    const { links, lag, told } = linksOf((reading) => reading.note(0, 0));
    lag.note(0, SECOND);
    links.tick();
    assert.deepEqual(told, []);
    await soon();
    assert.deepEqual(
      told.map(({ type }) => type),
      ["links"],
    );
    links.close();
  });

  it("waits no longer than two seconds after its time", async () => {
    const { links, lag, told, clock } = linksOf(() => undefined);
    lag.note(0, SECOND);
    links.tick();
    clock.us = 1.9 * SECOND;
    await soon();
    assert.deepEqual(told, []);
    clock.us = 2.1 * SECOND;
    await soon();
    assert.equal(told.length, 1);
    links.close();
  });

  it("is nothing any more once they are closed", async () => {
    const { links, lag, told } = linksOf((reading) => reading.note(0, 0));
    lag.note(0, SECOND);
    links.tick();
    links.close();
    await soon();
    assert.deepEqual(told, []);
  });
});

describe("the forwarding time", () => {
  it("is the mean since it was last asked for, 0 when nothing was forwarded", () => {
    const meter = new ForwardMeter();
    assert.equal(meter.take(), 0);
    meter.add(100);
    meter.add(300);
    assert.deepEqual([meter.take(), meter.take()], [200, 0]);
  });

  it("contains what all datagrams of half a minute waited in the socket at least", () => {
    const meter = new ForwardMeter();
    const read = (second: number, waitedUs: number): number => {
      meter.waited(second * 1e6, waitedUs);
      return meter.take();
    };
    // A standing queue, but a start may look like this, too.
    for (let second = 0; second < 30; second++) assert.equal(read(second, 50_000 + second), 0);
    for (let second = 30; second < 50; second++) assert.equal(read(second, 60_000), 50_000);
    // One that did not wait tells that nothing stands there; then it takes as long again.
    for (let second = 50; second < 80; second++) assert.equal(read(second, second === 50 ? 30 : 60_000), 30);
    for (let second = 80; second < 120; second++) read(second, 60_000);
    assert.equal(read(120, 60_000), 60_000);
  });
});

describe("underlay addresses", () => {
  it("go from text to the engine's form and back", () => {
    for (const text of ["192.0.2.1:3001", "[2001:db8::1]:65535"]) {
      const packed = packedOf(text);
      assert.equal(packed?.length, 20);
      assert.equal(textOf(packed), text);
    }
    assert.equal(packedOf("example.net:1"), undefined);
    assert.equal(textOf(new Uint8Array(20)), undefined);
  });

  it("inside the overlay are known", () => {
    const inside = overlayTest(["10.0.0.1/24", "fd00::1/64", "nonsense"]);
    assert.deepEqual(["10.0.0.77:1", "10.0.1.1:1", "[fd00::5]:1", "[fd01::5]:1", "what?"].map(inside), [
      true,
      false,
      true,
      false,
      true,
    ]);
  });
});

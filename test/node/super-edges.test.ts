import assert from "node:assert/strict";
import { mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, it } from "mocha";
import type { SuperMessage } from "../../src/control/messages.ts";
import type { EdgeConnection, EdgeNews } from "../../src/control/super-server.ts";
import { createLog, type Logger } from "../../src/node/log.ts";
import { MemberBook } from "../../src/node/member-book.ts";
import { RefusalLog } from "../../src/node/refusal-log.ts";
import { RestartGrace } from "../../src/node/restart-grace.ts";
import { SuperEdges } from "../../src/node/super-edges.ts";
import { Coordinator } from "../../src/routing/coordinator.ts";
import { superPeer } from "./super-peer.ts";

/** So many edges, all connected (with the row of the supernode `rowOf`), and what the first one is told. */
function connected(
  count: number,
  rowOf?: number,
  clock: () => number = () => performance.now(),
): {
  edges: SuperEdges;
  book: MemberBook;
  told: SuperMessage[];
  say: (nodeId: number, message: EdgeNews) => void;
  /** Lines of the log of refusals. */
  refused: Record<string, unknown>[];
  /** Lets the supernode's clock be later by so many ms. */
  pass: (ms: number) => void;
} {
  let passed = 0;
  const log = createLog("silent");
  const refused: Record<string, unknown>[] = [];
  const now = (): number => clock() + passed;
  const book = new MemberBook(undefined, now);
  const edges = new SuperEdges({
    ...{ book, log, now, coordinator: new Coordinator({ incarnation: 1 }) },
    grace: new RestartGrace(false),
    refusals: new RefusalLog({
      warn: (fields: Record<string, unknown>) => void refused.push(fields),
    } as unknown as Logger),
    welcome: () => ({
      ...{ protocol: 1, incarnation: 1, version: "0", name: "sn" },
      parameters: { resetEndPointIntervalS: 600, superNodeInfoTimeoutS: 60, usePskForInterEdge: false },
    }),
  });
  const told: SuperMessage[] = [];
  const connections = new Map<number, EdgeConnection>();
  book.setPeers(Array.from({ length: count }, (_, i) => superPeer(i + 1)));
  for (let nodeId = 1; nodeId <= count; nodeId++) {
    const send = (message: SuperMessage): boolean => nodeId !== 1 || told.push(message) > 0;
    const hello = { nodeId, endpoints: [], relay: "auto", additionalCostUs: 0, incarnation: 1, rowOf };
    const connection = {
      ...{ nodeId, hello, send, queued: 0, remoteAddress: "", transport: "quic" },
      close: () => connection.onClose("closed"),
    } as unknown as EdgeConnection;
    connections.set(nodeId, connection);
    edges.arrived(connection);
  }
  edges.tell();
  told.splice(0);
  const say = (nodeId: number, message: EdgeNews): void => connections.get(nodeId)?.onMessage(message);
  const pass = (ms: number): void => void (passed += ms);
  return { edges, book, told, say, refused, pass };
}

/** Rounds in which the first edge is told of changes that come every other millisecond. */
function rounds(count: number, duringMs: number): number {
  let nowMs = 0;
  mock.timers.enable({ apis: ["setTimeout"] });
  const { edges, book, told } = connected(count, undefined, () => nowMs);
  try {
    for (; nowMs < duringMs; nowMs += 2) {
      book.setPeers(book.nodeIds.map((id) => superPeer(id, id === 2 ? { name: `n${nowMs}` } : {})));
      edges.tellSoon();
      mock.timers.tick(2);
    }
  } finally {
    edges.stop();
    mock.timers.reset();
  }
  return told.filter(({ type }) => type === "members").length;
}

describe("the edges of a supernode", () => {
  let edges: SuperEdges | undefined;
  afterEach(() => edges?.stop());

  it("are told of a member's new addresses once a second, however often it has some", async () => {
    const few = connected(3);
    edges = few.edges;
    for (let i = 0; i < 50; i++) few.say(2, { type: "endpoints", endpoints: [`192.0.2.1:${i + 1}`] });
    await sleep(50);
    assert.equal(few.told.length, 0);
    edges.tick(1000);
    assert.equal(few.told.length, 1);
    const [message] = few.told;
    assert.ok(message?.type === "members");
    assert.deepEqual(message.set[0]?.endpoints, [{ address: "192.0.2.1:50", source: "local" }]);
    edges.tick(1000);
    assert.equal(few.told.length, 1);
  });

  it("are not made to call ever new addresses: after some, a member's are told every ten seconds, the newest", () => {
    const few = connected(3);
    edges = few.edges;
    for (let second = 1; second <= 60; second++) {
      few.pass(1000);
      few.say(2, { type: "endpoints", endpoints: [`192.0.2.1:${second}`] });
      edges.observed(3, `192.0.2.3:${second}`);
      edges.tick(1000);
    }
    const told = few.told.flatMap((message) => (message.type === "members" ? message.set : []));
    for (const node of [2, 3]) {
      const times = told
        .filter(({ nodeId }) => nodeId === node)
        .map(({ endpoints }) => endpoints[0]?.address);
      assert.ok(times.length >= 8 && times.length <= 10, times.join());
      assert.equal(times[2], `192.0.2.${node === 2 ? 1 : 3}:3`);
    }
  });

  it("are told where they are seen themselves, and of others at once", () => {
    const few = connected(3);
    edges = few.edges;
    edges.observed(1, "192.0.2.1:5");
    edges.observed(1, "192.0.2.1:5");
    assert.deepEqual(few.told.splice(0), [{ type: "observed", address: "192.0.2.1:5" }]);
    edges.observed(2, "192.0.2.2:5");
    edges.tell();
    const [message, ...more] = few.told;
    assert.ok(message?.type === "members" && more.length === 0);
    assert.deepEqual(message.set[0]?.endpoints, [{ address: "192.0.2.2:5", source: "observed" }]);
  });

  it("are told nothing once they are cut off, not even what is changed with that", () => {
    const few = connected(3);
    edges = few.edges;
    few.book.setPeers([superPeer(2), superPeer(3, { name: "other" })]);
    edges.cutOff(1);
    edges.tell();
    assert.deepEqual(few.told, []);
  });

  it("are told of a change within milliseconds", async () => {
    const few = connected(3);
    edges = few.edges;
    await sleep(20);
    few.book.setPlaces(2, { endpoints: ["192.0.2.1:1"] });
    few.edges.tellSoon();
    await sleep(50);
    assert.equal(few.told.length, 1);
  });

  it("are named once for all refused links of a report, and their number a minute later", () => {
    const few = connected(3);
    edges = few.edges;
    for (let counter = 1; counter <= 2; counter++) {
      const links = [...new Array<unknown>(4000).fill(0), { from: 1 }];
      const report = { incarnation: 1, counter, epoch: 1, links, gone: [], dead: [] };
      few.say(2, { type: "report", report });
    }
    assert.deepEqual(few.refused.splice(0), [{ node: 2 }, { node: 2, peer: 1 }]);
    few.pass(60_000);
    edges.tick(1000);
    assert.deepEqual(few.refused, [
      { node: 2, times: 7999 },
      { node: 2, peer: 1, times: 1 },
    ]);
  });

  it("are told no rows yet when one comes with the row of a supernode that was here before", () => {
    const rows = ({ told }: ReturnType<typeof connected>): number =>
      told.filter(({ type }) => type.startsWith("row")).length;
    for (const [rowOf, count] of [
      [undefined, 1],
      [1, 1],
      [999, 0],
    ] as const) {
      const few = connected(3, rowOf);
      few.say(1, { type: "row-request" });
      few.edges.tell();
      few.edges.stop();
      assert.equal(rows(few), count, `a row of ${rowOf}`);
    }
  });

  it("are told of many changes in fewer rounds the more they are", () => {
    const [few, many] = [rounds(3, 1000), rounds(100, 1000)];
    assert.ok(many >= 9 && many <= 11, `${many} rounds of 100 edges in a second`);
    assert.ok(few >= 120, `${few} rounds of 3 edges`);
  });
});

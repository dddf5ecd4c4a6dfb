import assert from "node:assert/strict";
import { mock } from "node:test";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { EdgeMessage } from "../../src/control/messages.ts";
import { findNodeId, nodeLabel } from "../../src/node/node-names.ts";
import { SuperQuestions, whyAnswer } from "../../src/node/super-questions.ts";
import { Traces } from "../../src/node/traces.ts";
import type { PeerConfig } from "../../src/config/edge-config.ts";
import type { TraceHop } from "../../src/wire/trace.ts";
import { FakeCore } from "./fake-core.ts";

function coreWith(...names: [number, string][]): FakeCore {
  const core = new FakeCore();
  for (const [nodeId, name] of names) {
    const config: PeerConfig = {
      ...{ nodeId, name, pubKey: new Uint8Array(32).fill(nodeId), psKey: null, endPoint: null },
      ...{ persistentKeepalive: 0, static: false },
    };
    core.addPeer(config, { neighbour: true, keySource: "file" });
  }
  return core;
}

describe("nodes by name or number", () => {
  const core = coreWith([2, "berlin"], [3, "twin"], [4, "twin"], [5, "2"]);

  it("are found by either, this node too; a name goes before a number", () => {
    assert.equal(findNodeId(core, "berlin"), 2);
    assert.equal(findNodeId(core, "own"), 1);
    assert.equal(findNodeId(core, "1"), 1);
    assert.equal(findNodeId(core, "2"), 5);
  });

  it("are found by number where others have the same name", () => {
    assert.equal(findNodeId(core, "3"), 3);
    assert.equal(findNodeId(core, "4"), 4);
    assert.equal(findNodeId(core, "twin"), 3);
  });

  it("are not made up", () => {
    for (const text of ["9", "nobody", "", "-2", "3.0", "0x2", "999999"])
      assert.equal(findNodeId(core, text), undefined, text);
  });

  it("are shown as number and name, or the number alone", () => {
    assert.deepEqual(
      [nodeLabel(core, 1), nodeLabel(core, 2), nodeLabel(core, 9)],
      ["1 own", "2 berlin", "9"],
    );
  });
});

/** Three seconds pass at once. */
function withTimers(): void {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());
}

describe("an edge's question to its supernode", () => {
  withTimers();

  it("is not asked when none is connected", async () => {
    assert.equal(await new SuperQuestions(() => false).why(2), undefined);
  });

  it("gets the answer with its number, whatever the order of the answers", async () => {
    const asked: EdgeMessage[] = [];
    const questions = new SuperQuestions((message) => asked.push(message) > 0);
    const answers = [questions.why(2), questions.why(3)];
    const [first, second] = asked.map((message) => (message.type === "ask" ? message : assert.fail()));
    assert.ok(first && second && first.id !== second.id);
    assert.deepEqual([first.to, second.to, first.question], [2, 3, "why"]);
    const path = (to: number): unknown => [{ path: [1, to], costUs: 1, chosen: true, reason: "chosen" }];
    questions.answered(99, path(9));
    questions.answered(second.id, path(3));
    questions.answered(first.id, path(2));
    const paths = (await Promise.all(answers)).map((candidates) => candidates?.[0]?.path);
    assert.deepEqual(paths, [
      [1, 2],
      [1, 3],
    ]);
  });

  it("keeps of an answer what is a path", async () => {
    const good = [
      { path: [1, 2], costUs: -3, chosen: true, reason: "" },
      { path: [1, 3, 2], chosen: false, reason: "down" },
      { path: [], costUs: null, chosen: false, reason: "x" },
    ];
    const bad = [
      null,
      5,
      {},
      { ...good[0], path: ["1"] },
      { ...good[0], costUs: "1" },
      { ...good[0], reason: 1 },
    ];
    let id = 0;
    const questions = new SuperQuestions((message) => message.type === "ask" && (id = message.id) > 0);
    const answer = questions.why(2);
    questions.answered(id, [...bad, ...good]);
    assert.deepEqual(await answer, good);
    const odd = questions.why(2);
    questions.answered(id, { path: [1, 2] });
    assert.equal(await odd, undefined);
  });

  it("is given up after three seconds, and a late answer is no answer", async () => {
    let id = 0;
    const questions = new SuperQuestions((message) => message.type === "ask" && (id = message.id) > 0);
    const answer = questions.why(2);
    mock.timers.tick(3000);
    assert.equal(await answer, undefined);
    questions.answered(id, []);
  });

  it("is answered in names", () => {
    const core = coreWith([2, "berlin"], [3, "paris"]);
    const candidate = { path: [1, 3, 2], costUs: undefined, chosen: false, reason: "down" };
    assert.deepEqual(whyAnswer(core, 1, 2, [candidate]), {
      from: "1 own",
      to: "2 berlin",
      candidates: [{ path: ["1 own", "3 paris", "2 berlin"], costUs: null, chosen: false, reason: "down" }],
    });
  });
});

describe("a trace", () => {
  withTimers();
  const hop = (nodeId: number, arrivalUs: number, departureUs: number): TraceHop => ({
    ...{ nodeId, arrivalUs, departureUs },
  });

  it("tells the delay of each link there and back, in the clocks of its ends", async () => {
    const core = coreWith([2, "berlin"], [3, "paris"]);
    const traces = new Traces(core);
    const answer = traces.ask(2);
    const [asked] = core.posted;
    assert.ok(asked?.type === "trace" && asked.target === 2);
    // 3's clock is 50 ms behind, 2's is 1 s ahead.
    traces.answered({ type: "traced", id: 99, hops: [], turn: 0 });
    const hops = [hop(1, 0, 0), hop(3, -45_000, -44_900), hop(2, 1_010_100, 1_010_200), hop(1, 18_200, 0)];
    traces.answered({ type: "traced", id: asked.id, hops, turn: 2 });
    assert.deepEqual(await answer, {
      to: "2 berlin",
      reached: true,
      there: [
        { from: "1 own", to: "3 paris", delayUs: -45_000 },
        { from: "3 paris", to: "2 berlin", delayUs: 1_055_000 },
      ],
      back: [{ from: "2 berlin", to: "1 own", delayUs: -992_000 }],
      roundTripUs: 18_200,
    });
  });

  it("that has no way is answered at once", async () => {
    const core = coreWith([2, "berlin"]);
    const traces = new Traces(core);
    const answer = traces.ask(2);
    const [asked] = core.posted;
    assert.ok(asked?.type === "trace");
    traces.answered({ type: "traced", id: asked.id, hops: [], turn: 0 });
    assert.deepEqual(await answer, { to: "2 berlin", reached: false, there: [], back: [], roundTripUs: 0 });
  });

  it("that comes back to nobody is given up after three seconds", async () => {
    const core = coreWith([2, "berlin"]);
    const traces = new Traces(core);
    const answer = traces.ask(2);
    mock.timers.tick(3000);
    assert.equal((await answer).reached, false);
    const [asked] = core.posted;
    assert.ok(asked?.type === "trace");
    traces.answered({ type: "traced", id: asked.id, hops: [hop(1, 0, 0), hop(2, 1, 1)], turn: 1 });
  });
});

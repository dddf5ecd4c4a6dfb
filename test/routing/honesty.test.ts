import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Graph } from "../../src/routing/graph.ts";
import { Honesty } from "../../src/routing/honesty.ts";
import { advert, epochOf } from "./networks.ts";

const SECOND = 1_000_000;
const DELAY_US = 10_000;

/** Four nodes, 10 ms each way; `owd`: what is said of the link i→j, indices. */
function graphOf(owd: (i: number, j: number) => number, jitterUs = 0): Graph {
  const graph = new Graph();
  graph.setMembers([1, 2, 3, 4]);
  graph.ids.forEach((to, j) => {
    graph.epoch[j] = epochOf(to);
    graph.ids.forEach((from, i) => {
      if (i === j) return;
      const more = { owdUs: owd(i, j), jitterUs, rttMinUs: 2 * DELAY_US };
      graph.put(i, j, advert(from, to, owd(i, j) + jitterUs, more));
    });
  });
  return graph;
}

function doubtsOf(
  graph: Graph,
  canAnswer: (nodeId: number) => boolean = () => true,
): { honesty: Honesty; named: string[]; doubted: number[] } {
  const honesty = new Honesty();
  for (let i = 0; i < graph.size; i++)
    for (let j = i + 1; j < graph.size; j++) honesty.examine(graph, 0, i, j);
  const confirmed = honesty.confirm(11 * SECOND, canAnswer);
  const faults = confirmed.flatMap((pair) => pair.faults);
  const named = faults.map(({ nodeId, reason, peer }) => `${nodeId} ${reason} ${peer}`).sort();
  return { honesty, named, doubted: confirmed.map(({ reporter }) => reporter) };
}

/** 4 claims round trips of 500 ms with some others. */
function withRoundTrips(victims: readonly number[]): Graph {
  const graph = graphOf(() => DELAY_US);
  for (const from of victims) {
    const more = { rttMinUs: 50 * DELAY_US };
    graph.put(from - 1, 3, advert(from, 4, DELAY_US, more));
  }
  return graph;
}

describe("honesty of delays against round trips", () => {
  it("blames the one whom all others contradict, though it told its round trips truly", () => {
    const { honesty, named, doubted } = doubtsOf(graphOf((_, j) => DELAY_US - (j === 2 ? 8000 : 0)));
    assert.deepEqual([...new Set(doubted)].sort(), [1, 2, 3, 4]);
    assert.deepEqual(named, ["3 dishonest 1", "3 dishonest 2", "3 dishonest 4"]);
    assert.ok(honesty.isDoubted(1, 3) && honesty.isDoubted(3, 4) && !honesty.isDoubted(1, 2));
  });

  it("blames nobody where one of the two is not there to correct its word, but trusts neither", () => {
    const graph = graphOf((_, j) => DELAY_US - (j === 2 ? 8000 : 0));
    const { honesty, named } = doubtsOf(graph, (nodeId) => nodeId !== 3);
    assert.deepEqual(named, []);
    assert.ok(honesty.isDoubted(1, 3));
  });

  it("names both as in dispute where only the two speak against each other", () => {
    const { named } = doubtsOf(graphOf((i, j) => DELAY_US - (i === 0 && j === 2 ? 8000 : 0)));
    assert.deepEqual(named, ["1 disputed 3", "3 disputed 1"]);
  });

  it("calls nobody dishonest for a round trip that one other claims alone", () => {
    const { honesty, named } = doubtsOf(withRoundTrips([1]));
    assert.deepEqual(named, ["1 disputed 4", "4 disputed 1"]);
    assert.ok(honesty.isDoubted(1, 4) && !honesty.isDoubted(1, 2) && !honesty.isDoubted(2, 4));
  });

  it("blames the one who claims such round trips with several", () => {
    assert.deepEqual(doubtsOf(withRoundTrips([1, 2])).named, ["4 dishonest 1", "4 dishonest 2"]);
  });

  it("blames who contradicts itself alone, and does not count that against the other end", () => {
    const graph = withRoundTrips([1]);
    // 2 and 3 say of 1 what they deny themselves; 4 alone speaks against 1.
    for (const to of [2, 3]) graph.put(0, to - 1, advert(1, to, DELAY_US - 50_000, { owdUs: DELAY_US }));
    assert.deepEqual(doubtsOf(graph).named, ["1 disputed 4", "2 dishonest 1", "3 dishonest 1", "4 disputed 1"]); // prettier-ignore
  });

  it("allows for what a busy node says that datagrams wait in it, up to 100 ms", () => {
    const busy = (waitUs: number, saidUs: number): string[] => {
      const graph = graphOf(() => DELAY_US);
      graph.forwardUs[2] = saidUs;
      // The others' questions wait in 3, its own do not wait in them.
      for (const to of [1, 2, 4]) {
        const more = { rttMinUs: 2 * DELAY_US + waitUs };
        graph.put(2, to - 1, advert(3, to, DELAY_US, more));
      }
      return doubtsOf(graph).named;
    };
    assert.deepEqual(busy(90_000, 90_000), []);
    assert.deepEqual(busy(101_000, 1e6), []);
    const named = ["3 dishonest 1", "3 dishonest 2", "3 dishonest 4"];
    assert.deepEqual(busy(9000, 0), named);
    assert.deepEqual(busy(103_000, 1e6), named);
  });

  it("allows for what jitter does to both numbers", () => {
    // Two averages strayed by as much as the jitter, and the least of a few round trips is above the mean.
    assert.deepEqual(doubtsOf(graphOf(() => DELAY_US - 4000, 4000)).doubted, []);
    assert.notDeepEqual(doubtsOf(graphOf(() => DELAY_US - 4000, 500)).doubted, []);
  });
});

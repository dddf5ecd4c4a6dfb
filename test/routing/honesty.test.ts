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

function doubtsOf(graph: Graph): { honesty: Honesty; blamed: number[]; doubted: number[] } {
  const honesty = new Honesty();
  for (let i = 0; i < graph.size; i++)
    for (let j = i + 1; j < graph.size; j++) honesty.examine(graph, 0, i, j);
  const doubts = honesty.confirm(11 * SECOND);
  const blamed = doubts.filter((doubt) => honesty.isToBlame(doubt)).map(({ reporter }) => reporter);
  return { honesty, blamed, doubted: doubts.map(({ reporter }) => reporter) };
}

describe("honesty of delays against round trips", () => {
  it("blames the one whom all others contradict, though it told its round trips truly", () => {
    const { honesty, blamed, doubted } = doubtsOf(graphOf((_, j) => DELAY_US - (j === 2 ? 8000 : 0)));
    assert.deepEqual([...new Set(doubted)].sort(), [1, 2, 3, 4]);
    assert.deepEqual(blamed, [3, 3, 3]);
    assert.ok(honesty.isDoubted(1, 3) && honesty.isDoubted(3, 4) && !honesty.isDoubted(1, 2));
  });

  it("blames both where only the two speak against each other", () => {
    const { blamed } = doubtsOf(graphOf((i, j) => DELAY_US - (i === 0 && j === 2 ? 8000 : 0)));
    assert.deepEqual(blamed.sort(), [1, 3]);
  });

  it("allows for what jitter does to both numbers", () => {
    // Two averages strayed by as much as the jitter, and the least of a few round trips is above the mean.
    assert.deepEqual(doubtsOf(graphOf(() => DELAY_US - 4000, 4000)).doubted, []);
    assert.notDeepEqual(doubtsOf(graphOf(() => DELAY_US - 4000, 500)).doubted, []);
  });
});

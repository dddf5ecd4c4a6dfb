import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Graph } from "../../src/routing/graph.ts";
import { Unconfirmed } from "../../src/routing/unconfirmed.ts";
import { advert, epochOf } from "./networks.ts";

const SECOND = 1_000_000;
const told = (nodeId: number, peer: number): object => ({ nodeId, reason: "unconfirmed", peer });
const everybody = (): boolean => true;

/** 1 says that it cannot send to 3, which says that it receives. */
function contradicted(): Graph {
  const graph = new Graph();
  graph.setMembers([1, 2, 3]);
  graph.ids.forEach((to, j) => {
    graph.epoch[j] = epochOf(to);
    graph.ids.forEach((from, i) => i !== j && graph.put(i, j, advert(from, to, 10_000)));
  });
  graph.dead[0 * graph.size + 2] = 1;
  return graph;
}

describe("links that only their receiver believes in", () => {
  it("are told once, when they have lasted", () => {
    const unconfirmed = new Unconfirmed();
    const graph = contradicted();
    assert.deepEqual(unconfirmed.check(graph, 0, everybody), []);
    assert.deepEqual(unconfirmed.check(graph, 89 * SECOND, everybody), []);
    assert.deepEqual(unconfirmed.check(graph, 90 * SECOND, everybody), [told(3, 1)]);
    assert.deepEqual(unconfirmed.check(graph, 120 * SECOND, everybody), []);
  });

  it("are told again when they come back after they were gone", () => {
    const unconfirmed = new Unconfirmed();
    const graph = contradicted();
    unconfirmed.check(graph, 0, everybody);
    unconfirmed.check(graph, 90 * SECOND, everybody);
    graph.dead.fill(0);
    assert.deepEqual(unconfirmed.check(graph, 100 * SECOND, everybody), []);
    graph.dead[2] = 1;
    assert.deepEqual(unconfirmed.check(graph, 101 * SECOND, everybody), []);
    assert.equal(unconfirmed.check(graph, 191 * SECOND, everybody).length, 1);
  });

  it("are told of the one who speaks against many, be it as sender or as receiver", () => {
    const graph = contradicted();
    const all = new Unconfirmed();
    for (const to of [1, 2]) graph.dead[to] = 1;
    all.check(graph, 0, everybody);
    assert.deepEqual(all.check(graph, 90 * SECOND, everybody), [told(1, 2), told(1, 3)]);
    const receiver = new Unconfirmed();
    graph.dead.fill(0);
    for (const from of [0, 1]) graph.dead[from * graph.size + 2] = 1;
    receiver.check(graph, 0, everybody);
    assert.deepEqual(receiver.check(graph, 90 * SECOND, everybody), [told(3, 1), told(3, 2)]);
  });

  it("are not told of a receiver that is not there to take its word back, nor of one that did", () => {
    const unconfirmed = new Unconfirmed();
    const graph = contradicted();
    const absent = (nodeId: number): boolean => nodeId !== 3;
    for (let s = 0; s <= 200; s++) assert.deepEqual(unconfirmed.check(graph, s * SECOND, absent), []);
    graph.put(0, 2, advert(1, 3, 10_000, { costUs: null }));
    for (let s = 201; s <= 400; s++) assert.deepEqual(unconfirmed.check(graph, s * SECOND, everybody), []);
  });
});

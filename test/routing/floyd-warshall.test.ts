import assert from "node:assert/strict";
import { DirectedGraph } from "graphology";
import dijkstra from "graphology-shortest-path/dijkstra.js";
import { describe, it } from "mocha";
import { floydWarshall, KEY_SCALE, keyCost, keyHops } from "../../src/routing/floyd-warshall.ts";
import type { KeyedGraph } from "../../src/routing/floyd-warshall.ts";
import { improve, isUsed } from "../../src/routing/incremental.ts";
import { findNegativeCycle } from "../../src/routing/negative-cycle.ts";
import { rankWays, roomForWays } from "../../src/routing/ways.ts";
import { randomFrom } from "./networks.ts";

const SEEDS = 1000;

interface Shape {
  relayShare: number;
  density: number;
  /** Clocks apart, in µs: makes links negative. */
  apart: number;
  weightUs: number;
}

function randomGraph(random: () => number, shape: Shape): KeyedGraph {
  const n = 2 + Math.floor(random() * 9);
  const offset = Array.from({ length: n }, () => Math.round((random() - 0.5) * shape.apart));
  const link = new Float64Array(n * n).fill(Infinity);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (i === j || random() > shape.density) continue;
      const delay = Math.floor(random() * 6) * 1000;
      link[i * n + j] = (delay + (offset[j] ?? 0) - (offset[i] ?? 0)) * KEY_SCALE + 1;
    }
  }
  const relays = Int32Array.from(
    Array.from({ length: n }, (_, i) => i).filter(() => random() < shape.relayShare),
  );
  const weight = Float64Array.from(
    { length: n },
    () => Math.floor(random() * 3) * shape.weightUs * KEY_SCALE,
  );
  return { n, link, relays, weight };
}

/** Cost only, µs, from one source; relays alone inside. Written for this test: Bellman–Ford. */
function bellmanFord(graph: KeyedGraph, source: number): number[] {
  const { n, link, weight } = graph;
  const isRelay = new Set(graph.relays);
  const distance = new Array<number>(n).fill(Infinity);
  distance[source] = 0;
  for (let round = 0; round < n; round++) {
    for (let u = 0; u < n; u++) {
      if (u !== source && !isRelay.has(u)) continue;
      const leave = (distance[u] ?? Infinity) + (u === source ? 0 : keyCost(weight[u] ?? 0));
      for (let v = 0; v < n; v++) {
        const key = link[u * n + v] ?? Infinity;
        if (key !== Infinity) distance[v] = Math.min(distance[v] ?? Infinity, leave + keyCost(key));
      }
    }
  }
  return distance;
}

/** From every node, as the rows of routes are made: best keys and next hops. */
function allWays(graph: KeyedGraph): { best: Float64Array[]; next: Int32Array[] } {
  const { n } = graph;
  const distance = new Float64Array(graph.relays.length * n);
  floydWarshall(graph, distance);
  const ways = Array.from({ length: n }, (_, s) => {
    const room = roomForWays(n);
    rankWays(graph, distance, s, 0, n, room);
    return room;
  });
  return { best: ways.map(({ best }) => best), next: ways.map(({ next }) => next) };
}

describe("floyd-warshall over relays", () => {
  it("finds the distances that graphology's Dijkstra finds where nothing is negative", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomFrom(seed);
      const graph = randomGraph(random, { relayShare: 1, density: 0.5, apart: 0, weightUs: 0 });
      const model = new DirectedGraph<object, { cost: number }>();
      for (let i = 0; i < graph.n; i++) model.addNode(i);
      graph.link.forEach((key, at) => {
        if (key !== Infinity) model.addEdge(Math.floor(at / graph.n), at % graph.n, { cost: keyCost(key) });
      });
      const { best } = allWays(graph);
      for (let s = 0; s < graph.n; s++) {
        const paths = dijkstra.singleSource(model, s, "cost");
        for (let t = 0; t < graph.n; t++) {
          if (t === s) continue;
          const path = paths[String(t)];
          const expected = path
            ?.slice(1)
            .reduce((sum, to, i) => sum + model.getEdgeAttribute(path[i], to, "cost"), 0);
          const key = best[s]?.[t] ?? Infinity;
          assert.equal(key === Infinity ? undefined : keyCost(key), expected, `seed ${seed}: ${s} → ${t}`);
        }
      }
    }
  });

  it("finds the distances that Bellman–Ford finds on negative one-way values, with leaves and relay costs", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = randomFrom(seed);
      const graph = randomGraph(random, { relayShare: 0.6, density: 0.6, apart: 4e9, weightUs: 1000 });
      const { best } = allWays(graph);
      for (let s = 0; s < graph.n; s++) {
        bellmanFord(graph, s).forEach((expected, t) => {
          const key = best[s]?.[t] ?? Infinity;
          if (t !== s)
            assert.equal(key === Infinity ? Infinity : keyCost(key), expected, `seed ${seed}: ${s} → ${t}`);
        });
      }
    }
  });

  it("makes next hops towards each destination a tree: every hop is one link nearer", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = randomFrom(seed);
      // No relay cost and delays of 0: cycles that cost nothing are common here.
      const graph = randomGraph(random, { relayShare: 0.7, density: 0.6, apart: 4e9, weightUs: 0 });
      const { best, next } = allWays(graph);
      for (let s = 0; s < graph.n; s++) {
        for (let t = 0; t < graph.n; t++) {
          const hop = next[s]?.[t] ?? -1;
          if (hop < 0 || hop === t) continue;
          assert.ok(graph.relays.includes(hop));
          const step = graph.link[s * graph.n + hop] ?? Infinity;
          assert.equal(best[s]?.[t], step + (best[hop]?.[t] ?? Infinity), `seed ${seed}`);
          assert.equal(keyHops(best[s]?.[t] ?? 0), 1 + keyHops(best[hop]?.[t] ?? 0));
        }
      }
    }
  });

  it("prefers fewer links, then lower NodeIDs, among equal costs", () => {
    // 0 → 3: 2 + 2 by node 1 or by node 2, or 4 directly.
    const link = new Float64Array(16).fill(Infinity);
    const set = (i: number, j: number, cost: number): void => void (link[i * 4 + j] = cost * KEY_SCALE + 1);
    for (const [i, j] of [[0, 1], [0, 2], [1, 3], [2, 3]] as const) set(i, j, 2); // prettier-ignore
    const graph = { n: 4, link, relays: Int32Array.of(0, 1, 2, 3), weight: new Float64Array(4) };
    assert.equal(allWays(graph).next[0]?.[3], 1);
    set(0, 3, 4);
    assert.equal(allWays(graph).next[0]?.[3], 3);
  });

  it("changes one link at a time to the same result as from scratch", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = randomFrom(seed);
      const graph = randomGraph(random, { relayShare: 0.7, density: 0.6, apart: 4e9, weightUs: 1000 });
      const { n, link } = graph;
      const rowOf = new Int32Array(n).fill(-1);
      graph.relays.forEach((relay, row) => (rowOf[relay] = row));
      const d = new Float64Array(graph.relays.length * n);
      floydWarshall(graph, d);
      for (let change = 0; change < 10; change++) {
        const [u, v] = [Math.floor(random() * n), Math.floor(random() * n)];
        const before = link[u * n + v] ?? Infinity;
        if (u === v || before === Infinity) continue;
        const after = before + Math.floor((random() - 0.5) * 6) * 1000 * KEY_SCALE;
        link[u * n + v] = after;
        const expected = new Float64Array(d.length);
        const negative = !floydWarshall(graph, expected);
        const touched = new Uint8Array(n);
        if (after < before) {
          const kept = d.slice();
          assert.equal(improve(graph, d, rowOf, u, v, after, touched), !negative, `seed ${seed}`);
          if (negative) break;
          assert.deepEqual(d, expected, `seed ${seed}`);
          kept.forEach((key, at) => assert.ok(key === d[at] || touched[at % n] === 1));
        } else if (negative) {
          break;
        } else if (!isUsed(graph, d, rowOf, u, v, before)) {
          assert.deepEqual(d, expected, `seed ${seed}`);
        }
        d.set(expected);
      }
    }
  });

  it("finds a negative cycle exactly where there is one, and names its links", () => {
    let found = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = randomFrom(seed);
      const graph = randomGraph(random, { relayShare: 0.8, density: 0.5, apart: 3000, weightUs: 100 });
      const { n, link, relays } = graph;
      for (let i = 0; i < n * n; i++) if (random() < 0.1) link[i] = (link[i] ?? 0) - 2500 * KEY_SCALE;
      const d = new Float64Array(relays.length * n);
      const cycle = findNegativeCycle(graph);
      assert.equal(floydWarshall(graph, d), cycle === undefined, `seed ${seed}`);
      if (!cycle) continue;
      found++;
      const sum = cycle.reduce((key, from, i) => {
        const to = cycle[(i + 1) % cycle.length] ?? 0;
        return key + (link[from * n + to] ?? Infinity) + (graph.weight[from] ?? 0);
      }, 0);
      assert.ok(sum < 0, `seed ${seed}: ${cycle.join()}`);
    }
    assert.ok(found > 100 && found < SEEDS - 100, `${found} of ${SEEDS} graphs had one`);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { staticRoutes, type NextHopTable } from "../../src/node/static-routes.ts";

const table = (rows: Record<number, Record<number, number>>): NextHopTable =>
  new Map(
    Object.entries(rows).map(([from, row]) => [
      Number(from),
      new Map(Object.entries(row).map(([to, next]) => [Number(to), next])),
    ]),
  );

describe("routes of a static table", () => {
  it("are the own row, with the hops that the other rows lead over", () => {
    const { routes } = staticRoutes(
      table({ 1: { 2: 2, 3: 2, 4: 2 }, 2: { 3: 3, 4: 3 }, 3: { 4: 4 } }),
      1,
      [2, 3, 4],
    );
    assert.deepEqual(routes, [
      { destination: 2, nextHop: 2, hops: 1 },
      { destination: 3, nextHop: 2, hops: 2 },
      { destination: 4, nextHop: 2, hops: 3 },
    ]);
  });

  it("have unknown hops where a row is missing, or the rows go in circles", () => {
    const missing = staticRoutes(table({ 1: { 3: 2 } }), 1, [2]);
    assert.deepEqual(missing.routes, [{ destination: 3, nextHop: 2, hops: 0 }]);
    const circle = staticRoutes(table({ 1: { 9: 2 }, 2: { 9: 3 }, 3: { 9: 2 } }), 1, [2]);
    assert.deepEqual(circle.routes, [{ destination: 9, nextHop: 2, hops: 0 }]);
  });

  it("flood to every destination of the own row, each once, never to oneself or to special NodeIDs", () => {
    const { floodSet } = staticRoutes(table({ 1: { 4: 2, 2: 2, 1: 2, 65533: 2 } }), 1, [2, 7]);
    assert.deepEqual(floodSet, [2, 4]);
  });

  it("know as members oneself, the peers, and whoever the row names", () => {
    const { members } = staticRoutes(table({ 1: { 4: 3 }, 8: { 9: 9 } }), 1, [2]);
    assert.deepEqual(
      members.toSorted((a, b) => a - b),
      [1, 2, 3, 4],
    );
  });

  it("are none without an own row", () => {
    assert.deepEqual(staticRoutes(table({ 2: { 1: 1 } }), 1, []), { routes: [], floodSet: [], members: [1] });
  });
});

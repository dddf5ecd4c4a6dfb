import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { RowKeeper } from "../../src/node/row-keeper.ts";
import { rowHash } from "../../src/routing/row-hash.ts";
import type { Row, RowEntry } from "../../src/routing/types.ts";

function entry(destination: number, nextHop: number, backup: number | null = null): RowEntry {
  return { destination, nextHop, backup, hops: 2, size: 1400, costUs: -5000 };
}
function row(counter: number, entries: RowEntry[]): Row {
  return { incarnation: 7, counter, hash: rowHash(entries), entries };
}
const everybody = (): boolean => true;

describe("an edge's row", () => {
  it("is no route at all before the supernode said something, and no change can be made to it", () => {
    const keeper = new RowKeeper();
    assert.deepEqual(keeper.routes(everybody), []);
    const base = { incarnation: 7, counter: 0 };
    assert.equal(
      keeper.change({ base, incarnation: 7, counter: 1, hash: rowHash([]), set: [], removed: [] }),
      false,
    );
  });

  it("has an issuer as long as there are ways in it", () => {
    const keeper = new RowKeeper();
    assert.equal(keeper.issuer, undefined);
    keeper.take(row(1, []));
    assert.equal(keeper.issuer, undefined);
    keeper.take(row(2, [entry(2, 2)]));
    assert.equal(keeper.issuer, 7);
  });

  it("becomes routes with hops, size and backup, without what the data plane does not want", () => {
    const keeper = new RowKeeper();
    keeper.take(row(1, [entry(2, 3, 4), entry(3, 3)]));
    assert.deepEqual(keeper.routes(everybody), [
      { destination: 2, nextHop: 3, hops: 2, size: 1400, backup: 4 },
      { destination: 3, nextHop: 3, hops: 2, size: 1400 },
    ]);
  });

  it("leads to and through members only: a removed one takes its routes, or a backup, along", () => {
    const keeper = new RowKeeper();
    keeper.take(row(1, [entry(2, 3, 4), entry(3, 3, 4), entry(4, 4, 3), entry(5, 4)]));
    assert.deepEqual(
      keeper.routes((nodeId) => nodeId !== 4),
      [
        { destination: 2, nextHop: 3, hops: 2, size: 1400 },
        { destination: 3, nextHop: 3, hops: 2, size: 1400 },
      ],
    );
  });

  it("follows changes in order, and keeps the old row when one does not fit", () => {
    const keeper = new RowKeeper();
    keeper.take(row(1, [entry(2, 3), entry(3, 3)]));
    const after = [entry(2, 2), entry(4, 2)];
    const change = { incarnation: 7, counter: 5, hash: rowHash(after), set: after, removed: [3] };
    assert.equal(keeper.change({ ...change, base: { incarnation: 7, counter: 2 } }), false);
    assert.equal(keeper.change({ ...change, base: { incarnation: 8, counter: 1 } }), false);
    assert.equal(keeper.change({ ...change, base: { incarnation: 7, counter: 1 }, hash: "0" }), false);
    assert.equal(keeper.row?.counter, 1);
    assert.equal(keeper.change({ ...change, base: { incarnation: 7, counter: 1 } }), true);
    assert.deepEqual(keeper.row?.entries, after);
    assert.equal(keeper.row?.counter, 5);
  });
});

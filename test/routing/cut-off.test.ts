import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Coordinator } from "../../src/routing/coordinator.ts";
import { CutOff } from "../../src/routing/cut-off.ts";
import { advert, report } from "./networks.ts";

const SECOND = 1e6;
const TIMEOUT_US = 40 * SECOND;
const LOCAL = 1;
const REMOTE = [2, 3, 4, 5, 6];
const ALL = [LOCAL, ...REMOTE];

/** A supernode on whose members' links all is known; times in seconds. */
class Bed {
  readonly coordinator = new Coordinator({ incarnation: 1 });
  #counter = 0;
  #expiredS = 0;

  constructor() {
    const member = (nodeId: number) => ({ nodeId, relay: "auto" as const, additionalCostUs: 0 });
    this.coordinator.setMembers(ALL.map(member));
    for (const node of ALL) this.#presence(0, node, true);
    for (const node of ALL) this.hears(0, node, ALL);
  }

  hears(s: number, node: number, heard: readonly number[]): void {
    const links = ALL.filter((from) => from !== node).map((from) => {
      const link = advert(from, node, 10_000);
      return heard.includes(from) ? link : { ...link, costUs: null };
    });
    this.coordinator.report(s * SECOND, node, report(node, ++this.#counter, links));
  }

  went(s: number, ...nodes: number[]): void {
    for (const node of nodes) this.#presence(s, node, false);
  }

  came(s: number, ...nodes: number[]): void {
    for (const node of nodes) this.#presence(s, node, true);
  }

  #presence(s: number, node: number, present: boolean): void {
    this.expire(s);
    this.coordinator.setPresence(s * SECOND, node, present);
  }

  /** Each second up to then. */
  expire(untilS: number): void {
    for (; this.#expiredS < untilS; this.#expiredS++)
      this.coordinator.expire(this.#expiredS * SECOND, TIMEOUT_US);
  }

  /** Whom `node` has ways to. */
  reached(node: number): number[] {
    this.coordinator.compute();
    return this.coordinator.row(node).entries.map(({ destination }) => destination);
  }
}

describe("a supernode that is cut off from most of its members", () => {
  /** Five of six are cut off within two seconds; the one in the supernode's LAN hears them no more. */
  function cutOff(): Bed {
    const bed = new Bed();
    REMOTE.forEach((node, i) => bed.went(100 + i / 2, node));
    bed.hears(104, LOCAL, []);
    return bed;
  }

  it("forgets nothing meanwhile, nor before they had time to come back", () => {
    const bed = cutOff();
    bed.expire(400);
    assert.deepEqual(bed.reached(2), [3, 4, 5, 6]);
    bed.came(400, 2);
    bed.hears(400, 2, []);
    bed.expire(430);
    assert.deepEqual(bed.reached(3), [4, 5, 6]);
  });

  it("forgets those who do not come back once the others do and hear them no more", () => {
    const bed = cutOff();
    bed.came(400, 2, 3, 4);
    for (const node of [2, 3, 4]) bed.hears(401, node, [2, 3, 4]);
    bed.expire(439);
    assert.deepEqual(bed.reached(5), [6]);
    bed.expire(445);
    assert.deepEqual(bed.reached(5), []);
    assert.deepEqual(bed.reached(2), [3, 4]);
  });

  it("is still cut off when the one in its LAN connects anew, and when it is soon cut off again", () => {
    const bed = cutOff();
    bed.went(200, LOCAL);
    bed.came(201, LOCAL);
    bed.expire(300);
    assert.deepEqual(bed.reached(2), [3, 4, 5, 6]);
    bed.came(300, 2);
    bed.went(305, 2);
    bed.expire(600);
    assert.deepEqual(bed.reached(2), [3, 4, 5, 6]);
  });

  it("is not where members go one after the other, or few of them", () => {
    const slowly = new Bed();
    [2, 3, 4, 5].forEach((node, i) => slowly.went(100 + 11 * i, node));
    for (const node of [LOCAL, 6]) slowly.hears(150, node, [LOCAL, 6]);
    slowly.expire(200);
    assert.deepEqual(slowly.reached(2), []);
    const few = new Bed();
    few.went(100, 2, 3, 4);
    for (const node of [LOCAL, 5, 6]) few.hears(101, node, [LOCAL, 5, 6]);
    few.expire(145);
    assert.deepEqual(few.reached(2), []);
  });

  it("is not any more when others make up for those who went", () => {
    const cut = new CutOff();
    for (const node of [1, 2, 3]) cut.came(0, node);
    for (const node of [2, 3]) cut.went(SECOND, node);
    assert.equal(cut.isNow, true);
    assert.equal(cut.came(100 * SECOND, 4), true);
    assert.equal(cut.isNow, false);
  });

  it("is when the last one goes, until anybody comes", () => {
    const cut = new CutOff();
    assert.equal(cut.isNow, true);
    assert.equal(cut.came(0, 1), true);
    cut.went(SECOND, 1);
    assert.equal(cut.isNow, true);
    assert.equal(cut.came(2 * SECOND, 2), true);
    assert.equal(cut.isNow, false);
  });

  it("waits for nobody who is no member any more", () => {
    const cut = new CutOff();
    for (const node of [1, 2, 3]) cut.came(0, node);
    for (const node of [2, 3]) cut.went(SECOND, node);
    assert.equal(cut.isNow, true);
    cut.retain((node) => node !== 2);
    assert.equal(cut.isNow, true);
    cut.retain((node) => node === 1);
    assert.equal(cut.isNow, false);
  });
});

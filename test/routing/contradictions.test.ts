import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Coordinator } from "../../src/routing/coordinator.ts";
import { RelayTable } from "../../src/routing/relay-table.ts";
import { randomFrom, advert, follow, report } from "./networks.ts";

const HONEST_US = 1000;
const SHIFT_US = 100_000;

/** Of the kernel in one computation: one that finds the contradiction, and three that solve it. */
const MAX_RUNS = 4;

/** What a node says of the link from another, µs; undefined = nothing. */
type Word = (from: number, to: number) => number | undefined;

/** Members 1..n, all willing to relay for nothing; `say` takes the numbers of the moment. */
class Mesh {
  readonly ids: number[];
  readonly coordinator = new Coordinator({ incarnation: 1, relayCostUs: 0 });
  readonly #counters = new Map<number, number>();

  constructor(n: number) {
    this.ids = Array.from({ length: n }, (_, i) => i + 1);
    const { ids, coordinator } = this;
    coordinator.setMembers(ids.map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
  }

  say(to: number, word: Word): void {
    const counter = (this.#counters.get(to) ?? 0) + 1;
    this.#counters.set(to, counter);
    const links = this.ids.flatMap((from) => {
      const cost = from === to ? undefined : word(from, to);
      return cost === undefined ? [] : [advert(from, to, cost)];
    });
    this.coordinator.report(0, to, report(to, counter, links));
  }

  /** Times the kernel ran in one computation. */
  compute(): number {
    const { rebuild } = RelayTable.prototype;
    let runs = 0;
    RelayTable.prototype.rebuild = function (this: RelayTable) {
      runs++;
      return rebuild.call(this);
    };
    try {
      this.coordinator.compute();
    } finally {
      RelayTable.prototype.rebuild = rebuild;
    }
    return runs;
  }

  accused(): number[] {
    return [...new Set(this.coordinator.refusedBy().map(({ nodeId }) => nodeId))];
  }

  /** Links that are in no path, as "from>to". */
  out(): string[] {
    const links = this.coordinator.links().filter(({ state }) => state !== "used");
    return links.map(({ from, to }) => `${from}>${to}`);
  }

  /** Every way is followed to its end: no loops, no gaps. */
  check(): void {
    for (const from of this.ids) {
      for (const { destination } of this.coordinator.row(from).entries)
        follow(this.coordinator, from, destination);
    }
    assert.ok(this.coordinator.verify());
  }
}

/** `liar` shows the members that `isFooled` a clock that stands `shiftUs` elsewhere; all measure honestly against it. */
function shifted(
  liar: number,
  isFooled: (id: number) => boolean,
  shiftUs = SHIFT_US,
): (from: number, to: number) => number {
  return (from, to) => {
    if (to === liar && isFooled(from)) return HONEST_US - shiftUs;
    if (from === liar && isFooled(to)) return HONEST_US + shiftUs;
    return HONEST_US;
  };
}

describe("links that contradict one another", () => {
  it("casts out an old lie, not the truth that is repeated after it, and names the liar alone", () => {
    const [a, liar] = [1, 10];
    const mesh = new Mesh(10);
    const word = shifted(liar, (id) => id === a);
    for (const id of mesh.ids) mesh.say(id, word);
    mesh.compute();
    assert.deepEqual(mesh.out(), [`${a}>${liar}`]);
    for (let round = 1; round <= 20; round++) {
      mesh.say(a, (from, to) => word(from, to) === HONEST_US ? HONEST_US + (round % 2) : word(from, to)); // prettier-ignore
      mesh.compute();
      assert.deepEqual(mesh.out(), [`${a}>${liar}`]);
    }
    assert.deepEqual(mesh.accused(), [liar]);
    assert.equal(mesh.coordinator.refusals()["negative-cycle"], 1);
    mesh.check();
  });

  it("remembers a lie over a time in which nobody contradicts it, as when its victim starts anew", () => {
    const [a, liar] = [1, 10];
    const mesh = new Mesh(10);
    const word = shifted(liar, (id) => id === a);
    for (const id of mesh.ids) mesh.say(id, word);
    mesh.compute();
    mesh.say(a, () => undefined);
    mesh.compute();
    assert.ok(!mesh.out().includes(`${a}>${liar}`));
    mesh.say(liar, (from, to) => word(from, to) + 1);
    mesh.compute();
    for (let heard = 2; heard <= 10; heard++) {
      mesh.say(a, (from, to) => (from <= heard ? word(from, to) : undefined));
      mesh.compute();
      assert.deepEqual(mesh.out(), [`${a}>${liar}`]);
    }
    assert.deepEqual(mesh.accused(), [liar]);
    mesh.check();
  });

  it("finds an old lie when the honest ones speak last, all at once or one by one", () => {
    const [a, liar] = [1, 2];
    const word = shifted(liar, (id) => id === a);
    for (const oneByOne of [false, true]) {
      const mesh = new Mesh(10);
      // Until it has two witnesses against it, the newest word goes; then the others are let in again.
      mesh.say(liar, word);
      mesh.say(a, (from, to) => (from === liar ? word(from, to) : undefined));
      for (const id of mesh.ids.slice(2)) mesh.say(id, word);
      if (oneByOne) mesh.compute();
      for (let heard = 3; heard <= 10; heard++) {
        mesh.say(a, (from, to) => (from <= heard ? word(from, to) : undefined));
        if (oneByOne) mesh.compute();
      }
      mesh.compute();
      assert.deepEqual(mesh.out(), [`${a}>${liar}`]);
      assert.ok(mesh.accused().filter((id) => id !== liar).length <= (oneByOne ? 1 : 0));
      mesh.check();
    }
  });

  it("names who tells its clock differently, however many it fools, in either direction", () => {
    const n = 11;
    for (const shiftUs of [SHIFT_US, -SHIFT_US]) {
      for (let fooled = 2; fooled <= n - 3; fooled++) {
        for (const liar of [1, 6, n]) {
          const mesh = new Mesh(n);
          const others = mesh.ids.filter((id) => id !== liar);
          const group = new Set(others.slice(0, fooled));
          const word = shifted(liar, (id) => group.has(id), shiftUs);
          for (const id of [liar, ...others]) mesh.say(id, word);
          assert.ok(mesh.compute() <= MAX_RUNS);
          assert.deepEqual(mesh.accused(), [liar], `${liar} fools ${fooled}`);
          for (const link of mesh.out()) assert.ok(link.split(">").map(Number).includes(liar), link);
          for (const from of others) {
            for (const to of others)
              if (from !== to) assert.deepEqual(follow(mesh.coordinator, from, to), [from, to]);
          }
          mesh.check();
        }
      }
    }
  });

  it("takes a link back when its numbers are right again, or when what it spoke against is", () => {
    const mesh = new Mesh(6);
    const word = shifted(6, (id) => id === 1);
    for (const id of mesh.ids) mesh.say(id, word);
    mesh.compute();
    assert.deepEqual(mesh.out(), ["1>6"]);
    mesh.say(6, () => HONEST_US);
    mesh.compute();
    assert.deepEqual(mesh.out(), []);
    mesh.say(6, word);
    mesh.compute();
    assert.deepEqual(mesh.out(), ["1>6"]);
    // All others move to the clock that 6 shows to 1.
    for (const to of [2, 3, 4, 5]) mesh.say(to, (from) => HONEST_US - (from === 1 ? SHIFT_US : 0));
    for (const to of [1, 6])
      mesh.say(to, (from) => HONEST_US + (to === 1 ? SHIFT_US : from === 1 ? -SHIFT_US : 0));
    mesh.compute();
    assert.deepEqual(mesh.out(), []);
    mesh.check();
  });

  it("heals an honest mesh whose reports cross with a change of all clocks", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = randomFrom(seed);
      const mesh = new Mesh(8);
      const [before, after] = [0, 1].map(() => mesh.ids.map(() => Math.round(random() * 50_000)));
      const word =
        (offsets: number[] = []): Word =>
        (from, to) =>
          5000 + ((from * 7 + to) % 5) * 1000 + (offsets[to - 1] ?? 0) - (offsets[from - 1] ?? 0);
      for (const id of mesh.ids) mesh.say(id, word(before));
      mesh.compute();
      for (const id of [...mesh.ids].sort(() => random() - 0.5)) {
        mesh.say(id, word(after));
        assert.ok(mesh.compute() <= MAX_RUNS);
        mesh.check();
      }
      assert.deepEqual(mesh.out(), [], `seed ${seed}`);
    }
  });

  it("ends after a few runs of the kernel whatever is said, and gives the same again (500 seeds)", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const random = randomFrom(seed);
      const mesh = new Mesh(3 + Math.floor(random() * 10));
      const density = 0.2 + 0.8 * random();
      for (let step = 0; step < 3 * mesh.ids.length; step++) {
        const id = 1 + Math.floor(random() * mesh.ids.length);
        mesh.say(id, () => (random() < density ? Math.round((random() - 0.2) * 10_000) : undefined));
        if (random() < 0.5) continue;
        assert.ok(mesh.compute() <= MAX_RUNS);
        mesh.check();
      }
    }
  });

  it("breaks a cycle of many links, too: at the newest, or at the one that many have in common", () => {
    const n = 12;
    const mesh = new Mesh(n);
    const isNext = (from: number, to: number): boolean => to === (from % n) + 1;
    const word: Word = (from, to) => (isNext(from, to) ? HONEST_US : undefined);
    for (const id of mesh.ids) mesh.say(id, word);
    mesh.compute();
    assert.deepEqual(mesh.out(), []);
    mesh.say(5, (from, to) => (isNext(from, to) ? -n * HONEST_US : undefined));
    mesh.compute();
    assert.deepEqual(mesh.out(), ["4>5"]);
    mesh.check();
    mesh.say(9, (from, to) => (isNext(from, to) ? HONEST_US + 1 : undefined));
    mesh.compute();
    assert.deepEqual(mesh.out(), ["4>5"]);
    // 1 → 2, then by way of one of the pairs (3, 4), (5, 6) … back to 1: all cycles have four links.
    const grid = new Mesh(n);
    const pairs: Word = (from, to) => {
      if (from === 1) return to === 2 ? -9 * HONEST_US : undefined;
      const isWay =
        (from === 2 && to % 2 === 1) || (from % 2 === 1 && to === from + 1) || (from % 2 === 0 && to === 1);
      return isWay && from + to !== 3 && to !== 2 ? HONEST_US : undefined;
    };
    for (const id of [2, ...grid.ids.slice(2), 1]) grid.say(id, pairs);
    assert.ok(grid.compute() <= MAX_RUNS);
    assert.deepEqual(grid.out(), ["1>2"]);
    assert.deepEqual(grid.accused(), [2]);
    grid.check();
  });
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { PathMtu } from "../../src/link/path-mtu.ts";
import { LARGEST_MTU, LEAST_MTU } from "../../src/wire/sizes.ts";
import { MS, SECOND, seeded } from "./link-pair.ts";

const RTT = 30 * MS;

/** A link, and a path that swallows what is too large for it. */
class World {
  readonly mtu: PathMtu = new PathMtu();
  nowUs = 7 * SECOND;
  passes: number;
  /** Of questions and answers together: 0..1. */
  loss = 0;
  /** So many of the next questions are lost. */
  lostNext = 0;
  asked: number[] = [];
  readonly #random: () => number;
  #answers: { atUs: number; generation: number; size: number }[] = [];

  constructor(passes: number, seed = 1) {
    this.passes = passes;
    this.#random = seeded(seed);
    this.mtu.limit(this.nowUs, 1500);
    this.mtu.turn(this.nowUs, true);
  }

  run(forUs: number): this {
    for (const endUs = this.nowUs + forUs; this.nowUs < endUs; this.nowUs += 10 * MS) {
      for (const { generation, size } of this.#answers.filter(({ atUs }) => atUs <= this.nowUs)) {
        this.mtu.answered(this.nowUs, generation, size);
      }
      this.#answers = this.#answers.filter(({ atUs }) => atUs > this.nowUs);
      const size = this.mtu.tick(this.nowUs);
      if (size === undefined) continue;
      this.asked.push(size);
      const isLost = this.lostNext-- > 0 || this.#random() / 2 ** 32 < this.loss;
      const { generation } = this.mtu;
      if (size <= this.passes && !isLost) this.#answers.push({ atUs: this.nowUs + RTT, generation, size });
    }
    return this;
  }
}

describe("the MTU of a path", () => {
  it("is the floor until more is proven, and the route's by one question where that passes", () => {
    const world = new World(1500);
    assert.equal(world.mtu.size, LEAST_MTU);
    world.run(RTT + 20 * MS);
    assert.equal(world.mtu.size, LARGEST_MTU);
    world.run(25 * SECOND);
    assert.deepEqual(world.asked, [1500]);
  });

  it("is found by some fifteen questions in six seconds where the route promises too much", () => {
    for (const [passes, found] of [
      [1499, 1492],
      [1492, 1492],
      [1420, 1420],
      [1415, 1400],
      [1299, 1280],
      [1280, 1280],
    ] as const) {
      const world = new World(passes).run(6.5 * SECOND);
      assert.equal(world.mtu.size, found, `${passes}`);
      assert.ok(world.asked.length <= 15, `${world.asked}`);
    }
  });

  it("is found whatever is lost in between, most of the time", () => {
    const found = Array.from({ length: 200 }, (_, seed) => {
      const world = new World(1420, seed + 1);
      world.loss = 0.05;
      return world.run(8 * SECOND).mtu.size;
    });
    assert.ok(found.filter((size) => size === 1420).length > 195, `${found}`);
  });

  it("never is more than what passed, nor than the route's, whatever is lost and however it changes", () => {
    const step = fc.record({
      passes: fc.constantFrom(1280, 1300, 1400, 1444, 1500),
      route: fc.constantFrom(0, 1000, 1280, 1400, 1500, 9000),
      moves: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 6 }),
        fc.nat(1000),
        fc.constantFrom(0, 0.1, 0.5),
        (steps, seed, loss) => {
          const world = new World(1500, seed);
          world.loss = loss;
          for (const { passes, route, moves } of steps) {
            const before = world.mtu.size;
            world.passes = passes;
            world.mtu.limit(world.nowUs, route);
            if (moves) world.mtu.move(world.nowUs);
            world.run(SECOND);
            const largest = route === 0 ? LARGEST_MTU : route;
            assert.ok(world.mtu.size <= largest);
            assert.ok(world.mtu.size <= Math.max(LEAST_MTU, passes, moves ? 0 : before));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("falls to what passes within 35 s when the path changes under it", () => {
    const world = new World(1500).run(10 * SECOND);
    world.passes = 1400;
    world.run(25 * SECOND);
    assert.ok(world.mtu.size <= 1400);
    world.run(8 * SECOND);
    assert.equal(world.mtu.size, 1400);
  });

  it("outlives two lost confirmations, and is soon back after three", () => {
    const world = new World(1500).run(10 * SECOND);
    for (const lost of [1, 2]) {
      world.lostNext = lost;
      for (let tenth = 0; tenth < 600; tenth++) assert.equal(world.run(SECOND / 10).mtu.size, 1500);
    }
    world.lostNext = 3;
    let reducedUs = 0;
    for (let hundredth = 0; hundredth < 6000; hundredth++) {
      if (world.run(SECOND / 100).mtu.size < 1500) reducedUs += SECOND / 100;
    }
    assert.ok(reducedUs > 0 && reducedUs < SECOND, `${reducedUs} µs`);
  });

  it("is searched again after ten minutes where more might pass", () => {
    const world = new World(1400).run(60 * SECOND);
    world.passes = 1500;
    world.run(500 * SECOND);
    assert.equal(world.mtu.size, 1400);
    world.run(60 * SECOND);
    assert.equal(world.mtu.size, 1500);
  });

  it("begins anew with another endpoint: answers of the old one do not count", () => {
    const world = new World(1500).run(10 * MS);
    const { generation } = world.mtu;
    world.mtu.move(world.nowUs);
    world.mtu.answered(world.nowUs, generation, 1500);
    assert.equal(world.mtu.size, LEAST_MTU);
    world.run(SECOND);
    assert.equal(world.mtu.size, 1500);
    world.passes = 1400;
    world.mtu.move(world.nowUs);
    assert.equal(world.mtu.size, LEAST_MTU);
    world.run(6.5 * SECOND);
    assert.equal(world.mtu.size, 1400);
  });

  it("asks nothing while the link is dead, and begins anew when it is up again", () => {
    const world = new World(1500).run(SECOND);
    world.mtu.turn(world.nowUs, false);
    world.asked = [];
    world.run(100 * SECOND);
    assert.deepEqual([world.asked, world.mtu.size], [[], 1500]);
    world.mtu.turn(world.nowUs, true);
    assert.equal(world.mtu.size, LEAST_MTU);
    world.run(SECOND);
    assert.deepEqual([world.asked, world.mtu.size], [[1500], 1500]);
  });

  it("is the route's where that falls during the search or a confirmation", () => {
    for (const beforeUs of [0, 500 * MS, 1300 * MS]) {
      const world = new World(1492).run(beforeUs);
      world.mtu.limit(world.nowUs, 1492);
      assert.equal(world.run(SECOND).mtu.size, 1492, `after ${beforeUs} µs`);
    }
    const world = new World(1500).run(SECOND);
    while (world.mtu.resting) world.run(10 * MS);
    world.mtu.limit(world.nowUs, 1420);
    world.passes = 1420;
    for (let i = 0; i < 500; i++) assert.equal(world.run(10 * MS).mtu.size, 1420);
    world.mtu.move(world.nowUs);
    world.mtu.limit(world.nowUs, 1380);
    assert.equal(world.run(SECOND).mtu.size, 1380);
  });

  it("is confirmed before more is tried, after however long a rest", () => {
    const world = new World(1400).run(10 * SECOND);
    const asked = world.asked.length;
    world.nowUs += 3600 * SECOND;
    world.passes = 1300;
    world.run(1.5 * SECOND);
    assert.deepEqual(world.asked.slice(asked, asked + 3), [1400, 1400, 1400]);
    assert.ok(world.mtu.size <= 1300);
  });

  it("follows the route at once: down, and up by a question", () => {
    const world = new World(9000).run(SECOND);
    world.mtu.limit(world.nowUs, 1380);
    assert.equal(world.mtu.size, 1380);
    world.mtu.limit(world.nowUs, 1500);
    assert.equal(world.mtu.size, 1380);
    world.run(SECOND);
    assert.equal(world.mtu.size, 1500);
    world.mtu.limit(world.nowUs, 1000);
    assert.equal(world.mtu.size, 1000);
  });
});

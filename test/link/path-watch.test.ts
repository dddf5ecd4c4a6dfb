import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { PathWatch } from "../../src/link/path-watch.ts";
import type { PathAction, PathEvent } from "../../src/link/path-watch.ts";
import {
  decodePathProbe,
  encodePathProbe,
  PATH_BACKUP,
  PATH_PRIMARY,
  PATH_PROBE_BYTES,
  PATH_PROBE_IS_REPLY,
  stampPathProbeSent,
} from "../../src/wire/path-probe.ts";
import { MS, SECOND, seeded } from "./link-pair.ts";

const FAR = 9;
const RELAY = 5;
const OTHER_RELAY = 6;
const TICK = 10 * MS;

/** An ingress, a destination that answers, and relays that may swallow what they should forward. */
class PathWorld {
  nowUs = 0;
  readonly random: () => number;
  readonly near: PathWatch = new PathWatch({ epoch: 0x11 });
  readonly far: PathWatch = new PathWatch({ epoch: 0x22 });
  readonly swallowing: Set<number> = new Set();
  /** Clocks minus true time; way there and way back. */
  nearOffsetUs = 5e9;
  farOffsetUs = -7e11;
  thereUs: number = 20 * MS;
  backUs: number = 50 * MS;
  loss = 0;
  /** The next hop in use; undefined: no traffic. */
  using: number | undefined = RELAY;
  readonly asked: { atUs: number; nextHop: number }[] = [];
  readonly verdicts: { atUs: number; nextHop: number; down: boolean }[] = [];
  #queue: { atUs: number; run: () => void }[] = [];

  constructor(seed = 1) {
    this.random = seeded(seed);
  }

  run(durationUs: number): void {
    const endUs = this.nowUs + durationUs;
    while (this.nowUs < endUs) {
      this.nowUs += TICK;
      this.#queue.sort((x, y) => x.atUs - y.atUs);
      while (this.#queue[0] && this.#queue[0].atUs <= this.nowUs) this.#queue.shift()?.run();
      if (this.using !== undefined) {
        const path = this.using === RELAY ? PATH_PRIMARY : PATH_BACKUP;
        this.tell({ type: "use", destination: FAR, nextHop: this.using, path });
      }
      this.tell({ type: "tick" });
    }
  }

  tell(event: PathEvent): readonly PathAction[] {
    const actions = this.near.handle(this.nowUs, event, this.random);
    for (const action of actions) this.#perform(action);
    return actions;
  }

  at(atUs: number, run: () => void): void {
    this.#queue.push({ atUs, run });
  }

  #perform(action: PathAction): void {
    if (action.type === "path") {
      const { nextHop, down } = action;
      this.verdicts.push({ atUs: this.nowUs, nextHop, down });
    }
    if (action.type !== "probe") return;
    this.asked.push({ atUs: this.nowUs, nextHop: action.nextHop });
    stampPathProbeSent(action.payload, 0, this.nowUs + this.nearOffsetUs);
    if (this.swallowing.has(action.nextHop) || this.random() / 2 ** 32 < this.loss) return;
    const bytes = action.payload.slice();
    const atFarUs = this.nowUs + this.thereUs;
    this.at(atFarUs, () => {
      const record: PathEvent = { type: "record", peer: 1, bytes, arrivalUs: atFarUs + this.farOffsetUs };
      for (const answer of this.far.handle(atFarUs, record, this.random)) {
        assert.equal(answer.type, "answer");
        if (answer.type !== "answer") continue;
        const atUs = atFarUs + this.backUs;
        this.at(atUs, () => {
          const arrivalUs = atUs + this.nearOffsetUs;
          this.tell({ type: "record", peer: FAR, bytes: answer.payload, arrivalUs });
        });
      }
    });
  }
}

describe("path watch", () => {
  it("asks once a second while a relayed path carries traffic and for ten seconds more, then no more", () => {
    const world = new PathWorld();
    world.run(60 * SECOND);
    assert.ok(world.asked.length >= 55 && world.asked.length <= 66, `${world.asked.length} in a minute`);
    world.using = undefined;
    world.run(10 * SECOND);
    const stopped = world.asked.length;
    world.run(60 * SECOND);
    assert.equal(world.asked.length, stopped);
    assert.equal(world.near.nextDeadline(), Infinity);
    assert.deepEqual(world.verdicts, []);
    assert.deepEqual(world.near.snapshot(), []);
  });

  it("measures both ways between clocks that are days apart", () => {
    const world = new PathWorld();
    world.run(10 * SECOND);
    const [path] = world.near.snapshot();
    assert.ok(path);
    const differenceUs = world.farOffsetUs - world.nearOffsetUs;
    assert.ok(Math.abs((path.owdOut ?? NaN) - differenceUs - 20 * MS) < MS);
    assert.ok(Math.abs((path.owdBack ?? NaN) + differenceUs - 50 * MS) < 11 * MS);
    assert.ok(Math.abs((path.rtt ?? NaN) - 70 * MS) < 11 * MS);
    assert.equal(path.remoteEpoch, 0x22);
    world.nearOffsetUs += 1e9;
    world.tell({ type: "epoch", epoch: 0x33 });
    world.run(5 * SECOND);
    const owdOut = world.near.snapshot()[0]?.owdOut ?? NaN;
    assert.ok(Math.abs(owdOut - differenceUs + 1e9 - 20 * MS) < MS);
  });

  it("finds a path dead after three unanswered questions, and passable when one is answered", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new PathWorld(seed);
      world.run(5 * SECOND);
      world.swallowing.add(RELAY);
      const fromUs = world.nowUs;
      world.run(5 * SECOND);
      const [fall] = world.verdicts;
      assert.ok(fall?.down);
      assert.equal(fall.nextHop, RELAY);
      assert.ok(fall.atUs - fromUs < 4.5 * SECOND, `after ${fall.atUs - fromUs}`);
      assert.ok(world.near.isDown(FAR, RELAY));
      assert.equal(world.near.isDown(FAR, OTHER_RELAY), false);
      // It heals, traffic is elsewhere: held for ten seconds, then tried, then good.
      world.swallowing.clear();
      world.using = OTHER_RELAY;
      world.run(15 * SECOND);
      const rise = world.verdicts[1];
      assert.ok(rise && !rise.down);
      assert.equal(world.verdicts.length, 2);
      const heldUs = rise.atUs - fall.atUs;
      assert.ok(heldUs >= 10 * SECOND && heldUs < 10.5 * SECOND, `held ${heldUs}`);
      assert.equal(world.near.isDown(FAR, RELAY), false);
    }
  });

  it("holds a path that stays dead for 10, 20, 40, 60, 60 seconds, asking three times in between", () => {
    const world = new PathWorld(3);
    world.swallowing.add(RELAY);
    world.run(6 * SECOND);
    world.using = OTHER_RELAY;
    world.run(300 * SECOND);
    const asked = world.asked.filter((one) => one.nextHop === RELAY).map((one) => one.atUs);
    const gaps = asked.slice(1).map((atUs, i) => (atUs - (asked[i] ?? 0)) / SECOND);
    const long = gaps.filter((gap) => gap > 5);
    assert.deepEqual(
      long.slice(0, 5).map((gap) => Math.round(gap / 5) * 5),
      [10, 20, 40, 60, 60],
    );
    assert.equal(world.verdicts.length, 1);
    // The other path was well all the time.
    assert.equal(world.near.isDown(FAR, OTHER_RELAY), false);
  });

  it("is not misled by 10 % loss in ten minutes, nor by answers that take 2.5 s", () => {
    const lossy = new PathWorld(7);
    lossy.loss = 0.1;
    lossy.run(600 * SECOND);
    assert.ok(lossy.verdicts.filter((verdict) => verdict.down).length <= 2);
    const slow = new PathWorld(8);
    slow.thereUs = 2.4 * SECOND;
    slow.backUs = 0.1 * SECOND;
    slow.run(60 * SECOND);
    assert.deepEqual(slow.verdicts, []);
  });

  it("forgets a path's past after a good minute", () => {
    const world = new PathWorld(5);
    const die = (): number => {
      world.swallowing.add(RELAY);
      world.run(6 * SECOND);
      world.swallowing.clear();
      const fall = world.verdicts.at(-1);
      assert.ok(fall?.down);
      world.run(70 * SECOND);
      const rise = world.verdicts.at(-1);
      assert.ok(rise && !rise.down);
      return (rise.atUs - fall.atUs) / SECOND;
    };
    world.run(2 * SECOND);
    assert.equal(Math.floor(die() / 10), 1);
    world.run(20 * SECOND);
    assert.equal(Math.floor(die() / 10), 1);
  });

  it("does not take its own sleep for missed answers", () => {
    const world = new PathWorld(4);
    for (let i = 0; i < 10; i++) {
      world.run(2 * SECOND + i * 70 * MS);
      world.nowUs += 4 * SECOND;
    }
    assert.deepEqual(world.verdicts, []);
  });

  it("is silent about a path whose first link is down, and asks as soon as that works again", () => {
    let up = true;
    const watch = new PathWatch({ epoch: 1, isHopUp: () => up });
    const random = seeded(3);
    const asked: number[] = [];
    const verdicts: boolean[] = [];
    const pass = (fromS: number, toS: number): void => {
      for (let us = fromS * SECOND; us < toS * SECOND; us += 50_000) {
        const use = { type: "use", destination: 3, nextHop: 2, path: PATH_PRIMARY } as const;
        const actions = [...watch.handle(us, use, random), ...watch.handle(us, { type: "tick" }, random)];
        for (const action of actions) {
          if (action.type === "probe") asked.push(us / SECOND);
          if (action.type === "path") verdicts.push(action.down);
        }
      }
    };
    pass(0, 2);
    up = false;
    const before = asked.length;
    pass(2, 120);
    assert.equal(asked.length, before);
    assert.deepEqual(verdicts, []);
    up = true;
    pass(120, 122);
    assert.ok(asked.length > before);
  });

  it("forgets what was found of next hops that the row does not lead to any more", () => {
    const watch = new PathWatch({ epoch: 1 });
    const random = seeded(3);
    for (let us = 0; us < 10 * SECOND; us += 50_000) {
      watch.handle(us, { type: "use", destination: 3, nextHop: 2, path: PATH_PRIMARY }, random);
      watch.handle(us, { type: "tick" }, random);
    }
    assert.equal(watch.isDown(3, 2), true);
    watch.handle(10 * SECOND, { type: "row", destination: 3, nextHops: [4, 2] }, random);
    assert.equal(watch.isDown(3, 2), true);
    const told = watch.handle(10 * SECOND, { type: "row", destination: 3, nextHops: [4, 5] }, random);
    assert.deepEqual(told, [{ type: "path", destination: 3, nextHop: 2, down: false }]);
    assert.deepEqual(watch.snapshot(), []);
  });

  it("lets go of everything when the row leads there directly", () => {
    const world = new PathWorld();
    world.swallowing.add(RELAY);
    world.run(6 * SECOND);
    assert.ok(world.near.isDown(FAR, RELAY));
    world.using = undefined;
    assert.deepEqual(world.tell({ type: "direct", destination: FAR }), [
      { type: "path", destination: FAR, nextHop: RELAY, down: false },
    ]);
    assert.deepEqual(world.tell({ type: "direct", destination: FAR }), []);
    assert.deepEqual(world.near.snapshot(), []);
    // A path without a relay is none of its business.
    world.tell({ type: "use", destination: FAR, nextHop: FAR, path: PATH_PRIMARY });
    assert.deepEqual(world.near.snapshot(), []);
  });

  it("answers a bounded number of questions and refuses what is malformed or was not asked", () => {
    const world = new PathWorld();
    world.run(3 * SECOND);
    const question = new Uint8Array(PATH_PROBE_BYTES);
    const fields = {
      flags: 0,
      path: PATH_BACKUP,
      sequence: 3,
      nonce: 77n,
      sentUs: 5,
      epoch: 6,
      arrivalUs: 0,
      farEpoch: 0,
    };
    encodePathProbe(fields, question);
    let answers = 0;
    for (let i = 0; i < 1000; i++) {
      world.nowUs += MS;
      const record: PathEvent = { type: "record", peer: 3, bytes: question, arrivalUs: 1234.6 };
      for (const action of world.tell(record)) {
        assert.equal(action.type, "answer");
        if (action.type !== "answer") continue;
        answers++;
        const answer = decodePathProbe(action.payload);
        const expected = { ...fields, flags: PATH_PROBE_IS_REPLY, arrivalUs: 1235, farEpoch: 0x11 };
        assert.deepEqual(answer, expected);
      }
    }
    assert.ok(answers >= 25 && answers <= 31, `${answers} answers`);
    const refused = world.near.refused;
    encodePathProbe({ ...fields, flags: PATH_PROBE_IS_REPLY }, question);
    for (const peer of [3, FAR]) {
      assert.deepEqual(world.tell({ type: "record", peer, bytes: question, arrivalUs: 0 }), []);
    }
    assert.deepEqual(world.tell({ type: "record", peer: 3, bytes: question.slice(1), arrivalUs: 0 }), []);
    assert.equal(world.near.refused, refused + 3);
  });

  it("keeps its bounds and its wits whatever it is told", () => {
    const id = fc.nat({ max: 4 });
    const event: fc.Arbitrary<PathEvent> = fc.oneof(
      fc.record({
        type: fc.constant("use" as const),
        destination: id,
        nextHop: fc.nat({ max: 20 }),
        path: fc.nat({ max: 1 }),
      }),
      fc.record({ type: fc.constant("direct" as const), destination: id }),
      fc.record({
        type: fc.constant("record" as const),
        peer: id,
        bytes: fc.uint8Array({ maxLength: 60 }),
        arrivalUs: fc.double({ min: -1e15, max: 1e15, noNaN: true }),
      }),
      fc.record({ type: fc.constant("epoch" as const), epoch: fc.nat() }),
      fc.record({ type: fc.constant("tick" as const) }),
    );
    const steps = fc.array(fc.tuple(event, fc.nat({ max: 3 * SECOND })), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (all) => {
        const random = seeded(1);
        const watch = new PathWatch({ epoch: 1 });
        const down = new Set<string>();
        let nowUs = 0;
        for (const [told, afterUs] of all) {
          nowUs += afterUs;
          for (const action of watch.handle(nowUs, told, random)) {
            if (action.type !== "path") continue;
            const key = `${action.destination} ${action.nextHop}`;
            // Each verdict is news.
            assert.equal(down.has(key), !action.down);
            if (action.down) down.add(key);
            else down.delete(key);
          }
          const seen = watch.snapshot();
          assert.ok(seen.length <= 5 * 8);
          assert.equal(seen.filter((path) => path.down).length, down.size);
        }
      }),
    );
  });
});

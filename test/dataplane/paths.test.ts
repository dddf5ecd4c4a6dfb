import assert from "node:assert/strict";
import { beforeEach, describe, it } from "mocha";
import { KIND_PATH_PROBE } from "../../src/dataplane/descriptors.ts";
import { Dispatch } from "../../src/dataplane/dispatch.ts";
import { BACKUP_DOWN, LINK_UP, PRIMARY_DOWN } from "../../src/dataplane/members.ts";
import type { FromWorker } from "../../src/dataplane/messages.ts";
import { Paths } from "../../src/dataplane/paths.ts";
import { PlaneClock } from "../../src/dataplane/plane-clock.ts";
import type { PlaneState } from "../../src/dataplane/state.ts";
import {
  decodePathProbe,
  encodePathProbe,
  PATH_PROBE_BYTES,
  PATH_PROBE_IS_REPLY,
} from "../../src/wire/path-probe.ts";
import { addMember, type FakeEngine, linkOf, makeState, slotOf } from "./fake-engine.ts";

const TICK_MS = 50;

describe("paths through relays", () => {
  let nowUs: number;
  let state: PlaneState;
  let engine: FakeEngine;
  let paths: Paths;
  let posts: FromWorker[];
  /** Hops that forward questions, and the node's answers. */
  let passable: Set<number>;

  /** Neighbours 2 and 4; 3 behind 2, or else behind 4. */
  beforeEach(() => {
    nowUs = 1e9;
    ({ state, engine } = makeState());
    state.nowMs = nowUs / 1000;
    addMember(state, 2);
    addMember(state, 4);
    addMember(state, 3, 2, 2);
    state.members.backup[3] = 4;
    for (const node of [2, 4]) state.members.linkState[node] = LINK_UP;
    let random = 1;
    const random32 = (): number => (random = (random * 1664525 + 1013904223) >>> 0);
    const clock = new PlaneClock(
      { now: () => nowUs, boottime: () => performance.now() * 1000 },
      { epoch: 5, parent: null, driftPpm: 0, onEpoch: () => undefined },
      random32,
    );
    posts = [];
    passable = new Set([2, 4]);
    paths = new Paths(state, clock, new Dispatch(state, () => []), random32, (post) => posts.push(post));
  });

  /** Lets time pass while frames are sent to node 3, and answers what goes through a passable hop. */
  function pass(seconds: number, framed: boolean = true): void {
    for (let i = 0; i < (seconds * 1000) / TICK_MS; i++) {
      nowUs += TICK_MS * 1000;
      state.nowMs = nowUs / 1000;
      if (framed) state.activity.framed[3] = state.nowMs;
      paths.tick();
      if (i % 5 === 0) paths.scan([2, 3, 4]);
      for (const { kind, payload, hop } of engine.messages.splice(0)) {
        const question = decodePathProbe(payload);
        assert(kind === KIND_PATH_PROBE && question);
        if (!passable.has(hop - slotOf(0))) continue;
        const answer = new Uint8Array(PATH_PROBE_BYTES);
        encodePathProbe({ ...question, flags: PATH_PROBE_IS_REPLY, arrivalUs: nowUs, farEpoch: 9 }, answer);
        paths.record(3, answer, nowUs);
      }
    }
  }
  const down = (): number => state.members.pathDown[3] ?? 0;
  const told = (): unknown[] =>
    posts.splice(0).map((post) => (post.type === "path" ? [post.nextHop, post.down] : post));

  it("are asked about while frames take them, and only then", () => {
    pass(5);
    assert.deepEqual(
      paths.report().map(({ destination, nextHop, down: isDown }) => [destination, nextHop, isDown]),
      [[3, 2, false]],
    );
    assert.equal(down(), 0);
    pass(30, false);
    assert.deepEqual(paths.report(), []);
    assert.deepEqual(told(), []);
  });

  it("that answer no more are left for the backup, then that one too; one that answers again is used again", () => {
    passable.delete(2);
    pass(6);
    assert.equal(down(), PRIMARY_DOWN);
    assert.deepEqual(told(), [[2, true]]);
    // Now frames go by the backup, so that is watched.
    passable.delete(4);
    pass(6);
    assert.equal(down(), PRIMARY_DOWN | BACKUP_DOWN);
    assert.deepEqual(told(), [[4, true]]);
    passable.add(2);
    pass(20);
    assert.equal(down() & PRIMARY_DOWN, 0);
    assert.deepEqual(told()[0], [2, false]);
  });

  it("are judged by their next hop when the table changes", () => {
    passable.delete(2);
    pass(6);
    const table = (nextHop: number, backup: number): void => {
      state.members.setRoutes([{ destination: 3, nextHop, hops: 2, backup }], Uint16Array.of(3));
      paths.routesChanged();
    };
    table(4, 2);
    assert.equal(down(), BACKUP_DOWN);
    table(2, 4);
    assert.equal(down(), PRIMARY_DOWN);
    state.members.linkState[3] = LINK_UP;
    state.members.link[3] = linkOf(3);
    table(3, 2);
    assert.equal(down(), 0);
    table(2, 4);
    assert.equal(down(), 0);
  });

  it("to a node that left are forgotten", () => {
    passable.delete(2);
    pass(6);
    paths.forget(3);
    assert.equal(down(), 0);
    assert.deepEqual(paths.report(), []);
  });

  it("are answered for others at once, by the ordinary route, and rubbish is refused", () => {
    const question = new Uint8Array(PATH_PROBE_BYTES);
    encodePathProbe(
      { flags: 0, path: 0, sequence: 1, nonce: 77n, sentUs: 4, epoch: 8, arrivalUs: 0, farEpoch: 0 },
      question,
    );
    paths.record(3, question, nowUs);
    const [message] = engine.messages;
    assert.deepEqual([message?.keypair, message?.hop, message?.link], [slotOf(3), slotOf(2), linkOf(2)]);
    const answer = decodePathProbe(message?.payload ?? new Uint8Array(0));
    assert.deepEqual([answer?.nonce, answer?.arrivalUs, answer?.farEpoch], [77n, nowUs, 5]);
    paths.record(3, question.subarray(0, 20), nowUs);
    assert.equal(paths.refused, 1);
  });
});

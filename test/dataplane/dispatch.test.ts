import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { KIND_CONTROL, KIND_PATH_PROBE } from "../../src/dataplane/descriptors.ts";
import { Dispatch } from "../../src/dataplane/dispatch.ts";
import { LINK_DEAD, LINK_NEW, LINK_UP } from "../../src/dataplane/members.ts";
import type { PlaneState } from "../../src/dataplane/state.ts";
import { addMember, type FakeEngine, linkOf, makeState, slotOf, type Told } from "./fake-engine.ts";

const HANDSHAKE = Uint8Array.of(1, 1, 0, 0);
const PAYLOAD = Uint8Array.of(7);

/** Packed IPv4 addresses that differ in one byte. */
const at = (host: number): Uint8Array =>
  Uint8Array.from({ length: 20 }, (_, i) => [4, 0, 1, 1, 10, 0, 0, host][i] ?? 0);

/** Neighbours 2 and 4; 3 behind 2, or else behind 4; the addresses at which 3 may be. */
function plane(targets: Uint8Array[] = []): {
  state: PlaneState;
  engine: FakeEngine;
  told: Told;
  dispatch: Dispatch;
} {
  const { state, engine, told } = makeState();
  addMember(state, 2);
  addMember(state, 3, 2, 2);
  addMember(state, 4);
  state.members.backup[3] = 4;
  for (const node of [2, 4]) state.members.linkState[node] = LINK_UP;
  return { state, engine, told, dispatch: new Dispatch(state, (_, max) => targets.slice(0, max)) };
}

describe("a handshake", () => {
  it("goes over the link alone when that is up", () => {
    const { state, engine, dispatch } = plane([at(1)]);
    state.members.link[3] = linkOf(3);
    state.members.linkState[3] = LINK_UP;
    dispatch.handshake(3, HANDSHAKE);
    assert.deepEqual(
      engine.messages.map(({ link, to, hop }) => [link, to, hop]),
      [[linkOf(3), null, -1]],
    );
  });

  for (const [what, link] of [
    ["never up", LINK_NEW],
    ["dead", LINK_DEAD],
  ] as const) {
    it(`goes to four addresses at most and along the route while the link is ${what}`, () => {
      const { state, engine, dispatch } = plane([1, 2, 3, 4, 5].map(at));
      state.members.linkState[3] = link;
      dispatch.handshake(3, HANDSHAKE);
      const [a, b, c, d, transit, ...more] = engine.messages;
      assert.deepEqual(
        [a, b, c, d].map((one) => one?.to?.[7]),
        [1, 2, 3, 4],
      );
      assert.deepEqual([transit?.hop, transit?.keypair, transit?.hopFlags], [slotOf(2), 3, 0]);
      assert.deepEqual(more, []);
    });
  }

  it("takes the backup when the next hop is dead, flagged", () => {
    const { state, engine, dispatch } = plane();
    state.members.linkState[2] = LINK_DEAD;
    dispatch.handshake(3, HANDSHAKE);
    assert.deepEqual(
      engine.messages.map(({ hop, link, hopFlags }) => [hop, link, hopFlags]),
      [[slotOf(4), linkOf(4), 0x20]],
    );
  });

  it("goes to a neighbour's addresses but not through itself", () => {
    const { state, engine, dispatch } = plane([at(9)]);
    state.members.linkState[2] = LINK_NEW;
    dispatch.handshake(2, HANDSHAKE);
    assert.deepEqual(
      engine.messages.map(({ to, hop }) => [to?.[7], hop]),
      [[9, -1]],
    );
  });

  it("wants the session with the hop that it lacks", () => {
    const { state, engine, told, dispatch } = plane();
    state.members.sendSlot[2] = state.members.sendSlot[4] = -1;
    dispatch.handshake(3, HANDSHAKE);
    assert.deepEqual(engine.messages, []);
    assert.deepEqual(told.wanted, [2]);
  });
});

describe("the answer to a handshake", () => {
  /** Where it goes: the address's last byte, `over` the link, or `via` a hop. */
  function ways(
    { engine, dispatch }: ReturnType<typeof plane>,
    nodeId: number,
    hop: number,
    proven: boolean,
  ): string[] {
    dispatch.answer({ type: "answer", nodeId, datagram: HANDSHAKE, address: at(8), hop, proven });
    return engine.messages.map(({ to, hop: slot }) =>
      slot >= 0
        ? `via ${[2, 4].find((node) => slotOf(node) === slot)}`
        : to === null
          ? "over"
          : `to ${to[7]}`,
    );
  }

  it("goes back to the address, and along the route where the link is not up", () => {
    assert.deepEqual(ways(plane(), 2, -1, true), ["to 8"]);
    assert.deepEqual(ways(plane(), 3, -1, true), ["to 8", "via 2"]);
    const cut = plane();
    cut.state.members.linkState[2] = LINK_DEAD;
    assert.deepEqual(ways(cut, 3, -1, true), ["to 8", "via 4"]);
  });

  it("goes back through the hop, and the way of frames where that is another one", () => {
    assert.deepEqual(ways(plane(), 3, 2, true), ["via 2"]);
    assert.deepEqual(ways(plane(), 3, 4, true), ["via 4", "via 2"]);
    assert.deepEqual(ways(plane(), 2, 4, true), ["via 4", "over"]);
  });

  it("goes nowhere else while nobody has proven to be the node", () => {
    assert.deepEqual(ways(plane(), 3, -1, false), ["to 8"]);
    assert.deepEqual(ways(plane(), 2, 4, false), ["via 4"]);
  });
});

describe("a record that is no frame", () => {
  it("goes end to end along the route of frames, the backup's included", () => {
    const { state, engine, dispatch } = plane();
    assert(dispatch.record(KIND_CONTROL, 3, PAYLOAD, true));
    state.members.linkState[2] = LINK_DEAD;
    assert(dispatch.record(KIND_CONTROL, 3, PAYLOAD, true));
    assert.deepEqual(
      engine.messages.map(({ keypair, hop, link, hopFlags }) => [keypair, hop, link, hopFlags]),
      [
        [slotOf(3), slotOf(2), linkOf(2), 0],
        [slotOf(3), slotOf(4), linkOf(4), 0x20],
      ],
    );
    assert.equal(state.activity.unanswered[3], state.nowMs);
  });

  it("goes through the relay although there is a link that has never come up", () => {
    const { state, engine, dispatch } = plane();
    state.members.link[3] = linkOf(3);
    assert(dispatch.record(KIND_CONTROL, 3, PAYLOAD, true));
    assert.equal(engine.messages[0]?.link, linkOf(2));
  });

  it("goes through the neighbour that a path probe is about, whatever became of it", () => {
    const { state, engine, dispatch } = plane();
    state.members.linkState[2] = LINK_DEAD;
    assert(dispatch.recordVia(KIND_PATH_PROBE, 3, 2, PAYLOAD));
    assert(dispatch.recordVia(KIND_PATH_PROBE, 3, 4, PAYLOAD));
    assert.deepEqual(
      engine.messages.map(({ kind, hop, hopFlags }) => [kind, hop, hopFlags]),
      [
        [KIND_PATH_PROBE, slotOf(2), 0],
        [KIND_PATH_PROBE, slotOf(4), 0x20],
      ],
    );
  });

  it("for the next node on a way is sealed for that one", () => {
    const { state, engine, dispatch } = plane();
    state.members.linkState[2] = LINK_DEAD;
    assert(dispatch.recordToNext(KIND_CONTROL, 3, PAYLOAD));
    assert.deepEqual(
      engine.messages.map(({ keypair, hop, link }) => [keypair, hop, link]),
      [[slotOf(4), -1, linkOf(4)]],
    );
  });

  it("goes nowhere without the sessions that it needs", () => {
    const { state, engine, dispatch } = plane();
    state.members.backup[3] = 0xffff;
    state.members.sendSlot[2] = -1;
    assert(!dispatch.record(KIND_CONTROL, 3, PAYLOAD, true));
    state.members.sendSlot[2] = slotOf(2);
    state.members.sendSlot[3] = -1;
    assert(!dispatch.record(KIND_CONTROL, 3, PAYLOAD, true));
    assert.deepEqual(engine.messages, []);
  });
});

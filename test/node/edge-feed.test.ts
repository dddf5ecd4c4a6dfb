import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { encodeMessage, parseSuperMessage } from "../../src/control/message-codec.ts";
import type { Members, SuperMessage } from "../../src/control/messages.ts";
import { EdgeFeed, type FedConnection } from "../../src/node/edge-feed.ts";
import { MemberBook } from "../../src/node/member-book.ts";
import { MemberList } from "../../src/node/member-list.ts";
import { RowKeeper } from "../../src/node/row-keeper.ts";
import { Coordinator } from "../../src/routing/coordinator.ts";
import type { Row, RowDelta } from "../../src/routing/types.ts";
import { advert, report } from "../routing/networks.ts";
import { FakeCore } from "./fake-core.ts";
import { superPeer } from "./super-peer.ts";

/** A supernode with so many members, as one of them is fed by it. */
class Fed {
  readonly sent: SuperMessage[] = [];
  readonly book = new MemberBook(undefined, () => 0);
  readonly coordinator = new Coordinator({ incarnation: 7 });
  readonly feed: EdgeFeed<FedConnection>;
  /** Whether the connection takes messages. */
  open = true;
  /** Whether it reads what it is sent. */
  reads = true;
  #queued = 0;
  #counter = 0;

  constructor(nodeId: number, members: number) {
    const send = (message: SuperMessage): boolean => {
      const body = encodeMessage(message);
      if (!this.open || body === undefined) return false;
      this.sent.push(message);
      if (!this.reads) this.#queued += body.length;
      return true;
    };
    const queued = (): number => this.#queued;
    const connection = {
      ...{ nodeId, send },
      get queued(): number {
        return queued();
      },
    };
    this.feed = new EdgeFeed(connection, this.book, this.coordinator);
    this.setMembers(members);
  }

  setMembers(members: number): void {
    this.book.setPeers(Array.from({ length: members }, (_, i) => superPeer(i + 1)));
    this.coordinator.setMembers(this.book.policies());
    this.coordinator.compute();
  }

  /** Node `to` hears these, each at a delay of so many ms. */
  hears(to: number, delays: Record<number, number>): void {
    const links = Object.entries(delays).map(([from, ms]) => advert(Number(from), to, ms * 1000));
    this.coordinator.report(0, to, report(to, ++this.#counter, links));
    this.coordinator.compute();
  }

  take(): SuperMessage[] {
    return this.sent.splice(0);
  }

  /** It has read all that it was sent so far. */
  drain(): void {
    this.#queued = 0;
    this.feed.sendMore();
  }
}

const membersOf = (messages: SuperMessage[]): Members[] =>
  messages.filter((message): message is Members => message.type === "members");

describe("what an edge is told of the members", () => {
  it("begins with all but itself; changes follow with generations that have no gap", () => {
    const fed = new Fed(2, 3);
    fed.feed.sendAllMembers(0);
    fed.feed.sendMembers([3], [1]);
    fed.feed.sendMembers([1], []);
    const told = membersOf(fed.take()).map(({ generation, full, set, removed }) => [
      generation,
      full,
      set.map(({ nodeId }) => nodeId),
      removed,
    ]);
    assert.deepEqual(told, [
      [0, true, [1, 3], []],
      [1, false, [], [1]],
      [2, false, [3], []],
      [3, false, [1], []],
    ]);
  });

  it("is nothing where only the edge itself changed", () => {
    const fed = new Fed(2, 3);
    fed.feed.sendMembers([2], [2]);
    assert.deepEqual(fed.take(), []);
  });

  it("comes in as many messages as it needs, and none is too long", () => {
    const fed = new Fed(1, 800);
    const nodeIds = fed.book.nodeIds;
    for (const nodeId of nodeIds)
      fed.book.arrived(nodeId, {
        endpoints: ["192.0.2.1:3001"],
        incarnation: 1,
        relay: "auto",
        additionalCostUs: 0,
      });
    fed.feed.sendMembers(nodeIds, []);
    const told = membersOf(fed.take());
    assert.ok(told.length > 1);
    assert.deepEqual(
      told.flatMap(({ set }) => set.map(({ nodeId }) => nodeId)),
      nodeIds.slice(1),
    );
    assert.deepEqual(
      told.map(({ generation }) => generation),
      told.map((_, index) => index),
    );
  });

  it("is told whole again, once, when the edge has missed something", () => {
    const fed = new Fed(2, 3);
    fed.feed.sendAllMembers(0);
    fed.take();
    fed.feed.repeatMembers(0);
    assert.deepEqual(fed.take(), []);
    fed.feed.forgetMembers();
    fed.feed.forgetMembers();
    fed.feed.repeatMembers(0);
    fed.feed.repeatMembers(0);
    const told = membersOf(fed.take());
    assert.deepEqual(
      told.map(({ full, generation }) => [full, generation]),
      [[true, 1]],
    );
  });
});

describe("a list of members that is too long for one message", function () {
  this.timeout(60_000);
  const MEMBERS = 4096;
  const LEFT = 5000;

  /** A supernode with as many members as there may be, each with as many addresses, and what node 1 makes of it. */
  function long(): { fed: Fed; list: MemberList; apply: () => void } {
    const fed = new Fed(1, 1);
    fed.book.setPeers(Array.from({ length: MEMBERS }, (_, i) => superPeer(i + 1)));
    for (const nodeId of fed.book.nodeIds) {
      const endpoints = Array.from(
        { length: 16 },
        (_, i) => `[2001:db8:${nodeId.toString(16)}::${i + 1}]:3001`,
      );
      fed.book.arrived(nodeId, { endpoints, incarnation: 1, relay: "auto", additionalCostUs: 0 });
    }
    const list = new MemberList(new FakeCore(), []);
    const before = new Fed(1, 1);
    before.book.setPeers([superPeer(1), superPeer(LEFT), superPeer(2)]);
    before.feed.sendAllMembers(0);
    const applyOf = (from: Fed): void => {
      for (const message of from.take()) {
        const parsed = parseSuperMessage(encodeMessage(message) ?? new Uint8Array());
        assert.ok(parsed.ok && parsed.message.type === "members");
        assert.equal(list.apply(parsed.message), true);
      }
    };
    applyOf(before);
    assert.deepEqual(list.nodeIds, [LEFT, 2]);
    return { fed, list, apply: () => applyOf(fed) };
  }

  it("comes in portions that fit, and who is in none of them goes with the last", () => {
    const { fed, list, apply } = long();
    fed.feed.sendAllMembers(0);
    const told = membersOf(fed.sent);
    assert.deepEqual(
      [told[0]?.part, told[1]?.part, told.at(-1)?.part, told.at(-2)?.part],
      ["first", "more", "last", "more"],
    );
    assert.ok(told.every(({ full }) => !full));
    const last = fed.sent.pop();
    apply();
    assert.equal(list.get(LEFT)?.nodeId, LEFT);
    assert.equal(list.get(3)?.endpoints.length, 16);
    assert.ok(last);
    fed.sent.push(last);
    apply();
    assert.equal(list.get(LEFT), undefined);
    assert.equal(list.nodeIds.length, MEMBERS - 1);
    assert.equal(list.lacksList, false);
  });

  it("leaves the members as they are where it is interrupted, and is told anew", () => {
    const { fed, list, apply } = long();
    fed.feed.sendAllMembers(0);
    fed.sent.splice(10);
    apply();
    assert.notEqual(list.get(LEFT), undefined);
    assert.notEqual(list.get(2), undefined);
    // Another connection, with the same supernode: it begins with a list.
    const again = new EdgeFeed(fed.feed.connection, fed.book, fed.coordinator);
    again.sendAllMembers(0);
    apply();
    assert.equal(list.get(LEFT), undefined);
    assert.equal(list.nodeIds.length, MEMBERS - 1);
  });

  it("is asked for again where a portion is missing", () => {
    const { fed, list } = long();
    fed.feed.sendAllMembers(0);
    fed.sent.splice(5, 1);
    const answers = membersOf(fed.take()).map((message) => list.apply(message));
    assert.equal(answers.indexOf(false), 5);
    assert.equal(list.lacksList, true);
    assert.notEqual(list.get(LEFT), undefined);
  });

  /** How often a list began in what was sent since. */
  const begun = (fed: Fed): number => membersOf(fed.take()).filter(({ part }) => part === "first").length;

  it("goes again every thirty seconds at most, however often an edge asks for it", () => {
    const { fed } = long();
    fed.feed.sendAllMembers(0);
    assert.equal(begun(fed), 1);
    const times: number[] = [];
    for (let s = 1; s <= 100; s++) {
      fed.feed.forgetMembers();
      fed.feed.repeatMembers(s * 1000);
      if (begun(fed) > 0) times.push(s);
    }
    assert.deepEqual(times, [30, 60, 90]);
  });

  it("is not begun anew while it is on its way, but when the edge is to know something else", () => {
    const { fed, list, apply } = long();
    fed.reads = false;
    fed.feed.sendAllMembers(0);
    for (let s = 1; s <= 100; s++) {
      fed.feed.forgetMembers();
      fed.feed.repeatMembers(s * 1000);
    }
    assert.equal(membersOf(fed.sent).filter(({ part }) => part === "first").length, 1);
    apply();
    fed.feed.switchMembers();
    fed.feed.repeatMembers(101_000);
    for (let rounds = 0; rounds < 100; rounds++) {
      fed.drain();
      assert.ok(fed.sent[0] === undefined || rounds > 0 || membersOf(fed.sent)[0]?.part === "first");
      apply();
    }
    assert.equal(list.nodeIds.length, MEMBERS - 1);
    assert.equal(list.lacksList, false);
    fed.feed.repeatMembers(200_000);
    assert.equal(begun(fed), 0, "those who asked meanwhile have it");
  });

  it("does not wait in the supernode's memory for an edge that reads slowly", () => {
    const { fed, list, apply } = long();
    fed.reads = false;
    fed.feed.sendAllMembers(0);
    for (let rounds = 0; fed.sent.length > 0; rounds++) {
      const bytes = fed.sent.reduce((sum, message) => sum + (encodeMessage(message)?.length ?? 0), 0);
      assert.ok(bytes <= 320 * 1024, `${bytes} bytes`);
      assert.ok(rounds < 100);
      apply();
      fed.drain();
    }
    assert.equal(list.nodeIds.length, MEMBERS - 1);
    assert.equal(list.get(LEFT), undefined);
  });

  it("ends with what has changed meanwhile", () => {
    const { fed, list, apply } = long();
    fed.reads = false;
    fed.feed.sendAllMembers(0);
    // Some who were told of, and some who were not yet; one of them comes back.
    const gone = new Set([3, 4, 4000]);
    const left = fed.book.nodeIds.filter((nodeId) => !gone.has(nodeId));
    const peers = [...left, MEMBERS + 1].map((id) => superPeer(id, id === 5 ? { name: "five" } : {}));
    fed.book.setPeers(peers);
    fed.feed.sendMembers([5, MEMBERS + 1], [...gone]);
    fed.book.setPeers([...peers, superPeer(4)]);
    fed.feed.sendMembers([4], []);
    for (let rounds = 0; fed.sent.length > 0; rounds++) {
      assert.ok(rounds < 100);
      apply();
      fed.drain();
    }
    assert.deepEqual(
      [2, 3, 4, 5, 4000, MEMBERS, MEMBERS + 1, LEFT].map((nodeId) => list.get(nodeId)?.name),
      ["n2", undefined, "n4", "five", undefined, `n${MEMBERS}`, `n${MEMBERS + 1}`, undefined],
    );
  });
});

describe("what an edge is told of its row", () => {
  const rows = (messages: SuperMessage[]): string[] => messages.map(({ type }) => type);

  it("is a snapshot first, then what changed, and nothing while nothing does", () => {
    const fed = new Fed(1, 6);
    const keeper = new RowKeeper();
    for (let to = 1; to <= 6; to++)
      fed.hears(to, Object.fromEntries([1, 2, 3, 4, 5, 6].filter((id) => id !== to).map((id) => [id, 10])));
    fed.feed.sendRow();
    fed.feed.sendRow();
    const [first, ...rest] = fed.take();
    assert.ok(first?.type === "row" && rest.length === 0);
    keeper.take(first.row as Row);
    assert.equal(keeper.row?.entries.length, 5);

    fed.hears(6, { 1: 90, 2: 10, 3: 10, 4: 10, 5: 10 });
    fed.feed.sendRow();
    const [second] = fed.take();
    assert.ok(second?.type === "row-delta");
    assert.equal(keeper.change(second.delta as RowDelta), true);
    assert.deepEqual(keeper.row, fed.coordinator.row(1));
    assert.notEqual(keeper.row?.entries.find(({ destination }) => destination === 6)?.nextHop, 6);
  });

  it("is a snapshot again when it asks for one", () => {
    const fed = new Fed(1, 3);
    fed.feed.sendRow();
    fed.take();
    fed.feed.forgetRow();
    fed.feed.sendRow();
    assert.deepEqual(rows(fed.take()), ["row"]);
  });

  it("is said again later when the connection did not take it", () => {
    const fed = new Fed(1, 3);
    fed.open = false;
    fed.feed.sendRow();
    fed.open = true;
    fed.feed.sendRow();
    assert.deepEqual(rows(fed.take()), ["row"]);
  });

  it("is the whole row when the changes do not fit a message", () => {
    const members = 1500;
    const fed = new Fed(1, members);
    const delays = (ids: number, ms: number): Record<number, number> =>
      Object.fromEntries(Array.from({ length: ids }, (_, i) => [i + 3, ms]));
    const others = Array.from({ length: members - 2 }, (_, i) => i + 3);
    for (const to of others) {
      fed.coordinator.report(0, to, report(to, 1, [advert(1, to, 10_000), advert(2, to, 20_000)]));
    }
    fed.hears(1, { 2: 5, ...delays(members - 2, 10) });
    fed.feed.sendRow();
    fed.take();
    const base = fed.coordinator.rowVersion(1);
    for (const to of others.slice(0, 1200)) {
      fed.coordinator.report(0, to, report(to, 2, [advert(1, to, 15_000), advert(2, to, 20_000)]));
    }
    fed.coordinator.compute();
    const delta = fed.coordinator.delta(1, base);
    assert.ok("base" in delta && encodeMessage({ type: "row-delta", delta }) === undefined);
    fed.feed.sendRow();
    assert.deepEqual(rows(fed.take()), ["row"]);
    fed.feed.sendRow();
    assert.deepEqual(fed.take(), []);
  }).timeout(60_000);
});

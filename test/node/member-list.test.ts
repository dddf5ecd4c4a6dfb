import assert from "node:assert/strict";
import { beforeEach, describe, it } from "mocha";
import type { PeerConfig } from "../../src/config/edge-config.ts";
import type { Member, MemberEndpoint, Members } from "../../src/control/messages.ts";
import { MemberList } from "../../src/node/member-list.ts";
import { FakeCore } from "./fake-core.ts";

const keyOf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const text = (byte: number): string => Buffer.from(keyOf(byte)).toString("base64");
const seen = (address: string): MemberEndpoint => ({ address, source: "observed" });
const named = (address: string): MemberEndpoint => ({ address, source: "configured" });

function member(nodeId: number, more: Partial<Member> = {}): Member {
  return {
    ...{ nodeId, name: `n${nodeId}`, pubKey: text(nodeId), endpoints: [], online: true },
    ...{ relay: "auto", additionalCostUs: 0 },
    ...more,
  };
}

function own(nodeId: number, more: Partial<PeerConfig> = {}): PeerConfig {
  return {
    ...{ nodeId, name: `own${nodeId}`, pubKey: keyOf(nodeId), psKey: null, endPoint: null },
    ...{ persistentKeepalive: 0, static: false },
    ...more,
  };
}

describe("the members that a supernode names", () => {
  let core: FakeCore;
  let list: MemberList;
  let generation: number;
  beforeEach(() => {
    core = new FakeCore();
    list = new MemberList(core, []);
    generation = 0;
  });
  const say = (full: boolean, set: Member[], removed: number[] = []): boolean =>
    list.apply({ type: "members", generation: generation++, full, set, removed } satisfies Members);
  const candidates = (): [number, number][] =>
    core.posted
      .splice(0)
      .flatMap((message): [number, number][] =>
        message.type === "candidates" ? [[message.nodeId, message.addresses.length]] : [],
      );

  it("become neighbours that are called, except for this node and NodeIDs that no member has", () => {
    say(true, [member(1), member(2, { endpoints: [seen("192.0.2.2:1")] }), member(65533), member(3)]);
    assert.deepEqual(core.take(), ["add 2 key 2", "open 2", "add 3 key 3", "open 3"]);
    assert.deepEqual(list.nodeIds, [2, 3]);
    assert.deepEqual(candidates(), [
      [2, 1],
      [3, 0],
    ]);
    assert.equal(core.peers.byNode(2)?.keySource, "told by the supernode");
  });

  it("lack a list until there is one, and again when a message was lost or another supernode is obeyed", () => {
    assert.equal(list.lacksList, true);
    say(true, [member(2)]);
    assert.equal(list.lacksList, false);
    generation++;
    assert.equal(say(false, [member(3)]), false);
    assert.equal(list.lacksList, true);
    say(true, [member(2)]);
    list.expectFull();
    assert.equal(list.lacksList, true);
  });

  it("come back with their addresses when they were removed by hand and are added again", () => {
    say(true, [member(2, { endpoints: [seen("192.0.2.2:1"), named("a.example:1")] })]);
    const config = list.configuredPeer(keyOf(2));
    assert.equal(config?.endPoint, "a.example:1");
    assert.equal(list.configuredPeer(keyOf(9)), undefined);
    const peer = core.peers.byNode(2);
    assert.ok(config && peer);
    core.removePeer(peer);
    core.take();
    candidates();
    list.addPeer(config);
    assert.deepEqual(core.take(), ["add 2 key 2", "open 2"]);
    assert.deepEqual(candidates(), [[2, 1]]);
  });

  it("stay when others are told of, and go when a whole list does not name them", () => {
    say(true, [member(2), member(3)]);
    say(false, [member(4)]);
    core.take();
    assert.deepEqual(list.nodeIds, [2, 3, 4]);
    say(true, [member(3)]);
    assert.deepEqual(core.take(), ["remove 2 key 2", "remove 4 key 4", "open 3"]);
    assert.deepEqual(list.nodeIds, [3]);
  });

  it("go before others come in one message: whoever is in both lists begins anew", () => {
    say(true, [member(2), member(3)]);
    core.take();
    say(false, [member(2)], [2, 3, 9]);
    assert.deepEqual(core.take(), ["remove 2 key 2", "remove 3 key 3", "add 2 key 2", "open 2"]);
    assert.deepEqual(list.nodeIds, [2]);
  });

  it("are other nodes when their key is another, and are looked for at the same addresses again", () => {
    const endpoints = [seen("192.0.2.2:1")];
    say(true, [member(2, { endpoints })]);
    core.take();
    candidates();
    say(true, [member(2, { endpoints, pubKey: text(7), online: false })]);
    assert.deepEqual(core.take(), ["remove 2 key 2", "add 2 key 7", "open 2"]);
    assert.deepEqual(candidates(), [[2, 1]]);
  });

  it("keep their sessions by either name when two exchange their keys", () => {
    say(true, [member(2), member(3)]);
    say(true, [member(2, { pubKey: text(3) }), member(3, { pubKey: text(2) })]);
    for (const [nodeId, key] of [
      [2, 3],
      [3, 2],
    ] as const) {
      assert.equal(core.peers.byNode(nodeId)?.publicKey[0], key);
      assert.equal(core.peers.byKey(keyOf(key))?.nodeId, nodeId);
    }
  });

  it("keep session and link when only addresses or presence change", () => {
    say(true, [member(2, { online: false })]);
    assert.deepEqual(core.take(), ["add 2 key 2", "open 2"]);
    candidates();
    say(false, [member(2, { online: false, endpoints: [seen("192.0.2.2:1"), seen("192.0.2.3:1")] })]);
    assert.deepEqual(core.take(), []);
    assert.deepEqual(candidates(), [[2, 2]]);
    say(false, [member(2, { endpoints: [seen("192.0.2.2:1"), seen("192.0.2.3:1")] })]);
    assert.deepEqual(core.take(), ["open 2"]);
    assert.deepEqual(candidates(), []);
  });

  it("follow what is configured for them: name, place, pre-shared key", () => {
    say(true, [member(2, { endpoints: [named("a.example:1")] })]);
    core.take();
    say(false, [member(2, { name: "new", psk: text(9), endpoints: [named("b.example:1")] })]);
    assert.deepEqual(core.take(), ["psk 2", "endPoint 2 b.example:1", "open 2"]);
    assert.equal(core.peers.byNode(2)?.name, "new");
    say(false, [member(2, { psk: text(9) })]);
    assert.deepEqual(core.take(), ["endPoint 2 null", "open 2"]);
    say(false, [member(2)]);
    assert.deepEqual(core.take(), ["psk 2", "open 2"]);
  });

  it("leave a place that was set by hand until the supernode names another one", () => {
    say(true, [member(2, { endpoints: [named("a.example:1")] })]);
    const peer = core.peers.byNode(2);
    assert.ok(peer);
    peer.endPoint = "198.51.100.1:1";
    say(false, [member(2, { endpoints: [named("a.example:1")] })]);
    assert.equal(peer.endPoint, "198.51.100.1:1");
    say(false, [member(2, { endpoints: [named("b.example:1")] })]);
    assert.equal(peer.endPoint, "b.example:1");
  });

  it("are made anew when their endpoint becomes a fixed one", () => {
    say(true, [member(2)]);
    core.take();
    say(false, [member(2, { static: true })]);
    assert.deepEqual(core.take(), ["remove 2 key 2", "add 2 key 2", "open 2"]);
  });

  it("count for less than the own file: its key is believed, its place and pre-shared key are used", () => {
    list = new MemberList(core, [
      own(2, { pubKey: keyOf(99) }),
      own(3, { endPoint: "own:1", psKey: keyOf(8) }),
    ]);
    say(true, [member(2), member(3, { psk: text(5), endpoints: [named("told:1")] })]);
    assert.deepEqual(core.take(), [
      "warn the supernode's key for this node is not the file's: refused",
      "add 3 key 3",
      "open 3",
    ]);
    const peer = core.peers.byNode(3);
    assert.deepEqual(
      [peer?.keySource, peer?.endPoint, peer?.psk?.[0], peer?.name],
      ["file", "own:1", 8, "n3"],
    );
  });

  it("are the file's own peers until a supernode has spoken, which confirms or removes them", () => {
    list = new MemberList(core, [own(3, { endPoint: "own:1", static: true }), own(4)]);
    list.assumeOwn();
    assert.deepEqual(core.take(), ["add 3 key 3", "add 4 key 4"]);
    assert.deepEqual(list.nodeIds, [3, 4]);
    assert.equal(list.isOnline(3), null);
    assert.equal(core.peers.byNode(3)?.keySource, "file");
    say(true, [member(2), member(3, { endpoints: [seen("192.0.2.3:1")] })]);
    assert.deepEqual(core.take(), ["remove 4 key 4", "add 2 key 2", "open 2", "open 3"]);
    assert.deepEqual(list.nodeIds.toSorted(), [2, 3]);
    assert.equal(list.isOnline(3), true);
    assert.equal(list.isOnline(4), null);
    assert.equal(core.peers.byNode(3)?.endPoint, "own:1");
    assert.deepEqual(candidates(), [
      [2, 0],
      [3, 1],
    ]);
  });

  it("are not looked for in LANs where the file says so", () => {
    const endpoints: MemberEndpoint[] = [seen("192.0.2.2:1"), { address: "10.0.0.2:1", source: "local" }];
    say(true, [member(2, { endpoints })]);
    assert.deepEqual(candidates(), [[2, 2]]);
    list = new MemberList(core, [], { skipLocalIp: true });
    say(true, [member(2, { endpoints })]);
    assert.deepEqual(candidates(), [[2, 1]]);
  });

  it("keep the pre-shared key that was set by hand until the supernode has another one", () => {
    say(true, [member(2, { psk: text(5) })]);
    const peer = core.peers.byNode(2);
    assert.ok(peer);
    core.sessions.setPsk(peer, keyOf(77));
    core.take();
    say(false, [member(2, { psk: text(5), name: "other" })]);
    assert.deepEqual(core.take(), ["open 2"]);
    assert.equal(peer.psk?.[0], 77);
    say(false, [member(2, { psk: text(6) })]);
    assert.equal(peer.psk?.[0], 6);
    assert.deepEqual(core.take(), [
      "warn another pre-shared key: session made anew. Several supernodes need the same pskSecret",
      "psk 2",
      "open 2",
    ]);
  });

  it("are asked for anew when a message is missing, once, and nothing counts until they are told", () => {
    assert.equal(say(true, [member(2)]), true);
    generation++;
    assert.equal(say(false, [member(3)]), false);
    assert.equal(say(false, [member(4)]), true);
    assert.deepEqual(list.nodeIds, [2]);
    assert.equal(say(true, [member(2), member(3), member(4)]), true);
    assert.equal(say(false, [member(5)]), true);
    assert.deepEqual(list.nodeIds, [2, 3, 4, 5]);
  });

  it("are never mixed with those of another supernode", () => {
    say(true, [member(2)]);
    list.expectFull();
    say(false, [member(9)], [2]);
    assert.deepEqual(list.nodeIds, [2]);
    generation = 40;
    say(true, [member(3)]);
    assert.deepEqual(list.nodeIds, [3]);
  });
});

describe("members that are offline", () => {
  const MINUTES_MS = 60_000;
  let core: FakeCore;
  let list: MemberList;
  const say = (full: boolean, generation: number, online: boolean): boolean =>
    list.apply({
      ...{ type: "members", generation, full, removed: [] },
      set: [2, 3].map((nodeId) => member(nodeId, { online })),
    });
  const calledFor = (minutes: number, from = 0): void => {
    for (let now = from; now <= from + minutes * MINUTES_MS; now += 5000) list.rest(now, true);
  };
  beforeEach(() => {
    core = new FakeCore();
    list = new MemberList(core, []);
    say(true, 0, false);
    core.take();
  });

  it("are let be after minutes without an answer, but for those whose link works", () => {
    core.up.add(3);
    calledFor(3);
    assert.deepEqual(core.take(), []);
    calledFor(1, 3 * MINUTES_MS);
    assert.deepEqual(core.take(), ["close 2"]);
    calledFor(60, 4 * MINUTES_MS);
    assert.deepEqual(core.take(), []);
  });

  it("get all the time again when they have answered in between", () => {
    calledFor(3);
    core.handshaking.clear();
    list.rest(3 * MINUTES_MS, true);
    core.handshaking.add(2);
    calledFor(3, 3 * MINUTES_MS);
    assert.deepEqual(core.take(), []);
    calledFor(4, 6 * MINUTES_MS);
    assert.deepEqual(core.take(), ["close 2"]);
  });

  it("are called again at once when the supernode says that they are back", () => {
    calledFor(4);
    core.take();
    say(false, 1, true);
    assert.deepEqual(core.take(), ["open 2", "open 3"]);
  });

  it("are called again when there is no supernode whose word could be believed", () => {
    calledFor(4);
    core.take();
    list.rest(5 * MINUTES_MS, false);
    assert.deepEqual(core.take(), ["open 2", "open 3"]);
    list.rest(6 * MINUTES_MS, false);
    assert.deepEqual(core.take(), []);
  });

  it("are called for ever while they are said to be online", () => {
    say(false, 1, true);
    core.take();
    calledFor(60);
    assert.deepEqual(core.take(), []);
  });
});

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "mocha";
import { MemberBook } from "../../src/node/member-book.ts";
import { PairPsks } from "../../src/node/pair-psk.ts";
import { superPeer } from "./super-peer.ts";

const hello = {
  endpoints: ["10.0.0.2:3001"],
  ...{ incarnation: 1, relay: "auto" as const, additionalCostUs: 500 },
};

describe("a supernode's book of members", () => {
  it("tells each edge of all members but itself", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1), superPeer(2), superPeer(3)]);
    const { set, full } = book.message(2, 0, true, book.nodeIds, []);
    assert.deepEqual(
      set.map(({ nodeId }) => nodeId),
      [1, 3],
    );
    assert.equal(full, true);
    assert.ok(set.every(({ online, psk }) => !online && psk === undefined));
  });

  it("tells where a member is: as configured, as seen, as it says itself", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1), superPeer(2, { endPoint: "edge.example.org:3001" })]);
    book.arrived(2, hello);
    book.setObserved(2, "198.51.100.7:4444");
    const [member] = book.message(1, 0, false, [2], []).set;
    assert.equal(member?.online, true);
    assert.deepEqual(member?.endpoints, [
      { address: "edge.example.org:3001", source: "configured" },
      { address: "198.51.100.7:4444", source: "observed" },
      { address: "10.0.0.2:3001", source: "local" },
    ]);
  });

  it("tells where another supernode sees a member, each address once", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1), superPeer(2, { externalIp: "203.0.113.9" })]);
    book.arrived(2, { ...hello, observed: "203.0.113.9:5555" });
    assert.equal(book.setObserved(2, "192.168.1.2:4444"), true);
    assert.equal(book.setObserved(2, "192.168.1.2:4444"), false);
    assert.equal(book.observedOf(2), "203.0.113.9:4444");
    const told = (): unknown => book.message(1, 0, false, [2], []).set[0]?.endpoints;
    assert.deepEqual(told(), [
      { address: "203.0.113.9:4444", source: "observed" },
      { address: "203.0.113.9:5555", source: "observed" },
      { address: "10.0.0.2:3001", source: "local" },
    ]);
    book.takeChanges();
    book.setPlaces(2, { endpoints: hello.endpoints, observed: "203.0.113.9:4444" });
    assert.deepEqual(book.takeChanges().changed, [2]);
    assert.deepEqual(told(), [
      { address: "203.0.113.9:4444", source: "observed" },
      { address: "10.0.0.2:3001", source: "local" },
    ]);
  });

  it("keeps back what a supernode in the member's LAN sees, where LAN addresses are of no use", () => {
    for (const [whose, member, receiver] of [
      ["nobody's", {}, {}],
      ["the member's", { skipLocalIp: true }, {}],
      ["the receiver's", {}, { skipLocalIp: true }],
    ] as const) {
      const book = new MemberBook(undefined, () => 0);
      book.setPeers([superPeer(1, receiver), superPeer(2, member)]);
      book.arrived(2, { ...hello, endpoints: [], observed: "192.168.1.2:3001" });
      const { endpoints } = book.message(1, 0, false, [2], []).set[0] ?? {};
      assert.equal(endpoints?.length, whose === "nobody's" ? 1 : 0, `${whose} skipLocalIp`);
      book.setPlaces(2, { endpoints: [], observed: "203.0.113.9:3001" });
      assert.equal(book.message(1, 0, false, [2], []).set[0]?.endpoints.length, 1, `${whose} skipLocalIp`);
    }
  });

  it("puts externalIp in place of what it sees, and keeps LAN addresses back where that is asked for", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1), superPeer(2, { externalIp: "203.0.113.9", skipLocalIp: true })]);
    book.arrived(2, hello);
    book.setObserved(2, "192.168.1.2:4444");
    assert.deepEqual(book.message(1, 0, false, [2], []).set[0]?.endpoints, [
      { address: "203.0.113.9:4444", source: "observed" },
    ]);
  });

  it("keeps a configured LAN address to itself where the others need another one or are to know none", () => {
    const lan = { endPoint: "192.168.1.2:3001", static: true };
    const open = { endPoint: "198.51.100.2:3001", static: true };
    const name = { endPoint: "edge.example.org:3001", static: true };
    const external = { externalIp: "203.0.113.9" };
    for (const [what, member, receiver, told] of [
      ["a LAN of all", lan, {}, true],
      ["externalIp", { ...lan, ...external }, {}, false],
      ["the member's skipLocalIp", { ...lan, skipLocalIp: true }, {}, false],
      ["the receiver's skipLocalIp", lan, { skipLocalIp: true }, false],
      ["an IPv6 LAN", { ...external, endPoint: "[fd00::2]:3001", static: true }, {}, false],
      ["an address for all", { ...open, ...external, skipLocalIp: true }, { skipLocalIp: true }, true],
      ["a name", { ...name, ...external, skipLocalIp: true }, {}, true],
    ] as const) {
      const book = new MemberBook(undefined, () => 0);
      book.setPeers([superPeer(1, receiver), superPeer(2, member)]);
      const [entry] = book.message(1, 0, false, [2], []).set;
      const configured = entry?.endpoints.filter(({ source }) => source === "configured");
      assert.equal(configured?.length, told ? 1 : 0, what);
      assert.equal(entry?.static, told ? true : undefined, `${what}: pinned`);
    }
  });

  it("names who changed once, and who is gone", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1), superPeer(2)]);
    book.takeChanges();
    book.arrived(1, hello);
    book.setObserved(1, "198.51.100.7:1");
    book.setObserved(1, "198.51.100.7:1");
    assert.deepEqual(book.takeChanges(), { changed: [1], removed: [] });
    assert.deepEqual(book.takeChanges(), { changed: [], removed: [] });
    assert.deepEqual(book.setPeers([superPeer(1)]), [2]);
    assert.deepEqual(book.takeChanges().removed, [2]);
  });

  it("takes a member with another key for one who left and one who came", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1), superPeer(2)]);
    book.arrived(2, hello);
    book.takeChanges();
    assert.deepEqual(
      book.setPeers([superPeer(1), superPeer(2, { pubKey: new Uint8Array(32).fill(77) })]),
      [2],
    );
    const { changed, removed } = book.takeChanges();
    assert.ok(changed.includes(2) && removed.includes(2));
    assert.equal(book.isOnline(2), false);
  });

  it("gives both ends of a pair the same pre-shared key where it hands them out", () => {
    const book = new MemberBook(new PairPsks(new Uint8Array(32).fill(5)), () => 0);
    book.setPeers([superPeer(1), superPeer(2)]);
    const psk = (receiver: number, about: number): string | undefined =>
      book.message(receiver, 0, false, [about], []).set[0]?.psk;
    assert.equal(psk(1, 2), psk(2, 1));
    assert.equal(psk(1, 2)?.length, 44);
  });

  it("lets a node make itself dearer as a relay, and the file decide", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1), superPeer(2, { additionalCost: 7, relay: "never" })]);
    book.arrived(1, { ...hello, additionalCostUs: -9000 });
    book.arrived(2, { ...hello, relay: "always" });
    assert.deepEqual(book.policies(), [
      { nodeId: 1, relay: "auto", additionalCostUs: 0 },
      { nodeId: 2, relay: "never", additionalCostUs: 7000 },
    ]);
  });

  it("takes the file's word on relaying at once, and the node's again when the file has none", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1), superPeer(2)]);
    book.arrived(2, { ...hello, relay: "always" });
    const relay = (): string | undefined => book.policies()[1]?.relay;
    assert.equal(relay(), "always");
    book.setPeers([superPeer(1), superPeer(2, { relay: "never" })]);
    assert.equal(relay(), "never");
    assert.equal(book.message(1, 0, false, [2], []).set[0]?.relay, "never");
    book.setPeers([superPeer(1), superPeer(2)]);
    assert.equal(relay(), "always");
  });

  it("tells of sixteen addresses of a member at most, and of no change where there is none", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1), superPeer(2)]);
    const addresses = Array.from({ length: 64 }, (_, i) => `10.0.0.${i}:3001`);
    book.arrived(2, { ...hello, endpoints: addresses });
    book.setObserved(2, "192.0.2.2:3001");
    assert.equal(book.message(1, 0, false, [2], []).set[0]?.endpoints.length, 17);
    book.takeChanges();
    book.setPlaces(2, { endpoints: addresses });
    assert.deepEqual(book.takeChanges(), { changed: [], removed: [] });
    book.setPlaces(2, { endpoints: addresses.slice(1) });
    assert.deepEqual(book.takeChanges(), { changed: [2], removed: [] });
  });

  it("makes nobody relay whose own file says never", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1), superPeer(2, { relay: "always" })]);
    book.arrived(2, { ...hello, relay: "never" });
    assert.equal(book.policies()[1]?.relay, "never");
  });

  it("tells nobody's LAN addresses to a member that is to use none", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1, { skipLocalIp: true }), superPeer(2), superPeer(3)]);
    book.arrived(2, hello);
    assert.deepEqual(book.message(1, 0, false, [2], []).set[0]?.endpoints, []);
    assert.equal(book.message(3, 0, false, [2], []).set[0]?.endpoints.length, 1);
  });

  it("names after a reload only those whose lines are others", () => {
    const book = new MemberBook(undefined, () => 0);
    book.setPeers([superPeer(1), superPeer(2), superPeer(3)]);
    book.takeChanges();
    book.setPeers([superPeer(1), superPeer(2, { additionalCost: 3 }), superPeer(3), superPeer(4)]);
    assert.deepEqual(book.takeChanges(), { changed: [2, 4], removed: [] });
  });

  describe("whose members change all the time", () => {
    let ms = 0;
    let book: MemberBook;
    beforeEach(() => {
      ms = 0;
      book = new MemberBook(undefined, () => ms);
      book.setPeers([superPeer(1), superPeer(2)]);
      book.takeChanges();
    });
    /** Whether the others are told of member 2 by now. */
    const told = (): boolean => book.takeChanges().changed.includes(2);
    const endpoints = (): string[] | undefined =>
      book.message(1, 0, false, [2], []).set[0]?.endpoints.map(({ address }) => address);

    it("tells of one that comes, is seen, says where, and roams, at once", () => {
      book.arrived(2, { ...hello, endpoints: [] });
      assert.equal(told(), true);
      book.setObserved(2, "198.51.100.7:1");
      assert.equal(told(), true);
      book.setPlaces(2, { endpoints: ["10.0.0.2:3001"], observed: "198.51.100.7:1" });
      assert.equal(told(), true);
      book.setPlaces(2, { endpoints: ["10.0.0.2:3001"], observed: "198.51.100.7:1" });
      assert.equal(told(), false);
      book.setObserved(2, "203.0.113.7:1");
      assert.equal(told(), true);
      assert.deepEqual(endpoints(), ["203.0.113.7:1", "198.51.100.7:1", "10.0.0.2:3001"]);
    });

    it("tells of four changes at once and of one in ten seconds then, of the newest", () => {
      const times: number[] = [];
      book.arrived(2, hello);
      told();
      for (ms = 60_000; ms < 100_000; ms += 1000) {
        book.setPlaces(2, { endpoints: [`10.0.0.2:${ms + 1}`] });
        if (told()) times.push(ms - 60_000);
      }
      assert.deepEqual(times, [0, 1000, 2000, 3000, 10_000, 20_000, 30_000]);
      assert.deepEqual(endpoints(), ["10.0.0.2:90001"], "none is told before its time");
      assert.equal(told(), true);
      assert.deepEqual(endpoints(), ["10.0.0.2:99001"]);
      assert.equal(told(), false);
    });

    it("tells nothing where a change is taken back before its time", () => {
      for (let port = 1; port <= 5; port++) book.setPlaces(2, { endpoints: [`10.0.0.2:${port}`] });
      assert.equal(told(), true);
      book.setPlaces(2, { endpoints: ["10.0.0.2:4"] });
      ms = 60_000;
      assert.equal(told(), false);
    });

    it("does not have one called again and again that comes and goes, nor one that comes in place of itself", () => {
      for (const leaves of [true, false]) {
        let calls = 0;
        for (let second = 0; second < 40; second++) {
          ms += 1000;
          book.arrived(2, { ...hello, incarnation: ms, relay: second % 2 === 0 ? "auto" : "always" });
          const online = (): boolean | undefined => book.message(1, 0, false, [2], []).set[0]?.online;
          if (told() && online() === true) calls++;
          if (leaves) book.left(2);
        }
        assert.ok(calls >= 4 && calls <= 8, `${calls} times in 40 s`);
      }
    });

    it("tells of one that went at once, and of none of the changes that wait", () => {
      for (let port = 1; port <= 5; port++) book.arrived(2, { ...hello, endpoints: [`10.0.0.2:${port}`] });
      told();
      book.left(2);
      assert.equal(told(), true);
      const [member] = book.message(1, 0, false, [2], []).set;
      assert.deepEqual([member?.online, endpoints()], [false, ["10.0.0.2:4"]]);
    });

    it("tells at once of one that comes back elsewhere: what waited when it went took nothing while it was away", () => {
      const at = (port: number): unknown => book.arrived(2, { ...hello, endpoints: [`10.0.0.2:${port}`] });
      for (let port = 1; port <= 5; port++) at(port);
      told();
      book.left(2);
      told();
      for (ms = 1000; ms <= 15_000; ms += 1000) assert.equal(told(), false, `told at ${ms}`);
      at(6);
      assert.equal(told(), true);
      assert.deepEqual(endpoints(), ["10.0.0.2:6"]);
      // One that came where it was when it went is told as soon as it is its turn.
      for (const port of [7, 8]) {
        book.left(2);
        at(port);
      }
      told();
      ms += 10_000;
      assert.equal(told(), true);
      assert.deepEqual(endpoints(), ["10.0.0.2:8"]);
    });
  });
});

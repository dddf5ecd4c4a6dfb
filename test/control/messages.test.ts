import assert from "node:assert/strict";
import { describe, it } from "mocha";
import fc from "fast-check";
import { encodeMessage, parseEdgeMessage, parseSuperMessage } from "../../src/control/message-codec.ts";
import { MESSAGE_LIMIT, SNAPSHOT_LIMIT } from "../../src/control/messages.ts";
import type { EdgeMessage, Hello, Member, Members, SuperMessage } from "../../src/control/messages.ts";

const key = Buffer.alloc(32, 7).toString("base64");
const hello: Hello = {
  ...{ type: "hello", protocol: 1, nodeId: 1, name: "n1", version: "0.1.0", networkTag: "0011223344556677" },
  ...{ incarnation: 1795260000, epoch: 4294967295, endpoints: ["192.0.2.1:3001", "[2001:db8::1]:3001"] },
  ...{ listenPort: 3001, relay: "auto", additionalCostUs: -5 },
};
const member: Member = {
  ...{ nodeId: 2, name: "n2", pubKey: key, psk: key, online: true, relay: "never", additionalCostUs: 0 },
  endpoints: [
    { address: "192.0.2.2:3001", source: "observed" },
    { address: "n2.example.org:3001", source: "configured" },
  ],
};
const entry = { destination: 2, nextHop: 3, backup: null, hops: 2, size: 1432, costUs: -17 };
const parameters = { superNodeInfoTimeoutS: 50, usePskForInterEdge: true, resetEndPointIntervalS: 600 };

const fromEdge: EdgeMessage[] = [
  hello,
  {
    type: "report",
    report: {
      incarnation: 1,
      counter: 2,
      epoch: 3,
      full: true,
      links: [{ any: "thing" }],
      gone: [4],
      dead: [5],
    },
  },
  { type: "endpoints", endpoints: ["[fe80::1]:3001"] },
  { type: "row-request" },
  { type: "ask", id: 1, question: "why", to: 4 },
  { type: "ping", id: 0 },
  { type: "pong", id: 4294967295 },
  { type: "goodbye" },
];
const fromSuper: SuperMessage[] = [
  {
    type: "welcome",
    protocol: 1,
    incarnation: 9,
    version: "0.1.0",
    name: "sn",
    parameters,
    observed: "192.0.2.9:4242",
  },
  { type: "reject", code: "unknown-key", text: "not in the file" },
  { type: "members", generation: 1, full: true, set: [member], removed: [] },
  { type: "row", row: { incarnation: 1, counter: 1, hash: "ab", entries: [entry] } },
  {
    type: "row-delta",
    delta: {
      base: { incarnation: 1, counter: 1 },
      incarnation: 1,
      counter: 2,
      hash: "cd",
      set: [entry],
      removed: [7],
    },
  },
  { type: "parameters", parameters: { ...parameters, sendPingIntervalMs: 200 } },
  { type: "answer", id: 1, body: { nested: [1, "two"] } },
  { type: "goodbye", code: "stopping", text: "the supernode stops" },
];

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** `hello` with one thing different. */
function helloWith(change: Record<string, unknown>): ReturnType<typeof parseEdgeMessage> {
  return parseEdgeMessage(bytes({ ...hello, ...change }));
}

describe("messages of the super protocol", () => {
  it("survive the way through bytes", () => {
    for (const message of fromEdge)
      assert.deepEqual(parseEdgeMessage(encodeMessage(message)!), { ok: true, message });
    for (const message of fromSuper)
      assert.deepEqual(parseSuperMessage(encodeMessage(message)!), { ok: true, message });
  });

  it("of an unknown type are told from malformed ones", () => {
    const later = parseEdgeMessage(bytes({ type: "carrier-offer", port: 1 }));
    assert.ok(!later.ok && later.unknown);
    const wrongWay = parseEdgeMessage(bytes(fromSuper[0]));
    assert.ok(!wrongWay.ok && wrongWay.unknown);
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      "7",
      "{}",
      '{"type":7}',
      '{"type":"hello"}',
      '{"type":"__proto__"}',
    ]) {
      const parsed = parseEdgeMessage(new TextEncoder().encode(text));
      assert.ok(!parsed.ok, text);
      assert.equal(parsed.unknown, text.includes("__proto__"), text);
    }
    const notText = parseEdgeMessage(Uint8Array.of(0x7b, 0xff, 0x7d));
    assert.ok(!notText.ok && !notText.unknown);
  });

  it("lose fields that this version does not know", () => {
    const parsed = helloWith({ colour: "blue" });
    assert.deepEqual(parsed, { ok: true, message: hello });
  });

  it("are refused with the name of the field that is wrong", () => {
    const wrong: [Record<string, unknown>, RegExp][] = [
      [{ nodeId: 65534 }, /nodeId/],
      [{ nodeId: 1.5 }, /nodeId/],
      [{ nodeId: "1" }, /nodeId/],
      [{ name: "x".repeat(33) }, /name/],
      [{ name: "ü".repeat(17) }, /name/],
      [{ name: "a\nb" }, /name/],
      [{ version: "v".repeat(33) }, /version/],
      [{ networkTag: "0011" }, /networkTag/],
      [{ incarnation: -1 }, /incarnation/],
      [{ epoch: 4294967296 }, /epoch/],
      [{ rowOf: -1 }, /rowOf/],
      [{ endpoints: new Array<string>(65).fill("192.0.2.1:1") }, /endpoints/],
      [{ endpoints: ["example.org:1"] }, /endpoints/],
      [{ endpoints: ["192.0.2.1:0"] }, /endpoints/],
      [{ endpoints: [null] }, /endpoints/],
      [{ listenPort: 65536 }, /listenPort/],
      [{ relay: "sometimes" }, /relay/],
      [{ additionalCostUs: null }, /additionalCostUs/],
      [{ additionalCostUs: 1e308 }, /additionalCostUs/],
    ];
    for (const [change, field] of wrong) {
      const parsed = helloWith(change);
      assert.ok(!parsed.ok && !parsed.unknown, JSON.stringify(change));
      assert.match(parsed.text, field);
    }
  });

  it("name no value that they refuse, which might be a secret", () => {
    const parsed = parseSuperMessage(
      bytes({ type: "members", generation: "s3cret", full: true, set: [member], removed: [] }),
    );
    assert.ok(!parsed.ok);
    assert.match(parsed.text, /generation/);
    assert.doesNotMatch(parsed.text, /s3cret/);
  });

  it("about members leave out the malformed ones, and keep the rest", () => {
    const wrong = [
      { ...member, psk: "s3cret" },
      { ...member, pubKey: key.slice(0, -1) },
      { ...member, endpoints: new Array<unknown>(65).fill(member.endpoints[0]) },
      null,
    ];
    const parsed = parseSuperMessage(
      bytes({ type: "members", generation: 1, full: false, set: [...wrong, member], removed: [7] }),
    );
    assert.ok(parsed.ok && parsed.message.type === "members");
    assert.deepEqual(parsed.message.set, [member]);
    assert.deepEqual(parsed.message.removed, [7]);
  });

  it("hold the bounds of keys, rows and lists", () => {
    const refused: unknown[] = [
      { ...fromSuper[2], set: new Array<unknown>(5000).fill(member) },
      { type: "row", row: { incarnation: 1, counter: 1, hash: "ab", entries: [{ ...entry, hops: 0 }] } },
      { type: "row", row: { incarnation: 1, counter: 1, hash: "ab", entries: [{ ...entry, costUs: 0.5 }] } },
      { type: "parameters", parameters: { ...parameters, sendPingIntervalMs: 1 } },
      { type: "reject", code: "Not A Code", text: "" },
    ];
    for (const value of refused) assert.ok(!parseSuperMessage(bytes(value)).ok, JSON.stringify(value));
    const flood = {
      type: "report",
      report: {
        incarnation: 1,
        counter: 1,
        epoch: 1,
        links: [],
        dead: [],
        gone: new Array<number>(5000).fill(1),
      },
    };
    assert.ok(!parseEdgeMessage(bytes(flood)).ok);
  });

  it("keep a goodbye whose code is newer than this program", () => {
    assert.deepEqual(parseSuperMessage(bytes({ type: "goodbye", code: "too-old-a-moon" })), {
      ok: true,
      message: { type: "goodbye", code: undefined },
    });
  });

  it("have 64 KiB, and 1 MiB as snapshots", () => {
    const members = (count: number, full: boolean): Members => ({
      ...{ type: "members", generation: 1, full, removed: [] },
      set: Array.from({ length: count }, (_, nodeId) => ({ ...member, nodeId })),
    });
    const big = encodeMessage(members(1000, true));
    assert.ok(big !== undefined && big.length > MESSAGE_LIMIT && big.length < SNAPSHOT_LIMIT);
    assert.ok(parseSuperMessage(big).ok);
    assert.equal(encodeMessage(members(1000, false)), undefined);
    const delta = parseSuperMessage(bytes(members(1000, false)));
    assert.ok(!delta.ok);
    assert.match(delta.text, /too long/);
    const report = (full: boolean): EdgeMessage => ({
      type: "report",
      report: {
        ...{ incarnation: 1, counter: 1, epoch: 1, full, gone: [], dead: [] },
        links: Array.from({ length: 1000 }, (_, from) => ({ from, note: "x".repeat(100) })),
      },
    });
    assert.ok(parseEdgeMessage(encodeMessage(report(true)) ?? new Uint8Array()).ok);
    assert.equal(encodeMessage(report(false)), undefined);
    const answer: SuperMessage = { type: "answer", id: 1, body: "x".repeat(MESSAGE_LIMIT) };
    assert.equal(encodeMessage(answer), undefined);
  });

  it("are parsed or refused, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 100 }),
          fc.json().map((text) => new TextEncoder().encode(text)),
        ),
        (body) => {
          parseEdgeMessage(body);
          parseSuperMessage(body);
        },
      ),
    );
    const deep = new TextEncoder().encode(
      '{"type":"answer","id":1,"body":' + "[".repeat(60_000) + "]".repeat(4_000),
    );
    assert.ok(!parseSuperMessage(deep).ok);
  });
});

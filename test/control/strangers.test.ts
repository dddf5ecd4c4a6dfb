// What strangers, thieves and broken programs get from a supernode and from an edge, over real libp2p on loopback.

import assert from "node:assert/strict";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, it } from "mocha";
import type { Libp2p, Stream } from "@libp2p/interface";
import { MAX_UNPROVEN_PER_PREFIX } from "../../src/control/admission.ts";
import { HelloInitiator, HelloResponder } from "../../src/control/hello.ts";
import { multiaddrText } from "../../src/control/host.ts";
import type { TransportName } from "../../src/control/host.ts";
import { SNAPSHOT_LIMIT, SUPER_PROTOCOL } from "../../src/control/messages.ts";
import { ascii, keyPair, seedBytes } from "../noise/fixtures.ts";
import { freePort } from "../../src/control/listen.ts";
import {
  Frames,
  SUPER_PUBLIC,
  WELCOME,
  closeAll,
  dial,
  edge,
  helloOf,
  hostOf,
  later,
  openFrames,
  superServer,
  udpGate,
  until,
} from "./loopback.ts";
import type { TestServer } from "./loopback.ts";

/** What libp2p's connections have besides their interface. */
interface Muxed {
  readonly muxer: { send(data: Uint8Array): void };
}

const json = (value: unknown): Uint8Array => ascii(JSON.stringify(value));

/** A member that speaks the frames by hand, up to its welcome or (second frame) the refusal. */
async function greeted(
  { server }: TestServer,
  label: string,
  transport: TransportName = "quic",
  from?: Libp2p,
): Promise<Frames> {
  const host = from ?? (await hostOf(label, transport));
  const connection = await dial(host, server.port, transport);
  const own = { keys: keyPair(label), peerId: host.peerId.toString(), challenge: seedBytes(`${label} asks`) };
  const initiator = new HelloInitiator(own, connection.remotePeer.toString(), SUPER_PUBLIC);
  const frames = await openFrames(connection);
  frames.send(initiator.opening());
  await frames.next(1);
  const answer = initiator.reply(frames.frames[0]!);
  assert.ok(answer.ok);
  frames.send(answer.proof);
  frames.send(json({ type: "hello", protocol: 1, ...helloOf(1) }));
  await frames.next(2);
  return frames;
}

/** The same, and it is welcome. */
async function handMade(...how: Parameters<typeof greeted>): Promise<Frames> {
  const frames = await greeted(...how);
  assert.deepEqual(frames.json(1), WELCOME);
  return frames;
}

/** A supernode that speaks the frames by hand. */
async function fakeSupernode(
  label: string,
  serve: (frames: Frames, remotePeer: string, peer: string) => void,
): Promise<number> {
  const port = await freePort();
  const host = await hostOf(label, "quic", [multiaddrText("127.0.0.1", port, "quic")]);
  await host.handle(SUPER_PROTOCOL, (stream: Stream, connection) => {
    serve(new Frames(stream), connection.remotePeer.toString(), host.peerId.toString());
  });
  return port;
}

describe("strangers at a supernode's control port", function () {
  this.timeout(40_000);
  afterEach(closeAll);

  it("are served no other protocol, and the super protocol once", async () => {
    const { server } = await superServer();
    const connection = await dial(await hostOf("stranger"), server.port);
    for (const protocol of ["/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0", "/meshsub/1.1.0"]) {
      await assert.rejects(connection.newStream(protocol), /protocol/i, protocol);
    }
    const first = await openFrames(connection);
    const second = await openFrames(connection).catch(() => undefined);
    await until("the end of the second", () => second === undefined || second.closed);
    assert.equal(first.closed, false);
  });

  it("have 32 places for a prefix and 5 seconds each, and do not shut out others", async () => {
    const { server } = await superServer();
    const host = await hostOf("stranger");
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, server.counters().unproven)), 1);
    later(async () => clearInterval(watch));
    const dialled = Array.from({ length: 100 }, () => dial(host, server.port).catch(() => undefined));
    const sockets: Socket[] = Array.from({ length: 100 }, () => connect(server.port, "127.0.0.1"));
    for (const socket of sockets) socket.on("error", () => {});
    later(async () => sockets.forEach((socket) => socket.destroy()));
    await Promise.all(dialled);
    await until("the crowd", () => server.counters().accepted + server.counters().crowded >= 200);
    assert.equal(most, MAX_UNPROVEN_PER_PREFIX);
    const member = await edge("member", [`[::1]:${server.port}`]);
    await until("the member's welcome", () => member.state().state === "connected");
    await until("the end of the crowd", () => server.counters().unproven === 0);
    assert.ok(server.counters().late >= MAX_UNPROVEN_PER_PREFIX);
    assert.equal(server.counters().connected, 1);
  });

  for (const [what, frame] of [
    ["a version that there is not", [1, 0, 0, 0]],
    ["an answer to a ping that nobody sent", [0, 2, 0, 2]],
    ["data for the session itself", [0, 0, 0, 0]],
  ] as const) {
    it(`cannot end it by a yamux frame with ${what}`, async () => {
      const { server } = await superServer();
      for (const withStream of [false, true]) {
        const connection = await dial(await hostOf("stranger", "tcp"), server.port, "tcp");
        if (withStream) await openFrames(connection);
        (connection as unknown as Muxed).muxer.send(Uint8Array.from([...frame, ...new Uint8Array(8)]));
        await until("the end of the connection", () => connection.status !== "open");
      }
      // What nobody catches comes in a turn of its own.
      await sleep(50);
      const member = await edge("member", [server.port]);
      await until("the member's welcome", () => member.state().state === "connected");
      await until("the end of the strangers", () => server.counters().unproven === 0);
    });
  }

  it("who fall silent in the middle of a QUIC handshake hold up nobody", async () => {
    const { server } = await superServer();
    const gate = await udpGate(server.port);
    gate.answers = false;
    const stranger = await hostOf("stranger");
    for (let i = 0; i < 4; i++) void dial(stranger, gate.port).catch(() => {});
    await until("first datagrams", () => gate.passed >= 4);
    const member = await edge("member", [server.port]);
    await until("the member's welcome", () => member.state().state === "connected", 3_000);
    assert.equal(member.state().transport, "quic");
  });

  it("do not lend their place to another connection of the same socket", async () => {
    const served = await superServer();
    const host = await hostOf("member");
    const idle = await dial(host, served.server.port);
    const member = await handMade(served, "member", "quic", host);
    const alsoIdle = await dial(host, served.server.port);
    // The dialling end has its connection before the other one has looked at it.
    await until("both have a place", () => served.server.counters().unproven === 2);
    await until("the end of the idle", () => idle.status !== "open" && alsoIdle.status !== "open");
    assert.equal(served.server.counters().late, 2);
    await sleep(200);
    assert.equal(member.closed, false);
    assert.equal(served.server.counters().connected, 1);
  });

  it("are told why and cut off when they speak something else", async () => {
    const served = await superServer();
    const host = await hostOf("stranger");
    const openings: [Uint8Array, string][] = [
      [ascii("GET / HTTP/1.1"), "not-proven"],
      [new Uint8Array(65), "version"],
      [json({ type: "hello" }), "not-proven"],
      [new Uint8Array(513), "malformed"],
      [Uint8Array.of(1, ...new Uint8Array(32), ...seedBytes("challenge")), "not-proven"],
    ];
    let last: Frames | undefined;
    for (const [opening, code] of openings) {
      const frames = await openFrames(await dial(host, served.server.port));
      frames.send(opening);
      await frames.next(1);
      assert.equal((frames.json(0) as { type: string }).type, "reject");
      assert.equal((frames.json(0) as { code: string }).code, code);
      last = frames;
    }
    await until("the end", () => last?.closed === true);
    assert.deepEqual(
      served.refusals.map(({ code }) => code),
      openings.map(([, code]) => code),
    );
    assert.ok(
      served.refusals.every(({ pubKey, from }) => pubKey === undefined && /^127\.0\.0\.1:\d+$/.test(from)),
    );
    assert.equal(served.edges.length, 0);
  });

  it("who recorded a member's hello cannot use it again", async () => {
    const served = await superServer();
    const host = await hostOf("member");
    const initiator = new HelloInitiator(
      { keys: keyPair("member"), peerId: host.peerId.toString(), challenge: seedBytes("once") },
      served.server.peerId,
      SUPER_PUBLIC,
    );
    const first = await openFrames(await dial(host, served.server.port));
    first.send(initiator.opening());
    await first.next(1);
    const answer = initiator.reply(first.frames[0]!);
    assert.ok(answer.ok);
    first.send(answer.proof);
    first.send(json({ type: "hello", protocol: 1, ...helloOf(1) }));
    await first.next(2);
    assert.equal(served.edges.length, 1);
    // The same peer id, the same bytes, another connection.
    const again = await openFrames(await dial(host, served.server.port));
    again.send(initiator.opening());
    await again.next(1);
    again.send(answer.proof);
    await again.next(2);
    assert.equal((again.json(1) as { code: string }).code, "not-proven");
    assert.equal(served.edges.length, 1);
    assert.equal(first.closed, false);
  });

  it("between an edge and its supernode can pass nothing on", async () => {
    const served = await superServer();
    const outward = await hostOf("middle");
    const passed: Uint8Array[] = [];
    const port = await fakeSupernode("middle", (inner) => {
      void (async () => {
        const outer = await openFrames(await dial(outward, served.server.port));
        for (const [from, to] of [
          [inner, outer],
          [outer, inner],
        ] as const) {
          let sent = 0;
          from.stream.addEventListener("message", () => {
            for (; sent < from.frames.length; sent++) {
              passed.push(from.frames[sent]!);
              to.send(from.frames[sent]!);
            }
          });
        }
        for (const frame of inner.frames) outer.send(frame);
      })();
    });
    const one = await edge("one", [port]);
    await until("the refusal", () => one.state().state === "refused");
    assert.equal(one.state().code, "not-proven");
    assert.equal(served.edges.length, 0);
    assert.equal(one.welcomes.length, 0);
  });

  it("leave nothing behind in the peer store", async () => {
    const port = await freePort();
    const host = await hostOf("host", "quic", [multiaddrText("127.0.0.1", port, "quic")]);
    await host.handle(SUPER_PROTOCOL, () => {});
    for (let index = 0; index < 5; index++) {
      const connection = await dial(await hostOf(`stranger ${index}`), port);
      await connection.newStream(SUPER_PROTOCOL);
      await connection.close();
    }
    await until("an empty store", () => host.getConnections().length === 0);
    await sleep(50);
    assert.deepEqual(await host.peerStore.all(), []);
  });
});

describe("a member that misbehaves", function () {
  this.timeout(40_000);
  afterEach(closeAll);

  it("has each malformed message refused and counted, by name, and keeps its connection", async () => {
    const served = await superServer();
    const member = await handMade(served, "member");
    member.send(json({ type: "report", report: { incarnation: "x" } }));
    member.send(ascii("{"));
    member.send(json({ type: "hello", protocol: 1, ...helloOf(2) }));
    member.send(json({ type: "something-newer" }));
    member.send(json({ type: "row-request" }));
    await until("the request", () => served.heard.length === 1);
    assert.equal(served.server.counters().malformed, 3);
    assert.deepEqual(
      served.refusals.map(({ code, nodeId }) => [code, nodeId]),
      new Array(3).fill(["malformed", 1]),
    );
    assert.equal(member.closed, false);
  });

  it("silences nothing that is said of others, however much of it is refused", async () => {
    const served = await superServer();
    const member = await handMade(served, "member");
    for (let count = 0; count < 300; count++) member.send(ascii("{"));
    const other = await openFrames(await dial(await hostOf("stranger"), served.server.port));
    other.send(json({ type: "hello" }));
    await until("all refusals", () => served.server.counters().malformed === 300 && other.frames.length > 0);
    const named = served.refusals.filter(({ nodeId }) => nodeId === undefined);
    assert.equal(named.length, 1);
    assert.equal(served.refusals.length, 301);
  });

  it("is cut off for a frame above 1 MiB", async () => {
    const served = await superServer();
    const member = await handMade(served, "member");
    member.send(new Uint8Array(SNAPSHOT_LIMIT + 1));
    await until("the end", () => member.closed);
    assert.deepEqual(served.closed, [
      `malformed: a frame of ${SNAPSHOT_LIMIT + 1} bytes, at most ${SNAPSHOT_LIMIT}`,
    ]);
    assert.equal(served.server.counters().connected, 0);
  });

  it("may be long where it says everything, and nowhere else", async () => {
    const served = await superServer();
    const member = await handMade(served, "member");
    const links = Array.from({ length: 1000 }, (_, from) => ({ from, note: "x".repeat(100) }));
    const report = { incarnation: 1, counter: 1, epoch: 1, links, gone: [], dead: [] };
    member.send(json({ type: "report", report: { ...report, full: true } }));
    await until("the report", () => served.heard.length === 1);
    member.send(json({ type: "report", report: { ...report, full: false } }));
    await until("the refusal", () => served.refusals.length === 1);
    assert.match(served.refusals[0]?.text ?? "", /^report: too long/);
    assert.equal(served.heard.length, 1);
    assert.equal(member.closed, false);
  });

  it("is cut off when it floods with long ones", async () => {
    const served = await superServer();
    const member = await handMade(served, "member");
    const links = new Array(4000).fill("x".repeat(200));
    const report = { incarnation: 1, counter: 1, epoch: 1, full: true, links, gone: [], dead: [] };
    // So many that it is a flood also where they are read at half the usual speed.
    for (let count = 0; count < 100 && !member.closed; count++) member.send(json({ type: "report", report }));
    await until("the end", () => served.closed.length === 1);
    assert.match(served.closed[0]!, /^flooded/);
  });

  it("is cut off when it floods", async () => {
    const served = await superServer();
    const member = await handMade(served, "member");
    for (let count = 0; count < 2000; count++) member.send(json({ type: "ping", id: count }));
    await until("the end", () => served.closed.length === 1);
    assert.match(served.closed[0]!, /^flooded/);
  });

  it("has no other allowance when it comes back after a flood", async () => {
    const served = await superServer();
    const host = await hostOf("member");
    const member = await handMade(served, "member", "quic", host);
    for (let count = 0; count < 2000; count++) member.send(json({ type: "ping", id: count }));
    await until("the end", () => served.closed.length === 1);
    const again = await handMade(served, "member", "quic", host);
    for (let count = 0; count < 250; count++) again.send(json({ type: "ping", id: count }));
    await until("the second end", () => served.closed.length === 2);
    assert.match(served.closed[1]!, /^flooded/);
  });

  it("is cut off when it floods with short reports of many entries", async () => {
    const served = await superServer();
    const member = await handMade(served, "member");
    const report = {
      incarnation: 1,
      counter: 1,
      epoch: 1,
      links: new Array(4096).fill(0),
      gone: [],
      dead: [],
    };
    for (let count = 0; count < 20; count++) member.send(json({ type: "report", report }));
    await until("the end", () => served.closed.length === 1);
    assert.match(served.closed[0]!, /^flooded/);
    assert.ok(served.heard.length < 10, `${served.heard.length} reports`);
  });

  it("is refused when it connects again and again, and let in a second later", async () => {
    const served = await superServer();
    const host = await hostOf("member");
    const answers: string[] = [];
    const answer = async (): Promise<string> => {
      const frames = await greeted(served, "member", "quic", host);
      const { type, code } = frames.json(1) as { type: string; code?: string };
      return code ?? type;
    };
    while (!answers.includes("flooded") && answers.length < 20) answers.push(await answer());
    assert.equal(answers.at(-1), "flooded");
    assert.ok(answers.length >= 6, `refused after ${answers.length}`);
    assert.equal(served.server.counters().refused["flooded"], 1);
    assert.equal(served.server.counters().connected, 1);
    await sleep(1100);
    assert.equal(await answer(), "welcome");
  });

  it("is cut off when it does not read", async () => {
    const served = await superServer();
    const member = await handMade(served, "member", "tcp");
    member.stream.pause();
    const answer = { type: "answer", id: 1, body: "x".repeat(60_000) } as const;
    let sent = 0;
    while (served.edges[0]!.send(answer)) {
      sent += 1;
      assert.ok(sent < 1000, "60 MB for a reader that reads nothing");
      if (sent % 20 === 0) await sleep(5);
    }
    assert.equal(served.server.counters().slowReaders, 1);
    assert.match(served.closed[0]!, /does not read/);
  });

  it("is let go when it falls silent", async () => {
    const served = await superServer();
    await handMade(served, "member");
    await until("the end", () => served.closed.length === 1, 12_000);
    assert.equal(served.closed[0], "nothing heard");
  });
});

describe("a supernode that misbehaves", function () {
  this.timeout(40_000);
  afterEach(closeAll);

  const supernode = { keys: keyPair("supernode"), challenge: seedBytes("supernode asks") };

  it("cannot welcome before it has proven its key", async () => {
    const port = await fakeSupernode("fake", (frames) => frames.send(json(WELCOME)));
    const one = await edge("one", [port]);
    await until("the end", () => one.state().code === "not-proven");
    assert.equal(one.welcomes.length, 0);
  });

  it("is noticed within 10 s when it falls silent, however alive its transport is", async () => {
    const port = await fakeSupernode("supernode", (frames, remotePeer, peerId) => {
      const responder = new HelloResponder({ ...supernode, peerId }, remotePeer);
      frames.stream.addEventListener("message", () => {
        const [opening, proof, hello] = frames.frames;
        if (proof === undefined) {
          const answer = responder.opening(opening!);
          assert.ok(answer.ok);
          frames.send(answer.reply);
        } else if (hello !== undefined && frames.frames.length === 3) frames.send(json(WELCOME));
      });
    });
    const one = await edge("one", [port]);
    await until("the welcome", () => one.welcomes.length === 1);
    const from = performance.now();
    await until("the end", () => one.closed.length === 1, 15_000);
    const tookMs = performance.now() - from;
    assert.equal(one.state().code, "silent");
    assert.ok(tookMs > 3_000 && tookMs < 10_000, `${tookMs} ms`);
  });
});

// Edges and supernodes over real libp2p on loopback.

import assert from "node:assert/strict";
import { createServer as createTcpServer, connect } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, it } from "mocha";
import type { Member } from "../../src/control/messages.ts";
import { seedBytes } from "../noise/fixtures.ts";
import { SUPER_KEY, closeAll, edge, helloOf, later, superServer, udpGate, until } from "./loopback.ts";
import type { TestEdge } from "./loopback.ts";

/** A port of loopback (`own`, or any) whose TCP connections go on to the one at `port`. */
async function tcpPassage(port: number, own: number = 0): Promise<number> {
  const passage = createTcpServer((socket) => {
    const onwards = connect(port, "127.0.0.1");
    socket.pipe(onwards).pipe(socket);
    socket.on("error", () => onwards.destroy());
    onwards.on("error", () => socket.destroy());
    later(async () => void socket.destroy());
  });
  await new Promise<void>((resolve) => passage.listen(own, "127.0.0.1", resolve));
  later(async () => void passage.close());
  return (passage.address() as AddressInfo).port;
}

const connected = (one: TestEdge) => (): boolean => one.state().state === "connected";

describe("the super protocol on loopback", function () {
  this.timeout(30_000);
  afterEach(closeAll);

  it("connects an edge by QUIC, and messages pass both ways", async () => {
    const { server, edges, heard } = await superServer();
    const one = await edge("one", [server.port]);
    await until("the welcome", connected(one));
    assert.equal(one.welcomes.length, 1);
    assert.equal(one.welcomes[0]?.welcome.incarnation, 9);
    assert.equal(edges[0]?.transport, "quic");
    assert.equal(edges[0]?.hello.name, "n1");
    assert.equal(one.state().transport, "quic");
    assert.equal(one.state().address, `127.0.0.1:${server.port}`);
    assert.ok(one.client.send(0, { type: "ask", id: 7, question: "why", to: 2 }));
    await until("the question", () => heard.length === 1);
    assert.deepEqual(heard, [{ type: "ask", id: 7, question: "why", to: 2 }]);
    assert.ok(edges[0]?.send({ type: "answer", id: 7, body: { cost: 1 } }));
    await until("the answer", () => one.heard.length === 1);
    assert.deepEqual(one.heard, [{ type: "answer", id: 7, body: { cost: 1 } }]);
    await until("a round trip", () => one.state().rttMs !== undefined);
    assert.equal(server.counters().connected, 1);
    assert.equal(server.counters().unproven, 0);
  });

  it("connects by IPv6 and by name", async () => {
    const { server } = await superServer();
    const six = await edge("six", [`[::1]:${server.port}`]);
    const named = await edge("named", [`localhost:${server.port}`], { hello: () => helloOf(2) });
    await until("both", () => connected(six)() && connected(named)());
    assert.equal(six.state().address, `[::1]:${server.port}`);
  });

  it("falls back to TCP where UDP does not pass", async () => {
    const { server, edges } = await superServer();
    const one = await edge("one", [await tcpPassage(server.port)]);
    await until("the welcome", connected(one));
    assert.equal(one.state().transport, "tcp");
    assert.equal(edges[0]?.transport, "tcp");
  });

  it("turns to TCP where QUIC connections start and then fall silent, and to QUIC again after that", async () => {
    const { server, edges } = await superServer();
    const gate = await udpGate(server.port);
    await tcpPassage(server.port, gate.port);
    const { state } = await edge("edge", [gate.port]);
    await until("QUIC", () => state().state === "connected" && state().transport === "quic");
    gate.open = gate.answers = false;
    await until("the end of QUIC", () => state().state !== "connected", 12_000);
    gate.open = gate.answers = true;
    await until("TCP", () => state().state === "connected");
    assert.equal(state().transport, "tcp");
    edges.at(-1)?.close();
    await until("the end of TCP", () => state().state !== "connected");
    await until("QUIC again", () => state().state === "connected");
    assert.equal(state().transport, "quic");
  });

  it("carries snapshots of up to 1 MiB, and refuses longer ones and long messages before they are sent", async () => {
    const oversize: unknown[] = [];
    const { server, edges } = await superServer({ onOversize: (...what) => void oversize.push(what) });
    const one = await edge("one", [server.port]);
    await until("the welcome", connected(one));
    const member = (nodeId: number): Member => ({
      ...{ nodeId, name: `n${nodeId}`, pubKey: Buffer.alloc(32, 1).toString("base64"), online: true },
      ...{ relay: "auto", additionalCostUs: 0, endpoints: [] },
    });
    const set = Array.from({ length: 4000 }, (_, nodeId) => member(nodeId));
    assert.ok(edges[0]?.send({ type: "members", generation: 1, full: true, set, removed: [] }));
    await until("the snapshot", () => one.heard.length === 1);
    assert.deepEqual(one.heard[0], { type: "members", generation: 1, full: true, set, removed: [] });
    assert.equal(edges[0]?.send({ type: "members", generation: 2, full: false, set, removed: [] }), false);
    assert.equal(server.counters().oversize, 1);
    assert.deepEqual(oversize, [[1, "members"]]);
    const entry = { nextHop: 1, backup: null, hops: 1, size: 1400, costUs: 1 };
    const entries = Array.from({ length: 4000 }, (_, destination) => ({ destination, ...entry }));
    const version = { incarnation: 1, counter: 1 };
    const delta = { ...version, base: version, hash: "", set: entries, removed: [] };
    assert.equal(edges[0]?.send({ type: "row-delta", delta }), false);
    assert.equal(server.counters().oversize, 1, "the whole row is sent instead");
    const report = { incarnation: 1, counter: 1, epoch: 1, gone: [], dead: [] };
    assert.equal(
      one.client.send(0, { type: "report", report: { ...report, links: ["x".repeat(65_536)] } }),
      false,
    );
    assert.ok(one.client.send(0, { type: "report", report: { ...report, links: ["x".repeat(65_000)] } }));
    await until("the long report", () => server.counters().messagesIn >= 2);
    assert.ok(connected(one)());
  });

  it("says when an edge has read what it was sent, so that more than may wait for it gets there", async () => {
    const { server, edges } = await superServer();
    const one = await edge("one", [server.port]);
    await until("the welcome", connected(one));
    const connection = edges[0]!;
    let sent = 0;
    const more = (): void => {
      while (sent < 200 && connection.queued < 256 * 1024) {
        assert.ok(connection.send({ type: "answer", id: sent++, body: "x".repeat(60_000) }));
      }
    };
    connection.onDrain = more;
    more();
    assert.ok(sent < 20, `${sent} messages at once`);
    await until("all of them", () => one.heard.length === 200);
  });

  it("tells both ends of a goodbye, and connects no more", async () => {
    const { server, closed } = await superServer();
    const one = await edge("one", [server.port]);
    await until("the welcome", connected(one));
    await one.client.close();
    await until("the goodbye", () => closed.length === 1);
    assert.deepEqual(closed, ["goodbye"]);
    assert.equal(one.closed.length, 1);
    assert.equal(server.counters().connected, 0);
    assert.equal(one.client.send(0, { type: "row-request" }), false);
  });

  it("comes back when the supernode was started again", async () => {
    const { server } = await superServer();
    const one = await edge("one", [server.port]);
    await until("the welcome", connected(one));
    await server.close();
    await until("the loss", () => one.closed.length === 1);
    assert.equal(one.state().code, "stopping");
    const again = await superServer({ controlPort: server.port });
    await until("the second welcome", () => one.welcomes.length === 2, 5_000);
    assert.equal(again.edges.length, 1);
    assert.equal(one.state().code, undefined);
  });

  it("holds while the programs stand still for 3 s", async () => {
    const { server, closed } = await superServer();
    const one = await edge("one", [server.port]);
    await until("the welcome", connected(one));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000);
    const rounds = server.counters().messagesIn;
    await until("two more pings", () => server.counters().messagesIn >= rounds + 2);
    assert.deepEqual([closed, one.closed], [[], []]);
  });

  it("waits for a supernode that is not there yet", async () => {
    const { server } = await superServer();
    await server.close();
    const one = await edge("one", [server.port]);
    await until("the failure", () => one.state().code === "unreachable");
    assert.equal(one.state().state, "connecting");
    await superServer({ controlPort: server.port });
    await until("the welcome", connected(one));
  });

  it("keeps a connection to each of several supernodes", async () => {
    const [first, second] = [await superServer(), await superServer()];
    const one = await edge("one", [first.server.port, second.server.port]);
    await until("both", () => one.client.status().every(({ state }) => state === "connected"));
    await first.server.close();
    await until("the loss", () => one.closed.length === 1);
    assert.equal(one.client.status()[1]?.state, "connected");
    assert.ok(one.client.send(1, { type: "row-request" }));
    assert.equal(one.client.send(0, { type: "row-request" }), false);
    await until("the request", () => second.heard.length === 1);
  });

  it("shows why a supernode refuses, also while it tries again", async () => {
    const { server, refusals } = await superServer({
      authorize: () => ({ ok: false, code: "unknown-key", text: "this key is not in the file" }),
    });
    const one = await edge("stranger", [server.port]);
    await until("the refusal", () => one.state().state === "refused");
    assert.equal(one.state().code, "unknown-key");
    assert.equal(one.state().text, "this key is not in the file");
    assert.equal(refusals[0]?.code, "unknown-key");
    assert.equal(refusals[0]?.pubKey?.length, 32);
    assert.equal(server.counters().refused["unknown-key"], 1);
    assert.equal(one.welcomes.length, 0);
  });

  it("refuses a supernode without the pinned key", async () => {
    const { server, edges } = await superServer({ privKey: seedBytes("another supernode") });
    const one = await edge("one", [server.port]);
    await until("the refusal", () => one.state().state === "refused");
    assert.equal(one.state().code, "wrong-key");
    assert.equal(edges.length, 0);
  });

  it("refuses the other end if the network secrets differ", async () => {
    const { server, edges } = await superServer({ networkSecret: seedBytes("a secret") });
    const one = await edge("one", [server.port]);
    await until("the refusal", () => one.state().state === "refused");
    assert.equal(one.state().code, "not-proven");
    assert.equal(edges.length, 0);
    const member = await edge("member", [server.port], { networkSecret: seedBytes("a secret") });
    await until("the welcome", connected(member));
  });

  it("keeps the newer of two processes with one key", async () => {
    const { server, edges, closed } = await superServer();
    const older = await edge("one", [server.port], { hello: () => helloOf(1, 5) });
    await until("the older", connected(older));
    const newer = await edge("one", [server.port], { hello: () => helloOf(1, 6) });
    await until("the newer", connected(newer));
    await until("the farewell", () => older.state().state === "refused");
    assert.equal(older.state().code, "duplicate");
    assert.equal(closed.length, 1);
    assert.equal(server.counters().connected, 1);
    const oldest = await edge("one", [server.port], { hello: () => helloOf(1, 4) });
    await until("the refusal", () => oldest.state().state === "refused");
    assert.equal(oldest.state().code, "duplicate");
    assert.ok(connected(newer)());
    assert.ok(edges[1]?.send({ type: "goodbye" }));
  });

  it("replaces the connection of a process that comes again before its old one is known to be dead", async () => {
    const { server, edges, closed } = await superServer();
    const first = await edge("one", [server.port]);
    await until("the first", connected(first));
    const again = await edge("one", [server.port]);
    await until("the second", connected(again));
    await until("the end of the first", () => closed.length === 1);
    assert.equal(edges.length, 2);
    assert.equal(server.counters().connected, 1);
  });

  it("lets the supernode send an edge away", async () => {
    const { server, edges } = await superServer();
    const one = await edge("one", [server.port]);
    await until("the welcome", connected(one));
    edges[0]?.close("removed", "no longer in the file");
    await until("the end", () => one.state().state === "refused");
    assert.equal(one.state().code, "removed");
    assert.equal(server.counters().connected, 0);
  });

  it("says which port is taken", async () => {
    const { server } = await superServer();
    await assert.rejects(superServer({ controlPort: server.port, privKey: SUPER_KEY }), {
      code: "EADDRINUSE",
      syscall: "listen",
      port: server.port,
    });
    const taken = createTcpServer();
    await new Promise<void>((resolve) => taken.listen(0, "0.0.0.0", resolve));
    later(async () => void taken.close());
    const { port } = taken.address() as AddressInfo;
    await assert.rejects(superServer({ controlPort: port }), { code: "EADDRINUSE", protocol: "TCP", port });
    await assert.rejects(superServer({ addresses: ["192.0.2.77"] }), { code: "EADDRNOTAVAIL" });
  });
});

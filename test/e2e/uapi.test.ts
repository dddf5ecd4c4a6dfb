// The stock `wg` program against running nodes.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, it } from "mocha";
import {
  chain,
  describeAsRoot,
  type Edge,
  eventually,
  generateKeys,
  generatePsk,
  type MeshOptions,
  ping,
  TestBed,
  waitForPing,
} from "./harness.ts";

interface Shown {
  listenPort: number;
  fwmark: string;
  peers: {
    publicKey: string;
    psk: string;
    endpoint: string;
    handshake: number;
    received: number;
    sent: number;
    keepalive: string;
  }[];
}

/** `wg show NAME dump`, as wg(8) describes it. */
function dump(edge: Edge): Shown {
  const { stdout } = edge.node.exec(["wg", "show", edge.config.uapiName, "dump"]);
  const [first = [], ...others] = stdout
    .trim()
    .split("\n")
    .map((line) => line.split("\t"));
  return {
    listenPort: Number(first[2]),
    fwmark: first[3] ?? "",
    peers: others.map(([publicKey = "", psk = "", endpoint = "", , at, received, sent, keepalive = ""]) => ({
      publicKey,
      psk,
      endpoint,
      handshake: Number(at),
      received: Number(received),
      sent: Number(sent),
      keepalive,
    })),
  };
}

const set = (edge: Edge, ...words: string[]): void => {
  edge.node.exec(["wg", "set", edge.config.uapiName, ...words]);
};

describeAsRoot("the wg program and a running node", function () {
  this.timeout(30_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  async function two(options: MeshOptions = {}): Promise<{ a: Edge; b: Edge; folder: string }> {
    const { mesh, lab } = bed.prepare(chain(["a", "b"]), {
      ...options,
      adjust: (config) => {
        // `wg set` cuts names at 15 characters.
        config.uapiName = `u${process.pid}${config.nodeName}`;
        options.adjust?.(config);
      },
    });
    await mesh.start();
    return { a: mesh.edge("a"), b: mesh.edge("b"), folder: lab.folder };
  }

  async function stops(from: Edge, to: Edge): Promise<void> {
    await eventually(
      "traffic stops",
      async () => (await ping(from.node, to.address, { count: 3, interval: 0.1, wait: 0.3 })).received === 0,
      5000,
    );
  }

  it("shows peers, endpoints, handshake ages and transfer", async () => {
    const { a, b } = await two();
    await waitForPing(a.node, b.address);
    const before = dump(a);
    assert.equal(before.listenPort, 3001);
    assert.equal(before.peers.length, 1);
    const [peer] = before.peers;
    assert.equal(peer?.publicKey, b.keys.publicKey);
    assert.equal(peer?.endpoint, `${b.node.address}:3001`);
    assert.ok(Math.abs(Date.now() / 1000 - (peer?.handshake ?? 0)) < 10, `handshake at ${peer?.handshake}`);
    await ping(a.node, b.address, { count: 10, interval: 0.02, size: 1000 });
    const after = dump(a).peers[0];
    assert.ok((after?.sent ?? 0) - (peer?.sent ?? 0) > 10_000, "sent bytes grow with the traffic");
    assert.ok((after?.received ?? 0) - (peer?.received ?? 0) > 10_000, "received bytes too");
    const text = a.node.exec(["wg", "show", a.config.uapiName], { env: { WG_COLOR_MODE: "never" } }).stdout;
    for (const pattern of [
      /^interface: /m,
      /^peer: /m,
      /endpoint: 192\.0\.2\.2:3001/,
      /latest handshake: /,
      /transfer: /,
    ]) {
      assert.match(text, pattern);
    }
  });

  it("changes listen port, mark and keepalive of a live node", async () => {
    const { a, b } = await two();
    await waitForPing(a.node, b.address);
    set(a, "listen-port", "4010", "fwmark", "0x2a", "peer", b.keys.publicKey, "persistent-keepalive", "25");
    const { listenPort, fwmark, peers } = dump(a);
    assert.deepEqual([listenPort, fwmark, peers[0]?.keepalive], [4010, "0x2a", "25"]);
    const sockets = a.node.exec(["ss", "-Huln"]).stdout;
    assert.match(sockets, /:4010\b/);
    assert.doesNotMatch(sockets, /:3001\b/);
    await waitForPing(a.node, b.address, 3000);
    assert.equal((await ping(a.node, b.address)).loss, 0);
    set(a, "listen-port", "4010");
    assert.equal(dump(a).listenPort, 4010, "the port it has already");
    await eventually("b follows", () => dump(b).peers[0]?.endpoint === `${a.node.address}:4010`);
  });

  it("keeps the old listen port when the new one is taken", async () => {
    const { a, b } = await two();
    await waitForPing(a.node, b.address);
    const taken =
      'import socket,time\ns=socket.socket(2,2)\ns.bind(("",4011))\nprint("bound",flush=True)\ntime.sleep(60)';
    const holder = a.node.spawn(["/usr/bin/python3", "-c", taken]);
    await holder.waitFor(/bound/, 5000);
    const refused = a.node.exec(["wg", "set", a.config.uapiName, "listen-port", "4011"], { check: false });
    assert.notEqual(refused.status, 0);
    assert.equal(dump(a).listenPort, 3001);
    assert.equal((await ping(a.node, b.address)).loss, 0);
  });

  it("changes the pre-shared key: on both sides traffic goes on, on one it stops", async () => {
    const { a, b, folder } = await two();
    await waitForPing(a.node, b.address);
    const file = join(folder, "psk");
    const psk = generatePsk();
    writeFileSync(file, psk, { mode: 0o600 });
    set(a, "peer", b.keys.publicKey, "preshared-key", file);
    set(b, "peer", a.keys.publicKey, "preshared-key", file);
    await waitForPing(a.node, b.address, 3000);
    assert.equal((await ping(a.node, b.address)).loss, 0);
    assert.equal(dump(a).peers[0]?.psk, psk);

    const other = join(folder, "other");
    writeFileSync(other, generatePsk(), { mode: 0o600 });
    set(b, "peer", a.keys.publicKey, "preshared-key", other);
    await stops(a, b);
    await stops(b, a);
    set(b, "peer", a.keys.publicKey, "preshared-key", file);
    await waitForPing(a.node, b.address, 3000);
    // No key at all is another key, too.
    set(b, "peer", a.keys.publicKey, "preshared-key", "/dev/null");
    await stops(a, b);
    set(a, "peer", b.keys.publicKey, "preshared-key", "/dev/null");
    await waitForPing(a.node, b.address, 3000);
  });

  it("tells the endpoint of a known peer that had none", async () => {
    const { a, b } = await two({
      adjust: (config) => {
        for (const peer of config.peers) delete peer.endPoint;
      },
    });
    assert.equal(dump(a).peers[0]?.endpoint, "(none)");
    assert.equal((await ping(a.node, b.address, { count: 2, wait: 0.2 })).received, 0);
    set(a, "peer", b.keys.publicKey, "endpoint", `${b.node.address}:3001`);
    await waitForPing(a.node, b.address, 3000);
    assert.equal(dump(a).peers[0]?.endpoint, `${b.node.address}:3001`);
  });

  it("removes a peer and adds it again", async () => {
    const { a, b } = await two();
    await waitForPing(a.node, b.address);
    set(a, "peer", b.keys.publicKey, "remove");
    assert.deepEqual(dump(a).peers, []);
    await stops(a, b);
    await stops(b, a);
    assert.deepEqual((await a.status()).peers, []);
    // Only the key is named: NodeID and endpoint are the file's.
    set(a, "peer", b.keys.publicKey);
    await waitForPing(a.node, b.address, 3000);
    assert.equal(dump(a).peers[0]?.endpoint, `${b.node.address}:3001`);
  });

  it("is refused a peer that the file does not know, and another private key", async () => {
    const { a, b, folder } = await two();
    await waitForPing(a.node, b.address);
    const stranger = generateKeys();
    const add = a.node.exec(["wg", "set", a.config.uapiName, "peer", stranger.publicKey], { check: false });
    assert.notEqual(add.status, 0);
    const file = join(folder, "key");
    writeFileSync(file, stranger.privateKey, { mode: 0o600 });
    const change = a.node.exec(["wg", "set", a.config.uapiName, "private-key", file], { check: false });
    assert.notEqual(change.status, 0);
    assert.equal(dump(a).peers.length, 1);
    assert.equal((await ping(a.node, b.address)).loss, 0);
  });
});

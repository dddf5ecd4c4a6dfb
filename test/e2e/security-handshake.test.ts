// What an edge says to those who have no business with it: nothing, or less than they said. A real edge on a loopback
// socket, without a port; the test plays peers and strangers.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { stringify } from "yaml";
import { fetchStatus } from "../../src/api/status-client.ts";
import { STATUS_SOCKET } from "../../src/api/status-server.ts";
import { publicKeyOf } from "../../src/config/key-text.ts";
import { HandshakeGate } from "../../src/node/handshake-gate.ts";
import { CookieJar } from "../../src/noise/cookie.ts";
import { readResponse, writeInitiation, type WrittenInitiation } from "../../src/noise/handshake.ts";
import { importPrivateKey, importPublicKey } from "../../src/noise/primitives.ts";
import type { InitiationPayload } from "../../src/wire/handshake.ts";
import { LOW_ORDER_POINTS } from "../noise/fixtures.ts";
import { addon, packed } from "../support/engines.ts";
import {
  initiationOfNoise,
  initiationPayload,
  initiationWithEphemeral,
  initiationWithStatic,
  networkTag,
  responseWithEphemeral,
  stamp,
  Stranger,
} from "../support/stranger.ts";
import { Child, eventually } from "./harness.ts";

const checkout = join(import.meta.dirname, "../..");
const network = "handshakes";
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("an edge among strangers", function () {
  this.timeout(20_000);
  const edgeKey = randomBytes(32);
  const edgePublic = publicKeyOf(edgeKey);
  const peerKeys = importPrivateKey(randomBytes(32));
  const psk = randomBytes(32);
  let folder = "";
  let child: Child;
  let port = 0;
  let open: Stranger[] = [];

  /** Peer 2 is the test; peer 3 has an endpoint, so that the edge calls it; peer 4 has a PSK. */
  const config = (calledPort: number): object => ({
    nodeId: 1,
    nodeName: "loner",
    networkName: network,
    privKey: base64(edgeKey),
    listenPort: port,
    allowLoopback: true,
    bind: { ipv4: "127.0.0.1", ipv6: false },
    interface: { iType: "dummy", macAddrPrefix: "02:EE:00:00" },
    stateDir: join(folder, "state"),
    peers: [
      { nodeId: 2, pubKey: base64(peerKeys.publicKey.bytes) },
      { nodeId: 3, pubKey: base64(calledKeys.publicKey.bytes), endPoint: `127.0.0.1:${calledPort}` },
      { nodeId: 4, pubKey: base64(pskKeys.publicKey.bytes), psKey: base64(psk) },
    ],
  });
  const calledKeys = importPrivateKey(randomBytes(32));
  const pskKeys = importPrivateKey(randomBytes(32));
  let called: Stranger;

  const stranger = async (address = "127.0.0.1"): Promise<Stranger> => {
    const made = await Stranger.open(port, 0, address);
    open.push(made);
    return made;
  };
  const drops = async (): Promise<Record<string, number>> =>
    (await fetchStatus(join(folder, "state", STATUS_SOCKET), { fib: false })).drops;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "etherloom-"));
    const free = await Stranger.open(1);
    port = free.port;
    free.close();
    called = await Stranger.open(port);
    open = [called];
    const file = join(folder, "edge.yaml");
    writeFileSync(file, stringify(config(called.port)), { mode: 0o600 });
    child = new Child([process.execPath, join(checkout, "edge"), "--config", file, "--no-uapi"]);
    await child.waitFor(/\bready\b/, 10_000);
  });
  afterEach(async () => {
    await child.stop();
    for (const one of open) one.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const initiation = (
    change: Partial<InitiationPayload> = {},
    local = peerKeys,
    nodeId = 2,
  ): WrittenInitiation => {
    const written = writeInitiation({
      local,
      remote: importPublicKey(edgePublic),
      ephemeralPrivate: randomBytes(32),
      senderIndex: randomBytes(4).readUInt32LE(),
      payload: { ...initiationPayload(nodeId, network), ...change },
      mac: (key, data) => addon.blake2sMac(key, data),
    });
    assert.ok(written.ok);
    return written;
  };

  it("answers a peer's initiation, with less than it got", async () => {
    const peer = await stranger();
    await peer.send(initiation().datagram);
    await eventually("an answer", () => peer.received.length === 1);
    assert.equal(peer.received[0]?.length, 128);
  });

  it("says nothing to those who know its public key only, and counts why", async () => {
    const good = initiation();
    const old = initiation({ timestamp: new Uint8Array(12) });
    const peer = await stranger();
    await peer.send(good.datagram);
    await eventually("an answer", () => peer.received.length === 1);

    const other = importPrivateKey(randomBytes(32));
    const cases: [string, string, Uint8Array[]][] = [
      [
        "a low-order ephemeral key",
        "LowOrderKey",
        LOW_ORDER_POINTS.map((key) => initiationWithEphemeral(edgePublic, key)),
      ],
      [
        "a low-order static key",
        "LowOrderKey",
        LOW_ORDER_POINTS.map((key) => initiationWithStatic(edgePublic, key)),
      ],
      ["the edge's own key", "OwnKey", [initiationWithStatic(edgePublic, edgePublic)]],
      [
        "a peer's key without its secret",
        "DecryptFailed",
        [initiationWithStatic(edgePublic, peerKeys.publicKey.bytes)],
      ],
      ["noise", "DecryptFailed", [initiationOfNoise(edgePublic)]],
      ["an unknown key", "UnknownKey", [initiation({}, other).datagram]],
      ["another network", "WrongNetwork", [initiation({ networkTag: networkTag("other") }).datagram]],
      ["another's NodeID", "WrongNode", [initiation({ nodeId: 3 }).datagram]],
      ["an unknown version", "WrongVersion", [initiation({ version: 9 }).datagram]],
      ["the same again", "ReplayedInitiation", [good.datagram]],
      ["an old one", "ReplayedInitiation", [old.datagram]],
    ];
    const silent = await stranger("127.0.0.2");
    for (const [what, reason, datagrams] of cases) {
      const before = (await drops())[`dropHandshake${reason}`] ?? 0;
      for (const datagram of datagrams) {
        await silent.send(datagram);
        // Slow enough for the limit per source: what is refused here is refused for what it says.
        await pause(50);
      }
      await eventually(
        what,
        async () => (await drops())[`dropHandshake${reason}`] === before + datagrams.length,
      );
    }
    const wrongMac = Buffer.from(initiation().datagram);
    wrongMac[170] = (wrongMac[170] ?? 0) ^ 1;
    await silent.send(wrongMac, stamp(initiation().datagram, randomBytes(32)));
    await eventually("mac1", async () => (await drops())["dropMac1"] === 2);
    assert.deepEqual(silent.received, []);
    assert.equal(peer.received.length, 1);
  });

  it("goes on calling a peer, and sends nothing else, whatever false answers come", async () => {
    await eventually("a call", () => called.received.length > 0);
    const call = called.received[0] ?? Buffer.alloc(0);
    assert.deepEqual([call[0], call.length], [1, 192]);
    const latest = (): number => called.received.at(-1)?.readUInt32LE(4) ?? 0;
    // Slow enough for the limit per source: what is refused here is refused for what it says.
    const answer = async (make: (index: number) => Buffer): Promise<void> => {
      await called.send(make(latest()));
      await pause(60);
    };
    for (const key of LOW_ORDER_POINTS)
      await answer((index) => responseWithEphemeral(edgePublic, index, key));
    await answer((index) => responseWithEphemeral(edgePublic, index + 1, randomBytes(32)));
    await answer((index) => {
      const cookie = randomBytes(64);
      cookie.set([3, 1, 0, 0]);
      cookie.writeUInt32LE(index, 4);
      return cookie;
    });
    // Its own call sent back to it.
    await answer(() => stamp(call, edgePublic));
    const counted = await drops();
    assert.ok((counted["dropHandshakeLowOrderKey"] ?? 0) >= 5, "low-order answers to the present call");
    assert.ok((counted["dropHandshakeBadCookie"] ?? 0) + (counted["dropHandshakeUnknownIndex"] ?? 0) >= 2);
    await pause(1500);
    assert.ok(called.received.length > 1, "it calls again");
    assert.ok(
      called.received.every((datagram) => datagram[0] === 1 && datagram.length === 192),
      "only calls",
    );
    assert.ok(called.received.length < 12, `${called.received.length} calls`);
  });

  it("has no session with one whose pre-shared key is wrong or missing", async () => {
    const peer = await stranger();
    const outcome = async (tried: Uint8Array | undefined): Promise<boolean> => {
      peer.received.length = 0;
      const written = initiation({}, pskKeys, 4);
      await peer.send(written.datagram);
      await eventually("an answer", () => peer.received.length === 1);
      const datagram = peer.received[0] ?? Buffer.alloc(0);
      return readResponse({ local: pskKeys, state: written.state, psk: tried, datagram }).ok;
    };
    assert.equal(await outcome(randomBytes(32)), false);
    await pause(50);
    assert.equal(await outcome(undefined), false);
    await pause(50);
    assert.equal(await outcome(psk), true);
  });

  it("wants cookies under load, answers less than it gets, and lets in who brings one", async () => {
    const crowd = await Promise.all(Array.from({ length: 8 }, (_, i) => stranger(`127.0.1.${i + 1}`)));
    const flood = Array.from({ length: 150 }, () => initiationOfNoise(edgePublic));
    const peer = await stranger("127.0.2.1");
    const jar = new CookieJar((key, data) => addon.blake2sMac(key, data), edgePublic);
    const state = { over: false };
    const flooding = Promise.all(
      crowd.map(async (one) => {
        while (!state.over) {
          await one.send(...flood);
          await pause(10);
        }
      }),
    );
    /** Calls until an answer is the wanted one; the load takes a moment to be noticed. */
    const call = async (wanted: (answer: Buffer) => boolean): Promise<boolean> => {
      for (let i = 0; i < 40; i++) {
        const { datagram } = initiation();
        jar.stamp(0, datagram);
        const before = peer.received.length;
        await peer.send(datagram);
        await pause(100);
        if (peer.received.slice(before).some(wanted)) return true;
      }
      return false;
    };
    assert.ok(await call((answer) => answer[0] === 3 && jar.accept(0, answer)), "a cookie");
    assert.ok(await call((answer) => answer[0] === 2 && answer.length === 128), "a session for it");
    state.over = true;
    await flooding;
    await pause(200);
    for (const one of crowd) {
      assert.ok(one.received.every((datagram) => datagram.length === 64 && datagram[0] === 3));
      assert.ok(one.receivedBytes <= one.sentBytes / 3);
    }
  });

  it("refuses low-order public keys in its file with one line and exit code 2", () => {
    for (const key of LOW_ORDER_POINTS) {
      const file = join(folder, "bad.yaml");
      const bad = { ...config(9), peers: [{ nodeId: 2, pubKey: base64(key) }] };
      writeFileSync(file, stringify(bad), { mode: 0o600 });
      const run = spawnSync(process.execPath, [join(checkout, "edge"), "--config", file], {
        encoding: "utf8",
      });
      assert.equal(run.status, 2);
      assert.match(run.stderr, /^\S*bad\.yaml:\d+:\d+: peers.*low-order/m);
    }
  });
});

describe("the gate before handshakes", () => {
  it("gives who comes too often a cookie, so that a forged address uses up nobody's share", () => {
    const mac = (key: Uint8Array, data: Uint8Array): Uint8Array => addon.blake2sMac(key, data);
    const key = publicKeyOf(randomBytes(32));
    const gate = new HandshakeGate(mac, key);
    const source = { address: packed("192.0.2.7:3001"), hop: -1, node: 0 };
    // 60 a second in the peer's name: too few to count as load, more than one host may have.
    let now = 0;
    const verdicts = Array.from(
      { length: 120 },
      () => gate.judge((now += 16), initiationOfNoise(key), source, randomBytes).type,
    );
    assert.ok(verdicts.slice(60).includes("cookie"));
    assert.ok(!verdicts.includes("drop"));
    const jar = new CookieJar(mac, key);
    const call = initiationOfNoise(key);
    jar.stamp(now, call);
    const verdict = gate.judge((now += 1), call, source, randomBytes);
    assert.equal(verdict.type, "cookie");
    assert.ok(verdict.type === "cookie" && jar.accept(now, verdict.reply));
    const again = initiationOfNoise(key);
    jar.stamp(now, again);
    assert.equal(gate.judge((now += 1), again, source, randomBytes).type, "pass");
    // With a cookie, too, there is a limit.
    const rush = Array.from({ length: 50 }, () => {
      const one = initiationOfNoise(key);
      jar.stamp(now, one);
      return gate.judge(now, one, source, randomBytes).type;
    });
    assert.ok(rush.includes("drop"));
  });
});

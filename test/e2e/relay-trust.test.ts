// Files that name neighbours only (as EtherGuard's do): keys of nodes behind a relay are what the relay says, until
// there is something better, and the user can see it.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "mocha";
import { Flood } from "../support/flood.ts";
import { KeyDirectory } from "../../src/link/key-directory.ts";
import { initiationPayload } from "../support/stranger.ts";
import { addon } from "../support/engines.ts";
import { writeInitiation } from "../../src/noise/handshake.ts";
import { importPrivateKey, importPublicKey } from "../../src/noise/primitives.ts";
import type { PeerStatus } from "../../src/api/status-model.ts";
import {
  describeAsRoot,
  eventually,
  generateKeys,
  lan,
  ping,
  TestBed,
  waitForPing,
  type Edge,
  type EdgeConfig,
  type LabNode,
} from "./harness.ts";

const A = 1;
const R = 2;
const B = 3;
const network = "trust";

interface Village {
  a: Edge;
  r: Edge;
  b: Edge;
  /** has b's NodeID and a key of its own */
  m: Edge;
  x: LabNode;
  folder: string;
}

describeAsRoot("a node behind a relay that the file does not list", function () {
  this.timeout(40_000);
  const bed = new TestBed();
  afterEach(async function () {
    await bed.close(this.currentTest?.state === "failed");
  });

  /** a - r - b with files that list neighbours only, and m, which r may take for b. Nothing is started. */
  function village(adjust: (config: EdgeConfig) => void = () => undefined): Village {
    const { lab, mesh } = bed.prepare(
      lan(["a", "r", "b", "m"], {
        only: [
          ["a", "r"],
          ["r", "b"],
          ["r", "m"],
          ["a", "m"],
        ],
      }),
      {
        pairs: [
          ["a", "r"],
          ["r", "b"],
        ],
        adjust: (config) => {
          config["networkName"] = network;
          config.logLevel = "debug";
          config.peers = config.peers.filter((peer) => peer.endPoint !== undefined);
          if (config.nodeName === "m") {
            config.nodeId = B;
            config.peers = [];
          }
          adjust(config);
        },
      },
    );
    const [a, r, b, m] = ["a", "r", "b", "m"].map((name) => mesh.edge(name)) as [Edge, Edge, Edge, Edge];
    m.config.peers = [{ nodeId: R, pubKey: r.keys.publicKey, endPoint: `${r.node.address}:3001` }];
    m.save();
    return { a, r, b, m, x: m.node, folder: lab.folder };
  }

  /** r says that m is node 3: with m's key in its own file, at m's address. */
  function corrupt({ r, m }: Village): void {
    r.config.peers = r.config.peers.filter((peer) => peer.nodeId !== B);
    r.config.peers.push({ nodeId: B, pubKey: m.keys.publicKey, endPoint: `${m.node.address}:3001` });
    r.save();
  }
  const peerB = async (edge: Edge): Promise<PeerStatus | undefined> =>
    (await edge.status()).peers.find((peer) => peer.nodeId === B);
  const pinsOf = (edge: Edge): Record<string, { publicKey: string; via: number }> => {
    const file = join(edge.config.stateDir, "pins.json");
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  };
  const hex = (key: string): string => Buffer.from(key, "base64").toString("hex");
  /** Whoever answers at b's overlay address: m has it too. */
  const reaches = async (edge: Edge): Promise<boolean> =>
    (await ping(edge.node, "10.77.0.3", { count: 5, interval: 0.2 })).received > 0;

  it("is reached with the key that the relay tells, sealed end to end, marked and pinned", async () => {
    const all = village();
    const { a, r, b } = all;
    await Promise.all([a.start(), r.start(), b.start()]);
    await waitForPing(a.node, b.address);
    const [atA, atB] = [await peerB(a), (await b.status()).peers.find((peer) => peer.nodeId === A)];
    assert.deepEqual([atA?.keySource, atA?.publicKey], [`vouched by ${R}`, b.keys.publicKey]);
    assert.deepEqual([atB?.keySource, atB?.publicKey], [`vouched by ${R}`, a.keys.publicKey]);
    assert.deepEqual(pinsOf(a), { [B]: { publicKey: hex(b.keys.publicKey), via: R } });
    assert.ok(((await r.status()).counters["transitForwarded"] ?? 0) > 0, "through the relay");
    assert.equal(
      (await r.status()).peers.every((peer) => peer.keySource === "file"),
      true,
    );
  });

  it("is whom the file says: a relay that names another key gets nothing", async () => {
    const all = village((config) => {
      if (config.nodeName === "a") config.peers.push({ nodeId: B, pubKey: keysOfB.publicKey });
      if (config.nodeName === "b") config.privKey = keysOfB.privateKey;
      if (config.nodeName === "r") {
        for (const peer of config.peers) if (peer.nodeId === B) peer.pubKey = keysOfB.publicKey;
      }
    });
    const { a, r, b, m } = all;
    corrupt(all);
    await Promise.all([a.start(), r.start(), m.start()]);
    await waitForPing(r.node, "10.77.0.3");
    assert.equal(await reaches(a), false);
    const seen = await peerB(a);
    assert.deepEqual([seen?.keySource, seen?.publicKey], ["file", keysOfB.publicKey]);
    assert.notEqual(seen?.session.state, "established");
    assert.ok(((await m.status()).drops["dropMac1"] ?? 0) > 0, "calls for b are closed to m");
    assert.equal(
      (await m.status()).peers.some((peer) => peer.nodeId === A && peer.session.state === "established"),
      false,
    );
    assert.equal(b.running, false);
  });
  const keysOfB = generateKeys();

  it("is whom the relay says while there is nothing better, and marked so", async () => {
    const all = village();
    corrupt(all);
    const { a, r, m } = all;
    await Promise.all([a.start(), r.start(), m.start()]);
    await waitForPing(a.node, "10.77.0.3");
    const seen = await peerB(a);
    assert.deepEqual([seen?.keySource, seen?.publicKey], [`vouched by ${R}`, m.keys.publicKey]);
    const text = a.node.exec(
      [
        process.execPath,
        join(import.meta.dirname, "../../etherloom.js"),
        "status",
        "--state-dir",
        a.config.stateDir,
      ],
      { check: false },
    );
    assert.match(text.stdout + text.stderr, /vouched by 2/);
  });

  it("is whom it was: after a pin the relay's other key is refused, also across a restart", async () => {
    const all = village();
    const { a, r, b, m } = all;
    await Promise.all([a.start(), r.start(), b.start()]);
    await waitForPing(a.node, b.address);
    const pins = pinsOf(a);
    assert.equal(pins[B]?.publicKey, hex(b.keys.publicKey));
    await Promise.all([a.stop(), r.stop(), b.stop()]);

    corrupt(all);
    await Promise.all([a.start(), r.start(), m.start()]);
    await waitForPing(r.node, "10.77.0.3");
    assert.equal(await reaches(a), false);
    const intruder = await ping(m.node, a.address, { count: 5, interval: 0.2 });
    assert.equal(intruder.received, 0, "m does not reach a");
    const seen = await peerB(a);
    assert.equal(seen?.publicKey, b.keys.publicKey);
    assert.notEqual(seen?.session.state, "established");
    assert.deepEqual(pinsOf(a), pins);
    assert.match(a.child.log, /another key/);
  });

  it("is not reached with learnKeys: false, and nobody is asked", async () => {
    const all = village((config) => {
      if (config.nodeName !== "r") config["learnKeys"] = false;
    });
    const { a, r, b } = all;
    await Promise.all([a.start(), r.start(), b.start()]);
    await waitForPing(a.node, r.address);
    await waitForPing(b.node, r.address);
    const before = (await r.status()).counters["controlReceived"] ?? 0;
    assert.equal(await reaches(a), false);
    assert.equal((await r.status()).counters["controlReceived"], before);
    assert.equal(await peerB(a), undefined);
    assert.deepEqual(pinsOf(a), {});
  });

  it("cannot be played by one who knows a's address: his call counts only if the route vouches for his key", async () => {
    const all = village();
    const { a, r, b, m, x, folder } = all;
    await Promise.all([a.start(), r.start()]);
    await waitForPing(a.node, r.address);
    const call = (): Buffer => {
      const written = writeInitiation({
        local: importPrivateKey(Buffer.from(m.keys.privateKey, "base64")),
        remote: importPublicKey(Buffer.from(a.keys.publicKey, "base64")),
        ephemeralPrivate: Buffer.from(generateKeys().privateKey, "base64"),
        senderIndex: 77,
        payload: initiationPayload(B, network),
        mac: (key, data) => addon.blake2sMac(key, data),
      });
      assert.ok(written.ok);
      return Buffer.from(written.datagram);
    };
    // The relay vouches for b: what a learns makes it refuse m.
    for (let i = 0; i < 3; i++) {
      const flood = await Flood.start(x, folder, [call()], {
        rate: 5,
        seconds: 0.3,
        target: a.node.address,
        port: 3001,
        addresses: [x.address],
      });
      assert.equal((await flood.result()).answers, 0);
    }
    await eventually("a has asked", async () => (await peerB(a)) !== undefined);
    const seen = await peerB(a);
    assert.deepEqual([seen?.publicKey, seen?.keySource], [b.keys.publicKey, `vouched by ${R}`]);
    assert.ok(((await a.status()).drops["dropHandshakeUnknownKey"] ?? 0) >= 3);
    assert.deepEqual(pinsOf(a), {}, "no session, no pin");
  });
});

describe("a key that is told", () => {
  it("is not learned when another node has it: nobody can be mistaken for another, or lose his place to him", () => {
    const own = new Uint8Array(32).fill(R);
    const learned = new Uint8Array(32).fill(B);
    const keys = new KeyDirectory({ localNodeId: A, fileKeys: new Map([[R, own]]), learnKeys: true });
    for (const nodeId of [B, 4]) keys.want(0, nodeId, R);
    assert.equal(keys.accept(B, own, 0, R), "refused-invalid");
    assert.equal(keys.accept(B, learned, 0, R), "new");
    assert.equal(keys.accept(4, learned, 0, R), "refused-invalid");
    assert.equal(keys.keyOf(4), undefined);
  });
});

// Source addresses prove nothing: whoever writes another's on his datagrams moves nobody's endpoint.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import { macBytes, udpFrame } from "../support/packets.ts";
import {
  describeAsRoot,
  eventually,
  FrameSocket,
  generatePsk,
  lan,
  ping,
  settle,
  TestBed,
  waitForPing,
  type Edge,
} from "./harness.ts";

const port = 3001;

const endpointOf = async (edge: Edge, peer: Edge): Promise<string | null> =>
  (await edge.status()).peers.find((one) => one.nodeId === peer.id)?.endpoint ?? null;

describeAsRoot("an endpoint", function () {
  this.timeout(40_000);
  const bed = new TestBed();
  afterEach(async function () {
    await bed.close(this.currentTest?.state === "failed");
  });

  it("does not move to where others' datagrams, or replayed ones, pretend to come from", async () => {
    const { lab, mesh } = await bed.mesh(lan(["a", "b", "m"], { offload: false }));
    await settle(mesh);
    const [a, b, m] = ["a", "b", "m"].map((name) => mesh.edge(name)) as [Edge, Edge, Edge];
    const mac = (edge: Edge): Buffer =>
      macBytes(edge.node.exec(["cat", "/sys/class/net/eth0/address"]).stdout);
    const [macA, macM] = [mac(a), mac(m)];
    const socket = await FrameSocket.open(m.node, "eth0");
    const pretend = (from: Edge, fromPort: number, datagrams: readonly Buffer[]): void => {
      const way = {
        fromMac: macM,
        toMac: macA,
        from: from.node.address,
        fromPort,
        to: a.node.address,
        toPort: port,
      };
      socket.send(...datagrams.map((datagram) => udpFrame(way, datagram)));
    };
    const own = async (): Promise<void> => {
      assert.equal(await endpointOf(a, b), `${b.node.address}:${port}`);
      assert.equal(await endpointOf(a, m), `${m.node.address}:${port}`);
    };
    const drops = async (name: string): Promise<number> => (await a.status()).drops[name] ?? 0;
    const received = async (peer: Edge): Promise<number> =>
      (await a.status()).peers.find((one) => one.nodeId === peer.id)?.rxRecords ?? 0;
    /** What `from` sends to a; with `lost` a does not get it. */
    const recorded = async (from: Edge, lost: boolean): Promise<Buffer[]> => {
      const capture = await from.node.capture(
        "eth0",
        `udp and src host ${from.node.address} and dst host ${a.node.address}`,
      );
      if (lost) a.node.deafTo(from.node);
      await ping(from.node, a.address, { count: 40, interval: 0.01, wait: 0.1 });
      await capture.stop();
      const rows = capture
        .fields(["udp.payload"])
        .map(([hex = ""]) => Buffer.from(hex.replaceAll(":", ""), "hex"));
      return rows.filter((datagram) => datagram[0] === 4 && datagram.length > 100);
    };
    await own();

    // Replayed: b's, which a has had, now from m's address and from another port of b's.
    const old = await recorded(b, false);
    assert.ok(old.length >= 20);
    const replays = await drops("dropReplay");
    pretend(m, port, old);
    pretend(b, 4444, old);
    await eventually("replays dropped", async () => (await drops("dropReplay")) >= replays + 2 * old.length);
    await own();

    // A member's own, which a has not had, from b's address and port.
    const fresh = await recorded(m, true);
    assert.ok(fresh.length >= 20);
    const before = await received(m);
    pretend(b, port, fresh);
    await eventually("taken as m's", async () => (await received(m)) >= before + 20);
    for (let i = 0; i < 5; i++) {
      await own();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    assert.equal((await ping(b.node, a.address, { count: 5 })).loss, 0, "b is not disturbed");
    a.node.hears(m.node);
    await waitForPing(m.node, a.address);

    // b's own, which a has not had, from m's address: a challenges that, and m cannot answer for b.
    const stolen = await recorded(b, true);
    a.node.hears(b.node);
    pretend(m, 4444, stolen);
    for (let i = 0; i < 5; i++) {
      await own();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    await waitForPing(b.node, a.address);
    await own();
    await socket.close();
    assert.equal(lab.nodes.length, 3);
  });
});

describeAsRoot("a pre-shared key", function () {
  this.timeout(30_000);
  const bed = new TestBed();
  afterEach(async function () {
    await bed.close(this.currentTest?.state === "failed");
  });

  it("is applied: with the same one at both ends frames pass, with another one or none they do not", async () => {
    const { mesh } = bed.prepare(lan(["a", "b", "c", "d"]), {
      psk: true,
      adjust: (config) => {
        const toA = config.peers.find((peer) => peer.nodeId === 1);
        if (config.nodeName === "c" && toA) toA.psKey = generatePsk();
        if (config.nodeName === "d" && toA) delete toA.psKey;
      },
    });
    await mesh.start();
    const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => mesh.edge(name)) as [Edge, Edge, Edge, Edge];
    await waitForPing(a.node, b.address);
    const [wrong, none] = await Promise.all([
      ping(c.node, a.address, { count: 10, interval: 0.2 }),
      ping(d.node, a.address, { count: 10, interval: 0.2 }),
    ]);
    assert.deepEqual([wrong.received, none.received], [0, 0]);
    const { peers } = await a.status();
    assert.deepEqual(
      peers.map((peer) => [peer.nodeId, peer.session.state === "established"]),
      [
        [b.id, true],
        [c.id, false],
        [d.id, false],
      ],
    );
    assert.ok(
      ((await c.status()).drops["dropHandshakeDecryptFailed"] ?? 0) > 0,
      "c found that its key is wrong",
    );
    await waitForPing(c.node, b.address);
  });
});

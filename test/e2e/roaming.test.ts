// A node whose underlay address or port changes in the middle of traffic.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import { chain, describeAsRoot, eventually, settle, TestBed } from "./harness.ts";
import { sleep, SteadyPing } from "./outage.ts";

const PACE = 0.2;
const MAX_LOST = 2;

describeAsRoot("a node that roams", function () {
  this.timeout(30_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  it("to another address and port loses at most two pings of five a second", async () => {
    const { mesh } = await bed.mesh(chain(["a", "b"]), {
      adjust: (config) => (config.uapiName = `r${process.pid}${config.nodeName}`),
    });
    await settle(mesh);
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    const steady = await SteadyPing.start(b.node, a.address, PACE);
    await sleep(1000);
    const other = "192.0.2.99";
    b.node.exec(["ip", "route", "add", other, "dev", "to-a"]);
    const link = ["dev", "to-b"];
    a.node.exec(["ip", "addr", "del", a.node.address, "peer", b.node.address, ...link]);
    a.node.exec(["ip", "addr", "add", other, "peer", b.node.address, ...link]);
    a.node.exec(["wg", "set", a.config.uapiName, "listen-port", "4007"]);
    await sleep(2500);
    await steady.stop();
    console.log(`      ${steady.lost()} pings lost`);
    assert.ok(steady.lost() <= MAX_LOST, `${steady.lost()} lost`);
    assert.equal((await b.status()).peers[0]?.endpoint, `${other}:4007`);
    assert.equal((await a.status()).node.listenPort, 4007);
  });

  it("in the other direction of the traffic loses no more", async () => {
    const { mesh } = await bed.mesh(chain(["a", "b"]), {
      adjust: (config) => (config.uapiName = `r${process.pid}${config.nodeName}`),
    });
    await settle(mesh);
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    const steady = await SteadyPing.start(a.node, b.address, PACE);
    await sleep(1000);
    a.node.exec(["wg", "set", a.config.uapiName, "listen-port", "4008"]);
    await sleep(2500);
    await steady.stop();
    console.log(`      ${steady.lost()} pings lost`);
    assert.ok(steady.lost() <= MAX_LOST, `${steady.lost()} lost`);
    assert.equal((await b.status()).peers[0]?.endpoint, `${a.node.address}:4008`);
  });

  it("behind a NAT that forgets its mapping loses at most two pings", async () => {
    // a - n - b: n passes IP on and puts its own address and a port of its choice in place of a's, without memory, so
    // that a rule's change is a mapping's change. a has b's endpoint, b waits to be called.
    const topology = chain(["a", "n", "b"], { offload: false });
    const { mesh } = bed.prepare(topology, {
      pairs: [["a", "b"]],
      adjust: (config) => {
        config.peers = config.peers.filter((peer) => peer.nodeId !== 2);
        if (config.nodeName === "b") for (const peer of config.peers) delete peer.endPoint;
      },
    });
    const [a, n, b] = [mesh.edge("a"), mesh.edge("n"), mesh.edge("b")];
    n.node.exec(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    a.node.exec(["ip", "route", "add", b.node.address, "via", n.node.address, "dev", "to-n"]);
    const translate = (port: number): void =>
      n.node.nft(
        `table ip nat {
          chain in { type filter hook prerouting priority -300; }
          chain out { type filter hook postrouting priority 300; }
        }
        flush table ip nat
        add rule ip nat out oifname "to-b" udp sport 3001 ip saddr set ${n.node.address} udp sport set ${port}
        add rule ip nat in iifname "to-b" udp dport ${port} ip daddr set ${a.node.address} udp dport set 3001\n`,
      );
    const seen = async (): Promise<string | null | undefined> =>
      (await b.status()).peers.find((peer) => peer.nodeId === a.id)?.endpoint;
    translate(5001);
    await b.start();
    await a.start();
    const steady = await SteadyPing.start(b.node, a.address, PACE);
    await sleep(1000);
    assert.equal(await seen(), `${n.node.address}:5001`);
    translate(5002);
    await eventually("the move is noticed", async () => (await seen()) === `${n.node.address}:5002`, 5000);
    await sleep(1000);
    await steady.stop();
    console.log(`      ${steady.lost()} pings lost`);
    assert.ok(steady.lost() <= MAX_LOST, `${steady.lost()} lost`);
  });
});

// SIGHUP: the file is read again, and what differs is applied to the running node.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import { describeAsRoot, type Edge, generatePsk, lan, ping, TestBed, waitForPing } from "./harness.ts";

describeAsRoot("a reload", function () {
  this.timeout(30_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  /** Sends SIGHUP and waits for the node's account of it. */
  async function reload(edge: Edge, expected: RegExp): Promise<void> {
    const before = edge.child.log.length;
    edge.child.signal("SIGHUP");
    await edge.child.waitFor(new RegExp(`(?<=^[^]{${before},})${expected.source}`), 3000);
  }

  it("adds a peer and removes one while the others' traffic goes on", async () => {
    const { mesh } = bed.prepare(lan(["a", "b", "c"]));
    const [a, b, c] = [mesh.edge("a"), mesh.edge("b"), mesh.edge("c")];
    const peers = a.config.peers;
    const table = a.config.nextHopTable;
    a.config.peers = peers.filter((peer) => peer.nodeId !== c.id);
    a.config.nextHopTable = { [a.id]: { [b.id]: b.id } };
    a.config["learnKeys"] = false;
    a.save();
    await mesh.start();
    await waitForPing(a.node, b.address);
    assert.equal((await ping(a.node, c.address, { count: 2, wait: 0.3 })).received, 0);

    const others = ping(a.node, b.address, { count: 60, interval: 0.05 });
    a.config.peers = peers;
    a.config.nextHopTable = table;
    a.save();
    await reload(a, /reload: peer 3 added/);
    await waitForPing(a.node, c.address, 3000);
    assert.equal((await a.status()).peers.length, 2);

    a.config.peers = peers.filter((peer) => peer.nodeId !== c.id);
    a.config.nextHopTable = { [a.id]: { [b.id]: b.id } };
    a.save();
    await reload(a, /reload: peer 3 removed/);
    assert.equal((await ping(a.node, c.address, { count: 3, interval: 0.2, wait: 0.3 })).received, 0);
    assert.equal((await a.status()).peers.length, 1);
    assert.equal((await others).loss, 0);
  });

  it("applies another pre-shared key and another endpoint", async () => {
    const { mesh } = bed.prepare(lan(["a", "b"]));
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    for (const edge of [a, b]) for (const peer of edge.config.peers) delete peer.endPoint;
    for (const edge of [a, b]) edge.save();
    await mesh.start();
    for (const edge of [a, b]) assert.notEqual((await edge.status()).peers[0]?.session.state, "established");
    const toB = a.config.peers[0];
    assert.ok(toB);
    toB.endPoint = `${b.node.address}:3001`;
    a.save();
    await reload(a, /reload: peer 2: endPoint/);
    await waitForPing(a.node, b.address, 3000);

    const psKey = generatePsk();
    for (const edge of [a, b]) {
      for (const peer of edge.config.peers) peer.psKey = psKey;
      edge.save();
      await reload(edge, /reload: peer \d: psKey changed/);
    }
    await waitForPing(a.node, b.address, 3000);
    assert.doesNotMatch(a.child.log, new RegExp(psKey.replaceAll(/[+/=]/g, "\\$&")));
    await reload(a, /reload: nothing changed/);
  });

  it("starts a peer anew whose endpoint was removed or pinned, and tells of every other change", async () => {
    const { mesh } = await bed.mesh(lan(["a", "b"]));
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    await waitForPing(a.node, b.address);
    const toB = a.config.peers[0];
    assert.ok(toB);
    const endPoint = toB.endPoint;
    toB.static = true;
    a.save();
    await reload(a, /reload: peer 2 starts anew: endPoint \S+:3001, static true/);
    await waitForPing(a.node, b.address, 3000);

    delete toB.endPoint;
    toB.static = false;
    a.save();
    await reload(a, /reload: peer 2 starts anew: endPoint none, static false/);
    // b knows where a is.
    await waitForPing(a.node, b.address, 3000);

    Object.assign(toB, { endPoint, name: "bob", persistentKeepalive: 9 });
    a.config.nextHopTable = { [a.id]: {} };
    a.save();
    await reload(a, /reload: nextHopTable: the own row changed/);
    assert.match(a.child.log, /reload: peer 2: name bob/);
    assert.match(a.child.log, /reload: peer 2: persistentKeepalive 9/);
    assert.equal((await a.status()).peers[0]?.name, "bob");
  });

  it("of an invalid file reports what is wrong, and changes nothing", async () => {
    const { mesh } = await bed.mesh(lan(["a", "b"]));
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    await waitForPing(a.node, b.address);
    a.config.peers = [];
    a.config["nextHopTabel"] = {};
    a.save();
    await reload(a, /error reload: \S+\.yaml:\d+:\d+: nextHopTabel: /);
    assert.equal((await ping(a.node, b.address)).loss, 0);
    assert.equal((await a.status()).peers.length, 1);
    assert.ok(a.running);
  });

  it("says which changes wait for a restart", async () => {
    const { mesh } = await bed.mesh(lan(["a", "b"]));
    const a = mesh.edge("a");
    a.config.listenPort = 3009;
    a.config.interface["mtu"] = 1300;
    a.save();
    await reload(a, /reload: listenPort, interface\.mtu: only after a restart/);
    assert.equal((await a.status()).node.listenPort, 3001);
    a.config.nodeId = 7;
    a.save();
    await reload(a, /reload: nodeId and privKey cannot change/);
    assert.equal((await a.status()).node.nodeId, 1);
  });
});

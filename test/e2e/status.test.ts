// `etherloom status` asked of running nodes.

import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, it } from "mocha";
import type { StatusDocument } from "../../src/api/status-model.ts";
import { chain, describeAsRoot, type Edge, eventually, type LabNode, settle, TestBed } from "./harness.ts";

const program = join(import.meta.dirname, "../../etherloom.js");

const status = (node: LabNode, ...words: string[]): { status: number; stdout: string; stderr: string } =>
  node.exec([process.execPath, program, "status", ...words], { check: false });

describeAsRoot("status of a running node", function () {
  this.timeout(30_000);
  const bed = new TestBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  async function three(): Promise<[Edge, Edge, Edge]> {
    const { mesh } = await bed.mesh(chain(["a", "r", "b"]));
    await settle(mesh);
    return [mesh.edge("a"), mesh.edge("r"), mesh.edge("b")];
  }

  it("is a text for people, a document for programs, with the forwarding table when wanted", async () => {
    const [a, r, b] = await three();
    await eventually(
      "round trips are measured",
      async () => ((await a.status()).peers[0]?.link?.rttUs ?? null) !== null,
      8000,
    );

    const text = status(a.node, "--config", a.configFile);
    assert.equal(text.status, 0, text.stderr);
    assert.match(text.stdout, /2  node2 +192\.0\.2\.2:3001 +established/);
    assert.match(text.stdout, /3  node3 +- +established/);
    assert.match(text.stdout, /2  node2 +up /);
    assert.match(text.stdout, /3 node3 +2 node2 +2 /, "the way of a relayed destination");
    assert.doesNotMatch(text.stdout, /02:ee:00:00:00:03/);
    assert.doesNotMatch(text.stdout, new RegExp(a.config.privKey.replaceAll(/[+/=]/g, "\\$&")));

    const json = status(a.node, "--state-dir", a.config.stateDir, "--json", "--fib");
    assert.equal(json.status, 0, json.stderr);
    const document = JSON.parse(json.stdout) as StatusDocument;
    assert.equal(document.node.nodeId, 1);
    assert.equal(document.node.pid, a.child.pid);
    const peer = (id: number) => document.peers.find(({ nodeId }) => nodeId === id);
    assert.equal(peer(r.id)?.link?.state, "up");
    assert.ok((peer(r.id)?.link?.rttUs ?? 0) > 0);
    assert.equal(peer(b.id)?.link, null, "no link to a node behind a relay");
    assert.equal(peer(b.id)?.session.state, "established");
    const route = document.routes.find(({ destination }) => destination === b.id);
    assert.deepEqual([route?.nextHop, route?.hops, route?.via], [r.id, 2, "relay"]);
    const owners = new Map(document.fib.list?.map(({ mac, owner }) => [mac, owner]));
    assert.equal(owners.get("02:ee:00:00:00:03"), "node 3");
    assert.equal(owners.get("02:ee:00:00:00:01"), "port 0");

    const table = status(a.node, "--config", a.configFile, "--fib");
    assert.match(table.stdout, /02:ee:00:00:00:03 .*node 3/);
  });

  it("shows a link going down", async () => {
    const [a, r] = await three();
    await r.crash();
    await eventually(
      "the link is down",
      async () => (await a.status()).peers[0]?.link?.state === "down",
      4000,
    );
  });

  it("of a node that is not running is one line and exit code 1", async () => {
    const { mesh } = bed.prepare(chain(["a", "b"]));
    const a = mesh.edge("a");
    const { status: code, stderr, stdout } = status(a.node, "--config", a.configFile);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  });
});

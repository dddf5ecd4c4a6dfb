import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type EdgeConfig, parseEdgeConfig } from "../../src/config/edge-config.ts";
import { isAnotherNode, waitForRestart } from "../../src/node/reload-limits.ts";
import { seedBytes } from "../noise/fixtures.ts";

const base = { nodeId: 1, privKey: Buffer.from(seedBytes("key")).toString("base64"), listenPort: 3001 };
const config = (change: object = {}): EdgeConfig =>
  parseEdgeConfig("edge.yaml", JSON.stringify({ ...base, ...change }));

describe("what a reload cannot change", () => {
  it("is named, and nothing is named that did not change", () => {
    assert.deepEqual(waitForRestart(config(), config()), []);
    assert.deepEqual(waitForRestart(config(), config({ listenPort: 3002, interface: { mtu: 1300 } })), [
      "listenPort",
      "interface.mtu",
    ]);
    assert.deepEqual(waitForRestart(config(), config({ sessionTimers: { rekeyAfter: 5 } })), [
      "sessionTimers",
    ]);
  });

  it("does not include peers and routes", () => {
    const peer = { nodeId: 2, pubKey: Buffer.from(seedBytes("other")).toString("base64") };
    assert.deepEqual(waitForRestart(config(), config({ peers: [peer], nextHopTable: { 1: { 2: 2 } } })), []);
  });

  it("tells another node's file by its NodeID and its key", () => {
    assert.equal(isAnotherNode(config(), config()), false);
    assert.equal(isAnotherNode(config(), config({ nodeId: 2 })), true);
    const privKey = Buffer.from(seedBytes("another")).toString("base64");
    assert.equal(isAnotherNode(config(), config({ privKey })), true);
  });
});

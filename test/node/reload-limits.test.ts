import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type EdgeConfig, parseEdgeConfig } from "../../src/config/edge-config.ts";
import { parseSuperConfig, type SuperConfig } from "../../src/config/super-config.ts";
import { isAnotherNode, superWaitsForRestart, waitForRestart } from "../../src/node/reload-limits.ts";
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

describe("what a reload cannot change of a supernode", () => {
  const pubKey = Buffer.from(seedBytes("other")).toString("base64");
  const superConfig = (change: object = {}): SuperConfig =>
    parseSuperConfig("super.yaml", JSON.stringify({ privKey: base.privKey, ...change }));
  const waits = (change: object): string[] => superWaitsForRestart(superConfig(), superConfig(change));

  it("is named, and nothing is named that did not change", () => {
    assert.deepEqual(waits({}), []);
    assert.deepEqual(waits({ controlPort: 3003, nodeName: "sn" }).sort(), [
      ...["controlPort", "nodeName", "stateDir", "uapiName"],
    ]);
    assert.deepEqual(waits({ graphRecalculateSetting: { relayCost: 5 } }), [
      "graphRecalculateSetting.relayCost",
    ]);
  });

  it("does not include members and how long they may be silent", () => {
    const change = { peers: [{ nodeId: 2, pubKey }], graphRecalculateSetting: { nodeReportTimeout: 9 } };
    assert.deepEqual(waits(change), []);
  });
});

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { pino } from "pino";
import { KeyLearning, type KeyLearningOptions } from "../../src/node/key-learning.ts";
import { StateDir } from "../../src/node/state-dir.ts";
import {
  type ControlMessage,
  decodeControl,
  KEY_FROM_FILE,
  KEY_FROM_VOUCHER,
} from "../../src/wire/control.ts";
import { keyPair } from "../noise/fixtures.ts";

const key = (label: string): Uint8Array => keyPair(label).publicKey.bytes;
const OWN = 1;
const HOP = 2;
const FAR = 9;

describe("learning keys", () => {
  let path: string;
  let now: number;
  let sent: { to: number; message: ControlMessage | undefined }[];
  let keys: { nodeId: number; publicKey: Uint8Array; via: number }[];
  let warnings: string[];
  const open: KeyLearning[] = [];
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "el-learn-"));
    now = 1000;
    sent = [];
    keys = [];
    warnings = [];
  });
  afterEach(() => {
    for (const learning of open.splice(0)) learning.stop();
    rmSync(path, { recursive: true, force: true });
  });

  /** Node 1; node 2 is in the file and next hop to node 9, which is in the table only. */
  function make(options: Partial<KeyLearningOptions> = {}): KeyLearning {
    const learning = new KeyLearning({
      nodeId: OWN,
      publicKey: key("own"),
      fileKeys: new Map([[HOP, key("hop")]]),
      learnKeys: true,
      state: new StateDir(path, assert.fail),
      log: pino({ base: null, level: "warn" }, { write: (line: string) => void warnings.push(line) }),
      now: () => now,
      nextHop: (nodeId) => (nodeId === FAR || nodeId === HOP ? HOP : undefined),
      send: (to, control) => sent.push({ to, message: decodeControl(control) }),
      onKey: (nodeId, publicKey, via) => keys.push({ nodeId, publicKey, via }),
      ...options,
    });
    open.push(learning);
    return learning;
  }
  const asked = (): (number | undefined)[] =>
    sent.map(({ message }) => (message?.type === "who-is" ? message.nodeId : undefined));

  it("asks the next hop, hands the answer out, and pins it when a session confirmed it", () => {
    const learning = make();
    learning.want(FAR);
    assert.deepEqual([sent[0]?.to, asked()[0]], [HOP, FAR]);
    learning.keyIs(HOP, FAR, key("far"), 0);
    assert.deepEqual(keys, [{ nodeId: FAR, publicKey: key("far"), via: HOP }]);
    learning.established(FAR, key("far"));
    assert.match(readFileSync(join(path, "pins.json"), "utf8"), /9/);
  });

  it("knows a pinned key after a restart without asking, and refuses another one", () => {
    const first = make();
    first.want(FAR);
    first.keyIs(HOP, FAR, key("far"), 0);
    first.established(FAR, key("far"));
    keys = [];
    sent = [];
    const second = make();
    second.want(FAR);
    assert.deepEqual(
      keys.map(({ publicKey }) => publicKey),
      [key("far")],
    );
    assert.deepEqual(sent, []);
    second.keyIs(HOP, FAR, key("forged"), 0);
    second.keyIs(HOP, FAR, key("forged"), 0);
    assert.equal(keys.length, 1);
    assert.equal(warnings.length, 1, "and says so, once");
  });

  it("believes only the node it asked", () => {
    const learning = make();
    learning.keyIs(HOP, FAR, key("unasked"), 0);
    learning.want(FAR);
    learning.keyIs(7, FAR, key("from elsewhere"), 0);
    assert.deepEqual(keys, []);
  });

  it("never overrides the file, and reports who tried", () => {
    const learning = make();
    learning.keyIs(7, HOP, key("other"), 0);
    assert.deepEqual(keys, []);
    assert.match(warnings[0] ?? "", /refused: the file has another key/);
  });

  it("does not ask without a route, nor for what nobody may learn", () => {
    make().want(77);
    make({ learnKeys: false }).want(FAR);
    assert.deepEqual(sent, []);
  });

  it("answers from the file, and passes on what it was told to those who asked", () => {
    const learning = make();
    learning.whoIs(5, HOP, 4);
    const answer = sent[0]?.message;
    assert.ok(answer?.type === "key-is");
    assert.deepEqual([sent[0]?.to, answer.nodeId, answer.source], [5, HOP, KEY_FROM_FILE]);
    assert.deepEqual(answer.publicKey, key("hop"));
    sent = [];
    learning.whoIs(5, FAR, 4);
    assert.deepEqual([sent[0]?.to, asked()[0]], [HOP, FAR]);
    sent = [];
    learning.keyIs(HOP, FAR, key("far"), 0);
    const passed = sent[0]?.message;
    assert.ok(passed?.type === "key-is");
    assert.deepEqual([sent[0]?.to, passed.source, passed.hops], [5, KEY_FROM_VOUCHER, 1]);
  });

  it("asks again while there is no answer", async () => {
    make().want(FAR);
    assert.equal(sent.length, 1);
    now += 1000;
    const end = performance.now() + 2000;
    while (sent.length < 2 && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(sent.length >= 2);
  });

  it("starts without pins when their file is damaged", () => {
    writeFileSync(join(path, "pins.json"), "{not json");
    const learning = make();
    learning.want(FAR);
    assert.deepEqual(asked(), [FAR]);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { KeyDirectory } from "../../src/link/key-directory.ts";
import type { KeyDirectoryOptions } from "../../src/link/key-directory.ts";

const SECOND = 1_000_000;
const key = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

function directory(options: Partial<KeyDirectoryOptions> = {}): KeyDirectory {
  return new KeyDirectory({ localNodeId: 1, fileKeys: new Map([[2, key(2)]]), learnKeys: true, ...options });
}

describe("key directory", () => {
  it("asks the next hop, again after 250 ms doubling to 5 s, and gives up after 30 s", () => {
    const keys = directory();
    keys.want(0, 6, 2);
    const times: number[] = [];
    while (keys.nextDeadline() !== Infinity) {
      const now = keys.nextDeadline();
      for (const question of keys.due(now)) {
        assert.deepEqual(question, { nodeId: 6, askNode: 2, hopsLeft: 8 });
        times.push(now / SECOND);
      }
    }
    assert.deepEqual(times.slice(0, 7), [0, 0.25, 0.75, 1.75, 3.75, 7.75, 12.75]);
    assert.ok((times.at(-1) ?? 0) < 30);
  });

  it("learns what the asked node says, once, as vouched by it", () => {
    const keys = directory();
    keys.want(0, 6, 2);
    assert.equal(keys.accept(6, key(9), 0, 3), "refused-unasked");
    assert.equal(keys.accept(6, key(6), 0, 2), "new");
    assert.deepEqual(keys.keyOf(6), { publicKey: key(6), source: "vouched", via: 2 });
    assert.deepEqual(keys.takeAskers(6), []);
    assert.equal(keys.accept(6, key(6), 0, 2), "same");
    assert.equal(keys.accept(6, key(9), 0, 2), "refused-unasked");
    assert.equal(keys.nextDeadline(), Infinity);
  });

  it("does not let anybody override the file", () => {
    const keys = directory();
    keys.want(0, 2, 3);
    assert.deepEqual(keys.due(0), []);
    assert.equal(keys.accept(2, key(66), 0, 3), "refused-file");
    assert.equal(keys.accept(2, key(2), 0, 3), "same");
    assert.deepEqual(keys.keyOf(2), { publicKey: key(2), source: "file", via: undefined });
  });

  it("pins a key once a session used it, and refuses another one across a restart", () => {
    const keys = directory();
    keys.want(0, 6, 2);
    keys.accept(6, key(6), 0, 2);
    assert.deepEqual(keys.exportPins(), {});
    assert.equal(keys.confirm(6, key(7)), false);
    assert.equal(keys.confirm(6, key(6)), true);
    assert.equal(keys.confirm(6, key(6)), false);
    const stored: unknown = JSON.parse(JSON.stringify(keys.exportPins()));
    const restarted = directory({ pins: stored });
    assert.deepEqual(restarted.keyOf(6), { publicKey: key(6), source: "pinned", via: 2 });
    assert.equal(restarted.accept(6, key(66), 0, 2), "refused-pin");
    assert.equal(restarted.forget(6), true);
    restarted.want(0, 6, 2);
    assert.equal(restarted.accept(6, key(66), 0, 2), "new");
  });

  it("prefers the file to an old pin", () => {
    const pins = { 2: { publicKey: "77".repeat(32), via: 3 } };
    assert.equal(directory({ pins }).keyOf(2)?.source, "file");
  });

  it("leaves out damaged pins", () => {
    const good = { publicKey: "06".repeat(32), via: 2 };
    const pins = {
      6: good,
      7: { publicKey: "06", via: 2 },
      x: good,
      70000: good,
      8: null,
      9: { ...good, via: "2" },
    };
    assert.deepEqual(directory({ pins }).exportPins(), { 6: good });
    for (const bad of [null, 5, "text", []]) assert.deepEqual(directory({ pins: bad }).exportPins(), {});
  });

  it("answers who-is from the file, or asks on and remembers who waits", () => {
    const keys = directory();
    assert.deepEqual(keys.whoIs(0, 4, 2, 8, 2), { type: "key", publicKey: key(2), source: "file", hops: 0 });
    assert.deepEqual(keys.whoIs(0, 4, 6, 5, 3), { type: "asking" });
    assert.deepEqual(keys.whoIs(0, 5, 6, 5, 3), { type: "asking" });
    assert.deepEqual(keys.due(0), [{ nodeId: 6, askNode: 3, hopsLeft: 4 }]);
    assert.equal(keys.accept(6, key(6), 1, 3), "new");
    assert.deepEqual(keys.takeAskers(6), [4, 5]);
    assert.deepEqual(keys.whoIs(0, 4, 6, 5, 3), {
      type: "key",
      publicKey: key(6),
      source: "vouched",
      hops: 2,
    });
  });

  it("answers nothing for nodes outside the own table, itself, in a circle, or after too many hops", () => {
    const keys = directory();
    assert.deepEqual(keys.whoIs(0, 4, 6, 8, undefined), { type: "ignore" });
    assert.deepEqual(keys.whoIs(0, 4, 1, 8, 2), { type: "ignore" });
    assert.deepEqual(keys.whoIs(0, 4, 6, 8, 4), { type: "ignore" });
    assert.deepEqual(keys.whoIs(0, 4, 6, 1, 3), { type: "ignore" });
    keys.want(0, 6, 3);
    assert.equal(keys.accept(6, key(6), 8, 3), "refused-invalid");
    assert.equal(keys.accept(6, key(0), 0, 3), "refused-invalid");
    assert.equal(keys.accept(1, key(6), 0, 3), "refused-invalid");
  });

  it("learns nothing when told not to, but still answers from the file", () => {
    const keys = directory({ learnKeys: false, pins: { 6: { publicKey: "06".repeat(32), via: 2 } } });
    assert.equal(keys.keyOf(6), undefined);
    keys.want(0, 6, 2);
    assert.deepEqual(keys.due(0), []);
    assert.equal(keys.accept(6, key(6), 0, 2), "refused-invalid");
    assert.equal(keys.whoIs(0, 4, 6, 8, 3).type, "ignore");
    assert.equal(keys.whoIs(0, 4, 2, 8, 2).type, "key");
  });

  it("is bounded in questions, askers and keys; pinned keys stay", () => {
    const keys = directory({ maxLearned: 3, maxPending: 4, maxAskers: 2 });
    for (let node = 10; node < 20; node++) keys.want(0, node, 2);
    assert.equal(keys.due(0).length, 4);
    assert.equal(keys.whoIs(0, 30, 10, 8, 2).type, "asking");
    assert.equal(keys.whoIs(0, 31, 10, 8, 2).type, "asking");
    assert.equal(keys.whoIs(0, 32, 10, 8, 2).type, "ignore");
    for (let node = 10; node < 13; node++) {
      assert.equal(keys.accept(node, key(node), 0, 2), "new");
      keys.takeAskers(node);
    }
    keys.confirm(10, key(10));
    assert.equal(keys.accept(13, key(13), 0, 2), "new");
    assert.equal(keys.keyOf(10)?.source, "pinned");
    assert.equal(keys.keyOf(11), undefined);
  });

  it("asks the new next hop when the route changes", () => {
    const keys = directory();
    keys.want(0, 6, 2);
    keys.due(0);
    keys.want(1000, 6, 3);
    assert.deepEqual(keys.due(1000), [{ nodeId: 6, askNode: 3, hopsLeft: 8 }]);
    assert.equal(keys.accept(6, key(6), 0, 2), "refused-unasked");
    assert.equal(keys.accept(6, key(6), 0, 3), "new");
  });
});

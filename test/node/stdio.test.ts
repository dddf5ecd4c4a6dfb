import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Stdio } from "../../src/node/stdio.ts";

describe("a stdio port", () => {
  it("drops frames while its reader is far behind, instead of keeping them all", () => {
    const { stdout } = process;
    const write = stdout.write.bind(stdout);
    const written: unknown[] = [];
    let unread = 0;
    const nothing = (): void => undefined;
    const stdio = new Stdio({ mode: "nochg", mac: new Uint8Array(6), onFrame: nothing, onEnd: nothing });
    Object.defineProperty(stdout, "writableLength", { get: () => unread, configurable: true });
    stdout.write = (chunk: unknown): boolean => written.push(chunk) > 0;
    const results: boolean[] = [];
    try {
      for (unread of [0, 8 << 20, 0]) results.push(stdio.write(new Uint8Array(60)));
    } finally {
      stdout.write = write;
      Reflect.deleteProperty(stdout, "writableLength");
    }
    assert.deepEqual(results, [true, false, true]);
    assert.equal(written.length, 2);
  });
});

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, it } from "mocha";
import { keepMemorySmall } from "../../src/node/memory-keeper.ts";
import type { MemoryKeeperOptions } from "../../src/node/memory-keeper.ts";

/** Large enough to be a large object, and not to be found on any stack. */
const watched = (): WeakRef<object> => new WeakRef({ big: new Array(1000).fill(0) });

async function gone(seen: WeakRef<object>, withinMs: number): Promise<boolean> {
  // WeakRefs keep their target to the end of the turn in which they were made.
  for (let ms = 0; ms < withinMs && seen.deref() !== undefined; ms += 5) await sleep(5);
  return seen.deref() === undefined;
}

describe("memory that the main thread does not need", () => {
  let end = (): void => {};
  let trimmed = 0;
  afterEach(() => end());
  const keep = (options: Partial<MemoryKeeperOptions>): void => {
    trimmed = 0;
    end = keepMemorySmall({ trim: () => trimmed++, delayMs: 1, ...options });
  };

  it("is collected some time after the start, and free pages are returned", async () => {
    const seen = watched();
    keep({});
    assert.ok(await gone(seen, 1000));
    assert.equal(trimmed, 1);
  });

  it("is collected again when the heap has grown, and not as long as it has not; pages go back every time", async () => {
    let [collections, size] = [0, 30e6];
    const collect = (): void => void collections++;
    keep({ everyMs: 5, growth: 2e6, heapSize: () => size, collect });
    while (trimmed < 4) await sleep(5);
    assert.equal(collections, 1);
    size += 2e6;
    while (collections < 2) await sleep(5);
    const looks = trimmed;
    while (trimmed < looks + 3) await sleep(5);
    assert.equal(collections, 2);
  });

  it("is left alone once the node is stopped", async () => {
    keep({ delayMs: 20 });
    end();
    await sleep(60);
    assert.equal(trimmed, 0);
  });
});

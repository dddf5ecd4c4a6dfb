import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { LinkPair, MS, SECOND } from "./link-pair.ts";
import type { Side } from "./link-pair.ts";

function view(pair: LinkPair, side: Side): { receiving: boolean; sendDead: boolean } {
  const { receiving, sendDead } = side.link.snapshot(pair.nowUs);
  return { receiving, sendDead };
}

function keepBusy(pair: LinkPair, everyUs: number): void {
  const again = (): void => {
    for (const side of [pair.a, pair.b]) pair.frame(side);
    pair.at(pair.nowUs + everyUs, again);
  };
  again();
}

describe("link: its two directions", () => {
  it("are both well on a link that is well, idle or busy, with 5 % loss", () => {
    const pair = new LinkPair(3, 20 * MS);
    pair.a.loss = pair.b.loss = 0.05;
    pair.start();
    pair.run(2 * SECOND);
    let wrong = 0;
    const look = (): void => {
      for (const side of [pair.a, pair.b]) if (!view(pair, side).receiving) wrong++;
    };
    for (let i = 0; i < 600; i++) {
      pair.run(100 * MS);
      look();
    }
    keepBusy(pair, 100 * MS);
    for (let i = 0; i < 600; i++) {
      pair.run(100 * MS);
      look();
    }
    assert.ok(wrong <= 10, `${wrong} of 2400 looks saw a direction silent`);
  });

  it("are told apart when only one of them is cut", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = new LinkPair(seed, 20 * MS);
      pair.start();
      keepBusy(pair, 50 * MS);
      pair.run(4 * SECOND + seed * 17 * MS);
      assert.deepEqual(view(pair, pair.a), { receiving: true, sendDead: false });
      pair.a.cut = true;
      pair.run(900 * MS);
      // A hears B but is not heard; B hears nothing and cannot know whether it is heard.
      assert.deepEqual(view(pair, pair.a), { receiving: true, sendDead: true });
      assert.deepEqual(view(pair, pair.b), { receiving: false, sendDead: true });
    }
  });

  it("are both given up the moment a link is found dead that was cut both ways", () => {
    const pair = new LinkPair(2, 20 * MS);
    pair.start();
    keepBusy(pair, 50 * MS);
    pair.run(4 * SECOND);
    pair.a.cut = pair.b.cut = true;
    while (pair.a.link.up) pair.run(10 * MS);
    assert.deepEqual(view(pair, pair.a), { receiving: false, sendDead: true });
  });

  it("count as out of reach only after two seconds of trying, and not without a session or an address", () => {
    const pair = new LinkPair(1, 20 * MS);
    assert.equal(view(pair, pair.a).sendDead, false);
    pair.tell(pair.a, { type: "session", up: true });
    pair.run(10 * SECOND);
    assert.equal(view(pair, pair.a).sendDead, false);
    pair.tell(pair.a, { type: "candidate", address: "203.0.113.1:1", source: "told" });
    pair.run(1900 * MS);
    assert.equal(view(pair, pair.a).sendDead, false);
    pair.run(200 * MS);
    assert.deepEqual(view(pair, pair.a), { receiving: false, sendDead: true });
  });
});

describe("link: what happens to the delay reaches its working value", () => {
  /** How long a rise of 20 ms takes to show as more than 15 ms, s. */
  function times(busy: boolean): number[] {
    const all: number[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const pair = new LinkPair(seed, 20 * MS);
      pair.start();
      if (busy) keepBusy(pair, 100 * MS);
      pair.run(12 * SECOND + seed * 77 * MS);
      const before = pair.b.link.snapshot(pair.nowUs).owdIn ?? NaN;
      const fromUs = pair.nowUs;
      pair.a.delayUs += 20 * MS;
      while ((pair.b.link.snapshot(pair.nowUs).owdIn ?? NaN) - before < 15 * MS) pair.run(50 * MS);
      all.push((pair.nowUs - fromUs) / SECOND);
    }
    return all.sort((x, y) => x - y);
  }

  it("in two seconds while it carries frames, in less than five when it is idle", () => {
    const busy = times(true);
    const idle = times(false);
    console.log(`      busy: median ${busy[20]} s, most ${busy[39]} s; idle: ${idle[20]} s, ${idle[39]} s`);
    assert.ok((busy[39] ?? NaN) < 2.2);
    assert.ok((idle[39] ?? NaN) < 4.8);
  });
});

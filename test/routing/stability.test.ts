import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Coordinator } from "../../src/routing/coordinator.ts";
import { Reporter } from "../../src/routing/reporter.ts";
import { MeasuredLink } from "./measured-link.ts";
import { epochOf, randomFrom } from "./networks.ts";

const SECOND = 1_000_000;

type Delay = (random: () => number) => number;

interface Run {
  /** Changes of the next hop per ordered pair after the first 30 s. */
  switches: Map<string, number>;
  total: number;
}

/** A full mesh for so many seconds on virtual time, each node with its reporter, computed four times a second. */
function run(seed: number, n: number, seconds: number, delayOf: (from: number, to: number) => Delay): Run {
  const random = randomFrom(seed);
  const ids = Array.from({ length: n }, (_, i) => i + 1);
  const coordinator = new Coordinator({ incarnation: 1 });
  coordinator.setMembers(ids.map((nodeId) => ({ nodeId, relay: "auto", additionalCostUs: 0 })));
  const nodes = ids.map((to) => ({
    to,
    reporter: new Reporter({ incarnation: 1, epoch: epochOf(to) }),
    nextUs: random() * SECOND,
    links: ids
      .filter((from) => from !== to)
      .map((from) => {
        const link = new MeasuredLink(from, to, random);
        link.truth.delayUs = delayOf(from, to);
        // Some links are in use, others are not.
        link.truth.probesPerSecond = random() < 0.5 ? 5 : 1;
        return link;
      }),
  }));
  const hops = new Map<string, number>();
  const switches = new Map<string, number>();
  for (let nowUs = 0; nowUs < seconds * SECOND; nowUs += 0.25 * SECOND) {
    for (const node of nodes) {
      if (nowUs < node.nextUs) continue;
      node.nextUs = nowUs + (0.8 + 0.4 * random()) * SECOND;
      for (const link of node.links) link.runUntil(nowUs);
      const report = node.reporter.evaluate(nowUs, node.links.map((link) => link.sample())); // prettier-ignore
      if (report) coordinator.report(nowUs, node.to, report);
    }
    coordinator.expire(nowUs, 60 * SECOND);
    if (!coordinator.compute()) continue;
    for (const from of ids) {
      for (const { destination, nextHop } of coordinator.row(from).entries) {
        const pair = `${from}>${destination}`;
        const before = hops.get(pair);
        if (nowUs > 30 * SECOND && before !== undefined && before !== nextHop) {
          switches.set(pair, (switches.get(pair) ?? 0) + 1);
        }
        hops.set(pair, nextHop);
      }
    }
  }
  assert.equal(hops.size, n * (n - 1));
  assert.equal(coordinator.refusals()["dishonest"], 0);
  return { switches, total: [...switches.values()].reduce((sum, count) => sum + count, 0) };
}

describe("stability", () => {
  it("hardly switches with 10 ± 8 ms on all links during 10 minutes", () => {
    const { switches, total } = run(1, 6, 630, () => (random) => 2000 + random() * 16_000);
    assert.ok(Math.max(0, ...switches.values()) <= 5, `${total} switches`);
  }).timeout(60_000);

  it("hardly switches where ways of about equal length compete", () => {
    // Direct links of 26 ms, two relays in the middle with 10 + 10 ms: 22 with the relay's cost, before jitter.
    const middle = (id: number): boolean => id <= 2;
    const { switches, total } = run(2, 6, 630, (from, to) => {
      const base = middle(from) || middle(to) ? 10_000 : 26_000;
      return (random) => base - 4000 + random() * 8000;
    });
    assert.ok(Math.max(0, ...switches.values()) <= 5, `${total} switches: ${JSON.stringify([...switches])}`);
  }).timeout(60_000);

  it("moves nobody else's routes for one member with 100 to 300 ms of jitter", () => {
    const { switches } = run(3, 6, 630, (from, to) => {
      if (from === 6 || to === 6) return (random) => 100_000 + random() * 200_000;
      return (random) => 10_000 + ((from * 7 + to * 3) % 5) * 4000 + random() * 500;
    });
    const others = [...switches].filter(([pair]) => !pair.includes("6"));
    assert.deepEqual(others, []);
  }).timeout(60_000);
});

// Labs of real nodes in which nothing gets worse: ways stay as they are.
// SECONDS=600 tools/test-long test/long/super-stability.test.ts

import assert from "node:assert/strict";
import { it } from "mocha";
import { describeAsRoot } from "../e2e/harness.ts";
import { sleep } from "../e2e/outage.ts";
import { eventuallyGoes, everybodyAnswers, flow, statusOf, SuperBed } from "../e2e/super-bed.ts";
import type { CloudMesh } from "../e2e/super-bed.ts";
import type { SuperMeshOptions } from "../../tools/netlab/super-mesh.ts";

const seconds = Number(process.env["SECONDS"] ?? 600);
const settleSeconds = 40;
const lookEveryMs = 1000;

type Switch = `${string}>${string}`;

/** Next hops of all tables, by `from>destination`. */
async function nextHops(mesh: CloudMesh): Promise<Map<Switch, number>> {
  const found = new Map<Switch, number>();
  await Promise.all(
    mesh.edges.map(async ({ node }) => {
      const nameOf = (id: number): string => mesh.edges.find((edge) => edge.node.id === id)?.node.name ?? "?";
      for (const { destination, nextHop } of (await statusOf(mesh, node.name)).routes)
        found.set(`${node.name}>${nameOf(destination)}`, nextHop);
    }),
  );
  return found;
}

/** Every change of a next hop within the time, by its pair. */
async function switchesWithin(mesh: CloudMesh): Promise<Switch[]> {
  const switches: Switch[] = [];
  let before = await nextHops(mesh);
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    await sleep(lookEveryMs);
    const now = await nextHops(mesh);
    for (const [pair, hop] of now) {
      if (before.has(pair) && before.get(pair) !== hop) switches.push(pair);
    }
    before = now;
  }
  return switches;
}

function mostOfOnePair(switches: readonly Switch[]): number {
  const counts = Map.groupBy(switches, (pair) => pair);
  return Math.max(0, ...[...counts.values()].map(({ length }) => length));
}

async function inLab(options: SuperMeshOptions, check: (mesh: CloudMesh) => Promise<void>): Promise<void> {
  const bed = new SuperBed();
  const mesh = await bed.start(options);
  try {
    await everybodyAnswers(mesh, 30_000);
    await check(mesh);
  } catch (error) {
    console.error(mesh.logs());
    throw error;
  } finally {
    await bed.close();
  }
}

describeAsRoot(`for ${seconds} s ways stay`, function () {
  this.timeout((seconds + 180) * 1000);
  const edges = ["n1", "n2", "n3", "n4", "n5", "n6"];
  const pairs = edges.length * (edges.length - 1);

  it("with 0.5 % loss on the way of 200 records a second", () =>
    inLab(
      {
        edges: ["a", "b", "r"],
        all: { delayMs: 10, loss: 0.005 },
        ways: { "a>b": { delayMs: 28, loss: 0.005 } },
      },
      async (mesh) => {
        await eventuallyGoes(mesh, "a r b", 60_000);
        const packets = await flow(mesh, "a", "b", 200);
        await sleep(10_000);
        const switches = await switchesWithin(mesh);
        const { lost, sent } = await packets.stop();
        console.log(`      switches: ${switches.length}; lost ${lost} of ${sent}`);
        assert.deepEqual(
          switches.filter((pair) => pair === "a>b"),
          [],
        );
      },
    ));

  it("with 10 ± 8 ms on all links, as good as everywhere", () =>
    inLab({ edges, all: { delayMs: 10, jitterMs: 8 } }, async (mesh) => {
      await sleep(settleSeconds * 1000);
      const packets = await Promise.all(
        [1, 2, 3].map((i) => flow(mesh, edges[i - 1] ?? "", edges[i + 2] ?? "", 50)),
      );
      const switches = await switchesWithin(mesh);
      await Promise.all(packets.map((one) => one.stop()));
      console.log(
        `      ${switches.length} switches of ${pairs} pairs, at most ${mostOfOnePair(switches)} of one`,
      );
      assert.ok(mostOfOnePair(switches) <= 5);
    }));

  it("with one member whose links take 100 to 300 ms, for all others", () => {
    const jittery = "n6";
    const bad = { delayMs: 200, jitterMs: 100 };
    const ways = Object.fromEntries(
      edges
        .filter((name) => name !== jittery)
        .flatMap((name) => [
          [`${name}>${jittery}`, bad],
          [`${jittery}>${name}`, bad],
        ]),
    );
    return inLab({ edges, all: { delayMs: 10 }, ways }, async (mesh) => {
      await sleep(settleSeconds * 1000);
      const packets = await Promise.all(
        edges.slice(0, 5).map((name) => flow(mesh, name, name === "n1" ? "n2" : "n1", 50)),
      );
      const switches = await switchesWithin(mesh);
      await Promise.all(packets.map((one) => one.stop()));
      const others = switches.filter((pair) => !pair.split(">").includes(jittery));
      console.log(`      ${others.length} switches between the others, ${switches.length} in all`);
      assert.deepEqual(others, []);
    });
  });
});

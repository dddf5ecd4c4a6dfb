// The reason of it all: each direction takes its own fastest way.

import assert from "node:assert/strict";
import { afterEach, it } from "mocha";
import type { TraceAnswer } from "../../src/api/status-model.ts";
import { describeAsRoot, ping } from "./harness.ts";
import { sleep } from "./outage.ts";
import {
  eventuallyGoes,
  eventuallyKeeps,
  everybodyAnswers,
  overlayAddress,
  statusOf,
  SuperBed,
  trace,
  why,
  type CloudMesh,
} from "./super-bed.ts";

const HALF_A_DAY = 43_200;
/** A→C→B is 10 ms, A→B 40; B→A is 8, B→C→A 80. */
const TRIANGLE = {
  edges: ["a", "b", "c"],
  all: { delayMs: 40 },
  ways: { "a>c": { delayMs: 5 }, "c>b": { delayMs: 5 }, "b>a": { delayMs: 8 } },
};

/** Where one node sends what is for its neighbour: whichever of its addresses answered first. */
async function linkEndpoint(mesh: CloudMesh, from: string, to: string): Promise<string> {
  const { peers } = await statusOf(mesh, from);
  return peers.find(({ nodeId }) => nodeId === mesh.site(to).id)?.endpoint ?? assert.fail("no endpoint");
}

describeAsRoot("the ways that frames take", function () {
  this.timeout(90_000);
  const bed = new SuperBed();
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });

  it("go over a third node where that is faster, and back directly where that is", async () => {
    const mesh = await bed.start(TRIANGLE);
    await everybodyAnswers(mesh);
    await eventuallyKeeps(mesh, "a c b");
    await eventuallyGoes(mesh, "b a");
    await sleep(1000);
    const result = await ping(mesh.site("a").node, overlayAddress(mesh.site("b")), {
      count: 40,
      interval: 0.05,
    });
    console.log(`      ping ${result.median.toFixed(2)} ms; the direct path has 48`);
    assert.ok(Math.abs(result.median - 18) < 3, `${result.median} ms`);
    // 1500 less IP, UDP, transit header and record: frames of the default port travel in one piece.
    const { routes } = await statusOf(mesh, "a");
    const links = [await linkEndpoint(mesh, "a", "c"), await linkEndpoint(mesh, "c", "b")];
    const ipHeader = links.some((endpoint) => endpoint.startsWith("[")) ? 40 : 20;
    assert.equal(routes.find(({ destination }) => destination === 2)?.maxFrame, 1412 - ipHeader);
    const full = await ping(mesh.site("a").node, overlayAddress(mesh.site("b")), { count: 5, size: 1322 });
    assert.equal(full.received, 5);
    assert.equal((await statusOf(mesh, "a")).counters["fragmentsSent"], 0);
  });

  it("are found although no two clocks agree, and one runs too fast", async () => {
    const mesh = await bed.start({
      ...TRIANGLE,
      clocks: {
        a: { timeOffsetSeconds: HALF_A_DAY },
        b: { timeOffsetSeconds: 20 * HALF_A_DAY },
        c: { driftPpm: 100 },
      },
    });
    await everybodyAnswers(mesh);
    await eventuallyKeeps(mesh, "a c b");
    await eventuallyGoes(mesh, "b a");
  });

  it("are told by trace, with the delay of each link in each direction", async () => {
    const mesh = await bed.start(TRIANGLE);
    await everybodyAnswers(mesh);
    await eventuallyKeeps(mesh, "a c b");
    await eventuallyGoes(mesh, "b a");
    // The least of a few: one trace is one sample, and each node on the way may be busy just then.
    const traces: TraceAnswer[] = [];
    for (let i = 0; i < 5; i++) traces.push(await trace(mesh, "a", "b"));
    assert.ok(traces.every(({ reached }) => reached));
    const [best] = traces.sort((one, other) => one.roundTripUs - other.roundTripUs);
    assert(best);
    const { there, back, roundTripUs } = best;
    assert.deepEqual(
      [...there, ...back].map(({ from, to }) => `${from}>${to}`),
      ["1 a>3 c", "3 c>2 b", "2 b>1 a"],
    );
    assert.ok(Math.abs(roundTripUs - 18_000) < 4000, `${roundTripUs} µs`);
    // Clocks are set by the round trip to the supernode, which is the same both ways here.
    for (const [step, delayMs] of [...there, ...back].map((one, i) => [one, [5, 5, 8][i] ?? 0] as const)) {
      assert.ok(Math.abs(step.delayUs / 1000 - delayMs) < 5, `${step.from} ${step.to} ${step.delayUs} µs`);
    }
  });

  it("are explained by why, with the ones that were not taken", async () => {
    const mesh = await bed.start(TRIANGLE);
    await everybodyAnswers(mesh);
    await eventuallyKeeps(mesh, "a c b");
    const { candidates } = await why(mesh, "a", "b");
    const [first, second] = candidates;
    assert.deepEqual(first?.path, ["1 a", "3 c", "2 b"]);
    assert.equal(first?.chosen, true);
    assert.deepEqual(second?.path, ["1 a", "2 b"]);
    const more = ((second?.costUs ?? 0) - (first?.costUs ?? 0)) / 1000;
    assert.ok(Math.abs(more - 28) < 6, `${more} ms more, expected 40 - 12`);
  });

  it("follow a link that has become slower", async () => {
    const mesh = await bed.start(TRIANGLE);
    await everybodyAnswers(mesh);
    await eventuallyKeeps(mesh, "a c b");
    await mesh.lab.wire("c", "b").set({ delayMs: 80 });
    const begin = performance.now();
    await eventuallyGoes(mesh, "a b", 15_000);
    console.log(`      the better way after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  });
});

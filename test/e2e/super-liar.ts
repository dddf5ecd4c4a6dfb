// A member m whose reports are lies, for end-to-end tests.

import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "./harness.ts";
import { everybodyAnswers, SUPER, statusOf, wayOf } from "./super-bed.ts";
import type { CloudMesh } from "./super-bed.ts";
import type { SuperMeshOptions } from "../../tools/netlab/super-mesh.ts";

/** By way of m it takes 10 ms, directly 40. */
export const PHANTOM_LAB: SuperMeshOptions = {
  edges: ["a", "b", "m"],
  all: { delayMs: 5 },
  ways: { "a>b": { delayMs: 40 }, "b>a": { delayMs: 40 } },
};

const preload = join(import.meta.dirname, "../support/lying-reporter.ts");
/** How the supernode names the liar, and its NodeID in the log. */
const LIAR = "3 m";
const LIAR_ID = 3;

/** m reports lies from its start. */
export async function startWithLiar(mesh: CloudMesh, lie: string): Promise<void> {
  await mesh.program(SUPER).start();
  const env = { NODE_OPTIONS: `--import=${preload}`, LIE: lie };
  await Promise.all([
    ...["a", "b"].map((name) => mesh.program(name).start()),
    mesh.program("m").start({ env }),
  ]);
  await everybodyAnswers(mesh);
}

/** Waits until the supernode has refused reports of the liar for all these reasons; meanwhile a's frames to b go `way`. */
export async function named(
  mesh: CloudMesh,
  reasons: readonly string[],
  way: string,
  timeout = 45_000,
): Promise<void> {
  let refused: string[] = [];
  const detours = new Set<string>();
  await eventually(
    `m is refused: ${reasons.join(", ")}`,
    async () => {
      const taken = (await wayOf(mesh, "a", "b")).join(" ");
      if (taken !== way) detours.add(taken);
      const { control } = await statusOf(mesh, SUPER);
      const lines = control?.refusedReports ?? [];
      assert.deepEqual(
        lines.filter(({ node }) => node !== LIAR),
        [],
      );
      refused = lines.map(({ reason }) => reason);
      return reasons.every((reason) => refused.includes(reason));
    },
    timeout,
  ).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}; so far: ${refused.join(", ")}`);
  });
  assert.deepEqual([...detours], []);
  const { control } = await statusOf(mesh, SUPER);
  for (const reason of reasons) {
    assert.ok((control?.refused[reason] ?? 0) > 0, reason);
    assert.match(
      mesh.program(SUPER).child.log,
      new RegExp(`report refused: ${reason}\\b.* node=${LIAR_ID}\\b`),
    );
  }
}

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "mocha";
import { serve } from "../../src/api/status-server.ts";
import type { TraceAnswer } from "../../src/api/status-model.ts";
import { renderTrace, runTrace } from "../../src/cli/trace.ts";
import { sampleStatus } from "../api/sample-status.ts";
import { withDirectory } from "../api/temporary-directory.ts";

const answer: TraceAnswer = {
  to: "2 b",
  reached: true,
  there: [
    { from: "1 a", to: "3 c", delayUs: -995_000 },
    { from: "3 c", to: "2 b", delayUs: 1_005_000 },
  ],
  back: [{ from: "2 b", to: "1 a", delayUs: 8000 }],
  roundTripUs: 18_250,
};

describe("trace as text", () => {
  it("lists each link there and back with its delay, negative ones too, and the sums", () => {
    assert.deepEqual(renderTrace(answer).split("\n"), [
      ...["there", "  1 a → 3 c  -995 ms", "  3 c → 2 b  1005 ms", "  in all  10.0 ms"],
      ...["back", "  2 b → 1 a  8.00 ms", "  in all  8.00 ms"],
      ...["round trip 18.3 ms", ""],
    ]);
  });

  it("says that nobody answered, and lets no name steer the terminal", () => {
    const none = { ...answer, reached: false, there: [], back: [], roundTripUs: 0 };
    assert.equal(renderTrace(none), "no answer from 2 b\n");
    assert.equal(renderTrace({ ...none, to: "2 \u001b[2J" }), "no answer from 2 ?[2J\n");
    const step = { from: "1 \u0007", to: "2", delayUs: 0 };
    assert.doesNotMatch(renderTrace({ ...answer, there: [step] }), /\u0007/);
  });
});

describe("etherloom trace", () => {
  async function exitCode(reply: unknown): Promise<{ code: number; out: string }> {
    let out = "";
    let code = -1;
    await withDirectory(async (directory) => {
      const server = await serve(join(directory, "status.sock"), () => sampleStatus(), {
        answer: async () => reply,
      });
      const { write } = process.stdout;
      process.stdout.write = ((text: string) => (out += text).length > 0) as typeof write;
      try {
        code = await runTrace(["b", "--state-dir", directory]);
      } finally {
        process.stdout.write = write;
        await server.close();
      }
    });
    return { code, out };
  }

  it("exits 0 when the node was reached and 1 when it was not", async () => {
    const reached = await exitCode(answer);
    assert.equal(reached.code, 0);
    assert.match(reached.out, /^there\n/);
    const lost = await exitCode({ ...answer, reached: false });
    assert.deepEqual(lost, { code: 1, out: "no answer from 2 b\n" });
  });

  it("fails with the node's word when that refuses, and when nobody is there to ask", async () => {
    await assert.rejects(exitCode({ error: "no node b is known here" }), { code: "EL_QUESTION" });
    await withDirectory(async (directory) => {
      await assert.rejects(runTrace(["b", "--state-dir", directory]), { code: "EL_NOT_RUNNING" });
    });
  });
});

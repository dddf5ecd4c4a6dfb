import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, it } from "mocha";
import { askNode } from "../../src/api/status-client.ts";
import type { NodeQuestion } from "../../src/api/status-model.ts";
import { serve, type StatusServerOptions } from "../../src/api/status-server.ts";
import { sampleStatus } from "./sample-status.ts";
import { withDirectory } from "./temporary-directory.ts";

function raw(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    connect({ path })
      .on("data", (chunk: Buffer) => (answer += chunk.toString()))
      .on("end", () => resolve(answer))
      .on("error", reject)
      .end(text);
  });
}

async function withServer(
  options: StatusServerOptions,
  task: (path: string) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const path = join(directory, "status.sock");
    const server = await serve(path, () => sampleStatus(), options);
    try {
      await task(path);
    } finally {
      await server.close();
    }
  });
}

describe("questions on the status socket", () => {
  it("reach the node in words, and its answer comes back as it is", async () => {
    const asked: NodeQuestion[] = [];
    const answer = async (question: NodeQuestion): Promise<unknown> => {
      asked.push(question);
      return { to: question.node };
    };
    await withServer({ answer }, async (path) => {
      assert.deepEqual(await askNode(path, "trace berlin"), { to: "berlin" });
      await askNode(path, "why 2");
      await askNode(path, "why n-2.x_ 3");
      assert.deepEqual(asked, [
        { kind: "trace", node: "berlin", from: undefined },
        { kind: "why", node: "2", from: undefined },
        { kind: "why", node: "n-2.x_", from: "3" },
      ]);
    });
  });

  it("are refused in one line where they are malformed, and the node hears nothing of it", async () => {
    const answer = (): Promise<unknown> => assert.fail("asked");
    await withServer({ answer }, async (path) => {
      const long = "x".repeat(33);
      for (const text of [
        "why",
        "trace",
        "why a b c",
        "trace a/b",
        `why ${long}`,
        "explain a",
        "WHY a",
        "status x",
      ]) {
        assert.match(await raw(path, `${text}\n`), /^\{"error":"expected status[^"]*"\}\n$/, text);
      }
    });
  });

  it("fail with the node's own words when it refuses, and with a word of the socket's when it does not answer any", async () => {
    await withServer({ answer: async () => ({ error: "no node x is known here" }) }, async (path) => {
      await assert.rejects(askNode(path, "why x"), {
        code: "EL_QUESTION",
        message: /no node x is known here/,
      });
    });
    await withServer({}, async (path) => {
      await assert.rejects(askNode(path, "trace x"), { message: /does not answer trace/ });
    });
  });

  it("that the node fails to answer are logged and leave the socket as it is", async () => {
    const log: string[] = [];
    const answer = (): Promise<unknown> => Promise.reject(new Error("worker gone"));
    await withServer({ answer, log: (line) => log.push(line) }, async (path) => {
      await assert.rejects(askNode(path, "why x"));
      assert.deepEqual(log, ["status request failed: worker gone"]);
      assert.match(await raw(path, "status\n"), /^\{"version":1/);
    });
  });
});

import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { postScriptEnvironment, runPostScript } from "../../src/api/post-script.ts";
import type { PostScriptOptions, PostScriptSubject } from "../../src/api/post-script.ts";
import { eventually, withDirectory } from "./temporary-directory.ts";

const subject: PostScriptSubject = {
  mode: "edge",
  nodeName: "Node One",
  nodeId: 0xab0c,
  interfaceName: "el0",
  interfaceType: "tap",
  macPrefix: "AA:BB:CC:DD",
  macAddress: "aa:bb:cc:dd:ab:0c",
};

/** Runs a shell script as postScript, with its directory and the words behind it. */
function withScript<T>(body: string, task: (script: string, directory: string) => Promise<T>): Promise<T> {
  return withDirectory((directory) => {
    const script = join(directory, "post.sh");
    writeFileSync(script, `#!/bin/sh\n${body}\n`);
    chmodSync(script, 0o755);
    return task(script, directory);
  });
}

const refused = (body: string, message: RegExp, options: PostScriptOptions = {}): Promise<void> =>
  withScript(body, (script) =>
    assert.rejects(
      runPostScript(script, subject, options),
      (error: Error & { code?: string; exitCode?: number }) => {
        assert.equal(error.code, "EL_POST_SCRIPT");
        assert.equal(error.exitCode, 1);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
    ),
  );

describe("postScript", () => {
  it("gets the node and interface in EG_ variables", () => {
    assert.deepEqual(postScriptEnvironment(subject), {
      EG_MODE: "edge",
      EG_NODE_NAME: "Node One",
      EG_NODE_ID_INT_DEC: "43788",
      EG_NODE_ID_BYTE0_DEC: "12",
      EG_NODE_ID_BYTE1_DEC: "171",
      EG_NODE_ID_INT_HEX: "ab0c",
      EG_NODE_ID_BYTE0_HEX: "C",
      EG_NODE_ID_BYTE1_HEX: "AB",
      EG_INTERFACE_NAME: "el0",
      EG_INTERFACE_TYPE: "tap",
      EG_INTERFACE_MAC_PREFIX: "AA:BB:CC:DD",
      EG_INTERFACE_MAC_ADDR: "aa:bb:cc:dd:ab:0c",
    });
    assert.equal(postScriptEnvironment({ ...subject, mode: "super" })["EG_MODE"], "super");
  });

  it("runs without a shell, with its words and the inherited environment but nobody else's sockets", () =>
    withScript('env > "$1"; printf "%s" "$2" > "$1.arg"', async (script, directory) => {
      const file = join(directory, "out");
      await runPostScript(`${script} ${file} '$HOME; "x"'`, subject, {
        env: { ...process.env, KEEP: "1", NOTIFY_SOCKET: "/n", EG_UAPI_FD: "9", WATCHDOG_USEC: "5" },
      });
      const seen = readFileSync(file, "utf8");
      assert.match(seen, /^EG_NODE_ID_INT_DEC=43788$/m);
      assert.match(seen, /^KEEP=1$/m);
      assert.doesNotMatch(seen, /NOTIFY_SOCKET|EG_UAPI_FD|WATCHDOG/);
      assert.equal(readFileSync(`${file}.arg`, "utf8"), '$HOME; "x"');
    }));

  it("does nothing when empty", async () => {
    await runPostScript("", subject);
    await runPostScript("  ", subject);
  });

  it("hands its output to the log", async () => {
    const lines: string[] = [];
    await withScript("echo one; echo two >&2", (script) =>
      runPostScript(script, subject, { log: (line) => lines.push(line) }),
    );
    assert.deepEqual(lines.sort(), ["one", "two"]);
  });

  it("fails with the exit code and the last line of output", async () => {
    await refused("echo first; echo 'no such bridge' >&2; echo; exit 3", /exit code 3: no such bridge$/);
    await refused("exit 1", /exit code 1$/);
    await refused("kill -9 $$", /killed by SIGKILL$/);
  });

  it("fails when there is no such program or the line is unfinished", async () => {
    await assert.rejects(runPostScript("/nonexistent/program", subject), /no such program/);
    await assert.rejects(runPostScript("echo 'x", subject), /unfinished quote/);
    await assert.rejects(runPostScript("/etc/passwd", subject), { code: "EL_POST_SCRIPT" });
  });

  it("is ended with its children when it hangs", () =>
    withScript('(sleep 1; touch "$1") & echo started; sleep 30', async (script, directory) => {
      const file = join(directory, "late");
      const before = performance.now();
      await assert.rejects(
        runPostScript(`${script} ${file}`, subject, { timeoutMs: 300 }),
        /no end within 0.3 s: started$/,
      );
      assert.ok(performance.now() - before < 5000);
      await new Promise((resolve) => setTimeout(resolve, 1200));
      assert.equal(existsSync(file), false);
    })).timeout(10_000);

  it("does not wait for what the script leaves in the background", () =>
    withScript('(sleep 1; touch "$1") & exit 0', async (script, directory) => {
      const file = join(directory, "late");
      const before = performance.now();
      await runPostScript(`${script} ${file}`, subject);
      assert.ok(performance.now() - before < 900);
      await eventually(() => existsSync(file));
    })).timeout(10_000);

  it("keeps the end of very long output", () => refused("seq 1 200000; exit 1", /exit code 1: 200000$/));
});

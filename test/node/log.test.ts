import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { describe, it } from "mocha";
import { formatLine } from "../../src/node/log.ts";

const moduleUrl = new URL("../../src/node/log.ts", import.meta.url).href;

/** What a process that logs writes, with the given environment. */
function logged(level: string, env: Record<string, string> = {}): { stdout: string; stderr: string } {
  const script = `import { createLog } from ${JSON.stringify(moduleUrl)};
    const log = createLog(${JSON.stringify(level)});
    log.debug("a detail"); log.info({ node: 7 }, "link up"); log.error("it broke");`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { stdout, stderr };
}

describe("the log", () => {
  it("is one line a record: time, level, message, then the fields", () => {
    const time = new Date(2026, 0, 2, 3, 4, 5).getTime();
    const line = formatLine(
      JSON.stringify({ level: 40, time, msg: "key refused", node: 7, why: { pin: true } }),
    );
    assert.equal(line, '03:04:05 warn  key refused node=7 why={"pin":true}\n');
    assert.match(formatLine(JSON.stringify({ level: 20, time, msg: "x" })), /^03:04:05 debug x\n$/);
  });

  it("goes to standard error, so that standard output belongs to a stdio port", () => {
    const { stdout, stderr } = logged("info");
    assert.equal(stdout, "");
    assert.match(stderr, /^\d\d:\d\d:\d\d info {2}link up node=7\n\d\d:\d\d:\d\d error it broke\n$/);
  });

  it("stops nothing when it cannot be written", () => {
    const script = `import { createLog } from ${JSON.stringify(moduleUrl)};
      const log = createLog("info");
      for (let i = 0; i < 100_000; i++) log.info({ node: 7 }, "link up");
      process.stdout.write(String(process.memoryUsage().rss < 400e6));`;
    for (const env of [{}, { ETHERLOOM_LOG: "json" }]) {
      const full = openSync("/dev/full", "w");
      const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
        encoding: "utf8",
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", full],
      });
      closeSync(full);
      assert.deepEqual([status, stdout], [0, "true"]);
    }
  });

  it("leaves out what is below its level, and everything when silent", () => {
    assert.match(logged("debug").stderr, /debug a detail/);
    assert.doesNotMatch(logged("error").stderr, /link up/);
    assert.equal(logged("silent").stderr, "");
  });

  it("gives the records as they are with ETHERLOOM_LOG=json", () => {
    const [first = ""] = logged("info", { ETHERLOOM_LOG: "json" }).stderr.split("\n");
    const record = JSON.parse(first) as Record<string, unknown>;
    assert.deepEqual([record["level"], record["msg"], record["node"]], [30, "link up", 7]);
  });
});

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "mocha";
import { answers, listenUnix } from "../../src/api/unix-listener.ts";
import type { UnixListenerOptions } from "../../src/api/unix-listener.ts";
import { EtherloomError, uapiInUse } from "../../src/errors.ts";
import { eventually, withDirectory } from "./temporary-directory.ts";

const echo: UnixListenerOptions = {
  label: "test",
  inUse: uapiInUse,
  failed: (detail) => new EtherloomError("EL_UAPI", detail),
  onConnection: (socket) => socket.pipe(socket),
  watchIntervalMs: 20,
};

function ask(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    connect({ path })
      .on("data", (chunk: Buffer) => (answer += chunk.toString()))
      .on("end", () => resolve(answer))
      .on("error", reject)
      .end(text);
  });
}

/** A process that dies without removing its socket. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await once(execFile(process.execPath, ["-e", script]), "exit");
  assert.ok(lstatSync(path).isSocket());
}

describe("a local control socket", () => {
  it("is for its owner only, in a directory that is made, and leaves nothing behind", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "a", "b", "n.sock");
      const umask = process.umask(0);
      try {
        const listener = await listenUnix(path, echo);
        assert.equal(process.umask(), 0, "the umask is put back");
        assert.equal(lstatSync(path).mode & 0o777, 0o600);
        assert.equal(statSync(join(directory, "a", "b")).mode & 0o777, 0o755);
        assert.deepEqual(readdirSync(join(directory, "a", "b")), ["n.sock"]);
        assert.equal(await ask(path, "hello"), "hello");
        await listener.close();
        await listener.close();
        assert.deepEqual(readdirSync(join(directory, "a", "b")), []);
      } finally {
        process.umask(umask);
      }
    }));

  it("replaces a stale socket", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "n.sock");
      await leaveStaleSocket(path);
      const listener = await listenUnix(path, echo);
      assert.equal(await ask(path, "x"), "x");
      await listener.close();
    }));

  it("refuses a path that a live listener serves, and does not disturb that one", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "n.sock");
      const first = await listenUnix(path, echo);
      await assert.rejects(listenUnix(path, echo), { code: "EL_UAPI_IN_USE", exitCode: 1 });
      assert.equal(await ask(path, "x"), "x");
      assert.deepEqual(readdirSync(directory), ["n.sock"]);
      await first.close();
    }));

  it("lets exactly one of several simultaneous starters win", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "n.sock");
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => listenUnix(path, echo)));
      const winners = results.filter((result) => result.status === "fulfilled");
      assert.equal(winners.length, 1);
      assert.equal(await ask(path, "x"), "x");
      await winners[0]?.value.close();
      assert.deepEqual(readdirSync(directory), []);
    }));

  for (const [what, make] of [
    ["a file", (path: string) => writeFileSync(path, "precious")],
    ["a directory", (path: string) => mkdirSync(path)],
    ["a symbolic link", (path: string) => symlinkSync("elsewhere", path)],
  ] as const) {
    it(`never removes ${what} in its place`, () =>
      withDirectory(async (directory) => {
        const path = join(directory, "n.sock");
        make(path);
        await assert.rejects(listenUnix(path, echo), { code: "EL_UAPI" });
        assert.ok(lstatSync(path));
        assert.deepEqual(readdirSync(directory), ["n.sock"]);
      }));
  }

  it("says so when the path is too long", () =>
    withDirectory(async (directory) => {
      await assert.rejects(listenUnix(join(directory, "x".repeat(100)), echo), /too long/);
      assert.deepEqual(readdirSync(directory), []);
    }));

  it("makes its file again when it or the directory is deleted", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "d", "n.sock");
      const messages: string[] = [];
      const listener = await listenUnix(path, { ...echo, log: (message) => messages.push(message) });
      for (const victim of [path, join(directory, "d"), path]) {
        rmSync(victim, { recursive: true });
        await eventually(() => answers(path));
        assert.equal(await ask(path, "x"), "x");
        assert.equal(lstatSync(path).mode & 0o777, 0o600);
      }
      assert.equal(messages.length, 3);
      await listener.close();
      assert.deepEqual(readdirSync(join(directory, "d")), []);
    }));

  it("leaves a socket alone that has taken its place", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "n.sock");
      const messages: string[] = [];
      const listener = await listenUnix(path, {
        ...echo,
        watchIntervalMs: 300,
        log: (message) => messages.push(message),
      });
      rmSync(path);
      const other = createServer((socket) => socket.end("other"));
      await once(other.listen(path), "listening");
      await eventually(() => messages.length > 0);
      await listener.close();
      assert.equal(messages.length, 1);
      assert.equal(await ask(path, "x"), "other");
      other.close();
    }));

  it("closes idle connections and those above its limit, and serves again afterwards", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "n.sock");
      const listener = await listenUnix(path, { ...echo, maxConnections: 2, idleTimeoutMs: 300 });
      const open = (): Socket => connect({ path }).on("error", () => undefined);
      const held = [open(), open()];
      await Promise.all(held.map((socket) => once(socket, "connect")));
      const surplus = open();
      surplus.resume();
      await once(surplus, "close");
      for (const socket of held) socket.resume();
      await Promise.all(held.map((socket) => once(socket, "close")));
      assert.equal(await ask(path, "x"), "x");
      await listener.close();
    }));

  it("does not keep a process from ending once it is closed, and cuts open connections", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "n.sock");
      const listener = await listenUnix(path, echo);
      const client = connect({ path }).on("error", () => undefined);
      client.resume();
      await once(client, "connect");
      await eventually(async () => (await listener.close(), true));
      await once(client, "close");
      assert.equal(await answers(path), false);
    }));

  it("takes over after a kill -9 of the process that served", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "n.sock");
      const module = new URL("../../src/api/unix-listener.ts", import.meta.url).href;
      const errors = new URL("../../src/errors.ts", import.meta.url).href;
      const script = `import { listenUnix } from ${JSON.stringify(module)};
        import { EtherloomError, uapiInUse } from ${JSON.stringify(errors)};
        await listenUnix(process.argv[1], { label: "t", inUse: uapiInUse,
          failed: (d) => new EtherloomError("EL_UAPI", d), onConnection: (s) => s.end() });
        console.log("ready");`;
      const child = spawn(process.execPath, ["--input-type=module", "-e", script, path], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      await assert.rejects(listenUnix(path, echo), { code: "EL_UAPI_IN_USE" });
      child.kill("SIGKILL");
      await once(child, "exit");
      const listener = await listenUnix(path, echo);
      assert.equal(await ask(path, "x"), "x");
      await listener.close();
    })).timeout(10_000);
});

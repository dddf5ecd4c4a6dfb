import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, it } from "mocha";
import { decodeSummary, encodeSummary, ExactReader } from "../../src/cli/file-stream.ts";

const launcher = fileURLToPath(new URL("../../etherloom.js", import.meta.url));

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("file", function () {
  this.timeout(60_000);
  let directory: string;
  let children: ChildProcess[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "etherloom-file-"));
    children = [];
  });
  afterEach(() => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  });

  const at = (name: string): string => join(directory, name);

  function file(...args: string[]): {
    child: ChildProcess;
    finished: Promise<Finished>;
    port: Promise<number>;
  } {
    const child = spawn(process.execPath, [launcher, "file", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    children.push(child);
    let stdout = "";
    let stderr = "";
    let found: (port: number) => void;
    const port = new Promise<number>((resolve) => (found = resolve));
    child.stdout!.on("data", (data) => (stdout += data));
    child.stderr!.on("data", (data) => {
      stderr += data;
      const match = /listening on \S+ port (\d+)/.exec(stderr);
      if (match !== null) found(Number(match[1]));
    });
    const finished = new Promise<Finished>((resolve) =>
      child.once("close", (code) => resolve({ code, stdout, stderr })),
    );
    return { child, finished, port };
  }

  for (const [what, ip, size] of [
    ["a few megabytes", "127.0.0.1", 5_000_003],
    ["nothing at all", "127.0.0.1", 0],
    ["a byte, over IPv6", "::1", 1],
  ] as const) {
    it(`copies ${what}, and both ends print bytes and SHA-256`, async () => {
      const data = randomBytes(size);
      writeFileSync(at("from"), data);
      const receiver = file("receive", ip, "0", at("to"));
      const sender = file("send", ip, String(await receiver.port), at("from"));
      const [sent, received] = await Promise.all([sender.finished, receiver.finished]);
      const sum = createHash("sha256").update(data).digest("hex");
      assert.deepEqual([sent.code, sent.stdout], [0, `sent ${size} bytes sha256 ${sum}\n`]);
      assert.deepEqual([received.code, received.stdout], [0, `received ${size} bytes sha256 ${sum}\n`]);
      assert.ok(readFileSync(at("to")).equals(data));
      assert.deepEqual(readdirSync(directory).toSorted(), ["from", "to"]);
    });
  }

  it("refuses what differs from the sender's digest and keeps nothing", async () => {
    writeFileSync(at("to"), "older");
    const receiver = file("receive", "127.0.0.1", "0", at("to"));
    const socket = connect(await receiver.port, "127.0.0.1");
    const chunk = Buffer.from("\0\0\0\x05hello\0\0\0\0", "latin1");
    socket.write(
      Buffer.concat([Buffer.from("ELFILE1\n"), chunk, encodeSummary({ bytes: 5, sha256: "00".repeat(32) })]),
    );
    const answer = decodeSummary((await new ExactReader(socket).exactly(40))!);
    socket.destroy();
    assert.equal(answer.sha256, createHash("sha256").update("hello").digest("hex"));
    const { code, stdout, stderr } = await receiver.finished;
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /received 5 bytes sha256 2cf24dba.*\[EL_FILE_MISMATCH\]\n$/);
    assert.equal(readFileSync(at("to"), "utf8"), "older");
    assert.deepEqual(readdirSync(directory), ["to"]);
  });

  it("tells the sender when the receiver has something else", async () => {
    writeFileSync(at("from"), "hello");
    const server = createServer((socket) => {
      socket.on("data", () => undefined);
      socket.end(encodeSummary({ bytes: 4, sha256: "11".repeat(32) }));
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { code, stdout, stderr } = await file("send", "127.0.0.1", String((server.address() as AddressInfo).port), at("from")).finished; // prettier-ignore
    server.close();
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /sent 5 bytes .* receiver has 4 bytes .*\[EL_FILE_MISMATCH\]/);
  });

  it("fails when the other end vanishes in the middle", async () => {
    const receiver = file("receive", "127.0.0.1", "0", at("to"));
    const socket = connect(await receiver.port, "127.0.0.1");
    socket.end(Buffer.from("ELFILE1\n\0\0\0\x05he", "latin1"));
    const { code, stderr } = await receiver.finished;
    assert.equal(code, 1);
    assert.match(stderr, /ended early \[EL_FILE_CONNECTION\]/);
    assert.ok(!existsSync(at("to")));
    assert.deepEqual(readdirSync(directory), []);
  });

  it("answers strangers with an error, not with memory", async () => {
    for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "ELFILE1\n\xff\xff\xff\xff"]) {
      const receiver = file("receive", "127.0.0.1", "0", at("to"));
      connect(await receiver.port, "127.0.0.1").on("error", () => undefined).end(Buffer.from(bytes, "latin1")); // prettier-ignore
      assert.equal((await receiver.finished).code, 1);
    }
  });

  it("leaves nothing behind when interrupted", async () => {
    const receiver = file("receive", "127.0.0.1", "0", at("to"));
    await receiver.port;
    receiver.child.kill("SIGINT");
    assert.equal((await receiver.finished).code, 1);
    assert.deepEqual(readdirSync(directory), []);
  });

  it("has one line for each thing that cannot be", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const port = String((server.address() as AddressInfo).port);
    const results = await Promise.all([
      file("receive", "127.0.0.1", port, at("to")).finished,
      file("receive", "127.0.0.1", "0", at("no/such/to")).finished,
      file("send", "127.0.0.1", port, at("missing")).finished,
      file("send", "127.0.0.1", port, directory).finished,
    ]);
    server.close();
    await new Promise((resolve) => server.once("close", resolve));
    writeFileSync(at("from"), "x");
    results.push(await file("send", "127.0.0.1", port, at("from")).finished);
    const codes = ["LISTEN_IN_USE", "FILE_IO", "FILE_IO", "FILE_IO", "FILE_CONNECTION"];
    for (const [index, { code, stderr }] of results.entries()) {
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^etherloom: [^\\n]*\\[EL_${codes[index]}\\]\\n$`));
    }
  });
});

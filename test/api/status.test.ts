import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { StatusRequest } from "../../src/api/status-model.ts";
import { serve, STATUS_SOCKET } from "../../src/api/status-server.ts";
import { runStatus } from "../../src/cli/status.ts";
import { sampleStatus } from "./sample-status.ts";
import { withDirectory } from "./temporary-directory.ts";

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function status(stateRoot: string, ...args: string[]): Promise<Result> {
  let out = "";
  let err = "";
  const code = await runStatus(args, {
    stateRoot,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

/** Runs nodes with these names below one state root. */
async function withNodes(names: string[], task: (root: string) => Promise<void>): Promise<void> {
  await withDirectory(async (root) => {
    const servers = await Promise.all(
      names.map((name) =>
        serve(join(root, name, "status.sock"), ({ fib }) => {
          const document = sampleStatus();
          document.node.name = name;
          if (fib)
            document.fib.list = [{ mac: "02:00:00:00:00:09", vlan: 7, owner: "node 2", ageSeconds: 3.5 }];
          return document;
        }),
      ),
    );
    try {
      await task(root);
    } finally {
      await Promise.all(servers.map((server) => server.close()));
    }
  });
}

const NOBODY = 65534;

/** As one who may not look into `directory`. */
async function withoutRights<T>(directory: string, task: () => Promise<T>): Promise<T> {
  const isRoot = process.geteuid?.() === 0;
  chmodSync(directory, 0);
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    return await task();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(directory, 0o700);
  }
}

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

describe("status socket", () => {
  it("gives one document per connection, to its owner only", () =>
    withNodes(["a"], async (root) => {
      const path = join(root, "a", "status.sock");
      assert.equal(lstatSync(path).mode & 0o777, 0o600);
      assert.equal(lstatSync(join(root, "a")).mode & 0o777, 0o700);
      for (const question of ["", "\n", "status\n", "status"]) {
        const answer = await ask(path, question);
        assert.deepEqual(JSON.parse(answer), {
          ...sampleStatus(),
          node: { ...sampleStatus().node, name: "a" },
        });
        assert.ok(answer.endsWith("}\n"));
      }
    }));

  it("asks the node for the forwarding table only when the client does", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "status.sock");
      const requests: StatusRequest[] = [];
      const server = await serve(path, (request) => (requests.push(request), sampleStatus()));
      await ask(path, "status\n");
      await ask(path, "status fib\n");
      await server.close();
      assert.deepEqual(requests, [{ fib: false }, { fib: true }]);
    }));

  it("refuses other questions and survives a node that cannot answer", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "status.sock");
      const log: string[] = [];
      const server = await serve(path, () => Promise.reject(new Error("worker gone")), {
        log: (line) => log.push(line),
      });
      assert.match(await ask(path, "GET / HTTP/1.1\r\n\r\n"), /^\{"error":/);
      assert.match(await ask(path, "x".repeat(10_000)).catch(() => '{"error":'), /^\{"error":/);
      assert.equal(await ask(path, "status\n").catch(() => ""), "");
      assert.deepEqual(log, ["status request failed: worker gone"]);
      await server.close();
      assert.deepEqual(readdirSync(directory), []);
    }));
});

describe("etherloom status", () => {
  it("finds the only running node", () =>
    withNodes(["berlin"], async (root) => {
      mkdirSync(join(root, "stopped"));
      writeFileSync(join(root, "notes.txt"), "");
      const { code, out, err } = await status(root);
      assert.equal(err, "");
      assert.equal(code, 0);
      assert.match(out, /^berlin, node 1\n/);
    }));

  it("says in one line that nothing runs", () =>
    withDirectory(async (root) => {
      const tooLong = join(root, "x".repeat(120));
      for (const args of [[], ["berlin"], ["--state-dir", root], ["--state-dir", tooLong]]) {
        const { code, out, err } = await status(root, ...args);
        assert.equal(code, 1);
        assert.equal(out, "");
        assert.match(err, /^etherloom: no running node [^\n]+\n$/);
      }
      assert.equal((await status(join(root, "missing"))).code, 1);
    }));

  const busy = /^etherloom: the node at [^ ]+ is running but too busy [^\n]+ \[EL_BUSY\]\n$/;

  it("says in one line that a node is there but takes no more questions", () =>
    withDirectory(async (root) => {
      const path = join(root, STATUS_SOCKET);
      const listen = `require("node:net").createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 })`;
      const node = spawn(process.execPath, ["-e", `${listen}; console.log()`]);
      const waiting: Socket[] = [];
      try {
        await once(node.stdout, "data");
        // Nobody accepts: connections beyond its backlog are refused, and not as those to a socket of nobody.
        node.kill("SIGSTOP");
        for (let i = 0; i < 4; i++) waiting.push(connect({ path }).on("error", () => undefined));
        const { code, out, err } = await status(root, "--state-dir", root);
        assert.deepEqual([code, out], [1, ""]);
        assert.match(err, busy);
      } finally {
        for (const socket of waiting) socket.destroy();
        node.kill("SIGKILL");
      }
    }));

  it("says in one line that a node is there but hangs up", () =>
    withDirectory(async (root) => {
      const server = await serve(join(root, STATUS_SOCKET), () => Promise.reject(new Error("worker gone")));
      const { code, out, err } = await status(root, "--state-dir", root);
      await server.close();
      assert.deepEqual([code, out], [1, ""]);
      assert.match(err, busy);
    }));

  it("says in one line that this user may not ask", () =>
    withNodes(["a"], async (root) => {
      for (const args of [[], ["a"], ["--state-dir", join(root, "a")]]) {
        const { code, out, err } = await withoutRights(root, () => status(root, ...args));
        assert.equal(code, 1);
        assert.equal(out, "");
        assert.match(
          err,
          /^etherloom: [^ ]+: permission denied, run as root or as the node's user \[EL_NOT_ALLOWED\]\n$/,
        );
      }
    }));

  it("lists several nodes and asks for a name", () =>
    withNodes(["b", "a"], async (root) => {
      const { code, out, err } = await status(root);
      assert.equal(code, 2);
      assert.equal(out, "");
      assert.match(err, /2 nodes are running here, name one: a, b \[EL_USAGE\]\n$/);
      assert.match((await status(root, "b")).out, /^b, node 1\n/);
      assert.match((await status(root, "--state-dir", join(root, "a"))).out, /^a, node 1\n/);
    }));

  it("finds the node of a configuration file, even of one with mistakes", () =>
    withNodes(["a", "b"], async (root) => {
      const file = join(root, "edge.yaml");
      writeFileSync(file, "NodeName: b\nNoSuchKey: 1\n");
      assert.match((await status(root, "--config", file)).out, /^b, node 1\n/);
      writeFileSync(file, `nodeName: b\nstateDir: ${join(root, "a")}\n`);
      assert.match((await status(root, "-config", file)).out, /^a, node 1\n/);
      writeFileSync(file, "nodeName: b\nstateDir: ./a\n");
      assert.match((await status(root, "--config", file)).out, /^a, node 1\n/);
      writeFileSync(file, "listenPort: 1\n");
      assert.equal((await status(root, "--config", file)).code, 2);
      assert.equal((await status(root, "--config", join(root, "none.yaml"))).code, 2);
    }));

  it("prints the document as JSON", () =>
    withNodes(["berlin"], async (root) => {
      const { code, out } = await status(root, "--json");
      assert.equal(code, 0);
      assert.deepEqual(JSON.parse(out), sampleStatus());
      const withFib = JSON.parse((await status(root, "-json", "-fib")).out) as ReturnType<
        typeof sampleStatus
      >;
      assert.equal(withFib.fib.list?.length, 1);
    }));

  it("lists the forwarding table on demand", () =>
    withNodes(["berlin"], async (root) => {
      assert.doesNotMatch((await status(root)).out, /02:00:00:00:00:09/);
      assert.match((await status(root, "--fib")).out, /02:00:00:00:00:09 {5}7 {2}node 2 {2}3 s/);
    }));

  it("rejects bad usage with one line and exit code 2", () =>
    withNodes(["a"], async (root) => {
      for (const args of [
        ["--jsn"],
        ["--config"],
        ["a", "b"],
        ["a", "--config", "x"],
        ["../a"],
        ["--json=1"],
      ]) {
        const { code, out, err } = await status(root, ...args);
        assert.equal(code, 2, args.join(" "));
        assert.equal(out, "");
        assert.match(err, /^etherloom: status: [^\n]+\n$/, args.join(" "));
      }
      const help = await status(root, "--help");
      assert.equal(help.code, 0);
      assert.match(help.out, /^usage: etherloom status/);
    }));

  it("does not take something else's answer for a status", () =>
    withDirectory(async (root) => {
      mkdirSync(join(root, "odd"));
      const server = createServer((socket) => socket.on("error", () => undefined).end("hello"));
      await once(server.listen(join(root, "odd", "status.sock")), "listening");
      const { code, err } = await status(root);
      server.close();
      assert.equal(code, 1);
      assert.match(err, /not a status document/);
    }));
});

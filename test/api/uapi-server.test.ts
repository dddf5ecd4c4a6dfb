import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "mocha";
import { serveUapi } from "../../src/api/uapi-server.ts";
import type { UapiServerOptions } from "../../src/api/uapi-server.ts";
import { FakeDevice, makePeer } from "./fake-device.ts";
import { withDirectory } from "./temporary-directory.ts";

const KEY = "ab".repeat(32);
const device = (): FakeDevice => new FakeDevice(Uint8Array.from(Buffer.from(KEY, "hex")));

async function withServer(
  options: Partial<UapiServerOptions> & { device: FakeDevice },
  task: (path: string) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const server = await serveUapi({ name: "n1", env: { EG_UAPI_DIR: directory }, ...options });
    try {
      await task(join(directory, "n1.sock"));
    } finally {
      await server.close();
    }
    assert.deepEqual(readdirSync(directory), []);
  });
}

/** Sends, shuts the sending side, and reads to the end. */
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

describe("UAPI server", () => {
  it("answers several requests on one connection, in order", async () => {
    const fake = device();
    await withServer({ device: fake }, async (path) => {
      const answer = await ask(path, "get=1\n\nset=1\nlisten_port=77\n\nset=1\nbad=1\n\nget=1\n\n");
      assert.equal(
        answer,
        `private_key=${KEY}\nlisten_port=3001\nerrno=0\n\n` +
          "errno=0\n\n" +
          "errno=-22\n\n" +
          `private_key=${KEY}\nlisten_port=77\nerrno=0\n\n`,
      );
    });
    assert.deepEqual(fake.applied, [[{ kind: "listenPort", listenPort: 77 }]]);
  });

  it("applies nothing of a faulty or unfinished request", async () => {
    const fake = device();
    await withServer({ device: fake }, async (path) => {
      assert.equal(await ask(path, "set=1\nlisten_port=77\nfwmark=x\n\n"), "errno=-22\n\n");
      assert.equal(await ask(path, "set=1\nlisten_port=77\n"), "errno=-71\n\n");
      assert.equal(await ask(path, "hello\nget=1\n\n"), "errno=-71\n\n");
    });
    assert.deepEqual(fake.applied, []);
  });

  it("passes the device's errno on", async () => {
    const fake = device();
    await withServer({ device: fake }, async (path) => {
      assert.equal(await ask(path, `set=1\nprivate_key=${"00".repeat(32)}\n\n`), "errno=-95\n\n");
      assert.equal(await ask(path, `set=1\nprivate_key=${KEY}\n\n`), "errno=0\n\n");
    });
  });

  it("answers -5 when the device throws, and logs the cause", async () => {
    const fake = device();
    const log: string[] = [];
    fake.snapshot = (): never => {
      throw new Error("worker gone");
    };
    fake.apply = () => Promise.reject(new Error("worker gone"));
    await withServer({ device: fake, log: (line) => log.push(line) }, async (path) => {
      assert.equal(await ask(path, "get=1\n\nset=1\n\n"), "errno=-5\n\nerrno=-5\n\n");
    });
    assert.equal(log.filter((line) => line.includes("worker gone")).length, 2);
  });

  it("applies one request at a time, and a slow device is not an idle client", async () => {
    const fake = device();
    fake.applyMs = 60;
    await withServer({ device: fake, idleTimeoutMs: 40 }, async (path) => {
      const asks = [1, 2, 3].map((port) => ask(path, `set=1\nlisten_port=${port}\n\n`));
      assert.deepEqual(await Promise.all(asks), Array(3).fill("errno=0\n\n"));
    });
    assert.equal(fake.mostRunning, 1);
    assert.equal(fake.applied.length, 3);
  });

  it("cuts off a client that does not read, and goes on serving", async () => {
    const fake = device();
    fake.peers = Array.from({ length: 3000 }, (_, i) => {
      const key = new Uint8Array(32);
      new DataView(key.buffer).setUint32(0, i);
      return makePeer(key);
    });
    await withServer({ device: fake, idleTimeoutMs: 100 }, async (path) => {
      const stuck = connect({ path });
      // Not `once`: being cut off may be an error (ECONNRESET) first, and that is fine.
      const closed = new Promise<void>((resolve) => {
        stuck.on("error", () => undefined).on("close", () => resolve());
      });
      stuck.write("get=1\n\n".repeat(50));
      const before = Date.now();
      assert.match(await ask(path, "get=1\n\n"), /errno=0\n\n$/);
      await new Promise((resolve) => setTimeout(resolve, 400));
      stuck.resume();
      await closed;
      assert.ok(Date.now() - before < 5000);
    });
  });

  it("refuses names that would leave the directory", async () => {
    for (const name of ["", ".", "..", "../x", "a/b", "a\0b"]) {
      await assert.rejects(serveUapi({ name, device: device(), env: { EG_UAPI_DIR: "/nonexistent" } }), {
        code: "EL_UAPI",
      });
    }
  });

  it("warns of a name that wg set cannot reach", async () => {
    for (const [name, warnings] of [
      ["fifteen-letters", 0],
      ["sixteen--letters", 1],
    ] as const) {
      await withDirectory(async (directory) => {
        const log: string[] = [];
        const env = { EG_UAPI_DIR: directory };
        const server = await serveUapi({ name, device: device(), env, log: (line) => log.push(line) });
        await server.close();
        assert.equal(log.length, warnings);
      });
    }
  });

  it("serves on an inherited listening socket and leaves its file alone", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "given.sock");
      const listener = createServer();
      await once(listener.listen(path), "listening");
      const fd = (listener as unknown as { _handle: { fd: number } })._handle.fd;
      const server = new URL("../../src/api/uapi-server.ts", import.meta.url).href;
      const fake = new URL("./fake-device.ts", import.meta.url).href;
      const script = `import { serveUapi } from ${JSON.stringify(server)};
        import { FakeDevice } from ${JSON.stringify(fake)};
        const server = await serveUapi({ name: "n1", device: new FakeDevice(new Uint8Array(32)) });
        console.log("ready " + server.path);
        process.stdin.on("data", () => server.close().then(() => process.exit(0)));`;
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["pipe", "pipe", "inherit", fd],
        env: { ...process.env, EG_UAPI_FD: "3", EG_UAPI_DIR: "/nonexistent" },
      });
      assert.ok(child.stdin && child.stdout);
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      assert.equal(line.toString(), "ready undefined\n");
      // Ours must not accept any more, or it would take the connection.
      (listener as unknown as { _handle: { unref(): void } })._handle.unref();
      const answer = await Promise.race([
        askUntilServed(path, listener),
        once(child, "exit").then(() => "exit"),
      ]);
      assert.match(answer, /^private_key=0{64}\nlisten_port=3001\nerrno=0\n\n$/);
      child.stdin.write("stop");
      assert.deepEqual(await once(child, "exit"), [0, null]);
      assert.ok(existsSync(path));
      listener.close();
    })).timeout(10_000);

  it("says what is wrong with EG_UAPI_FD", async () => {
    for (const EG_UAPI_FD of ["x", "-1", "900"]) {
      await assert.rejects(serveUapi({ name: "n1", device: device(), env: { EG_UAPI_FD } }), {
        code: "EL_UAPI",
      });
    }
  });
});

/** Two processes share the listening socket here, so a connection may reach this one: then it is given up and retried. */
async function askUntilServed(path: string, own: ReturnType<typeof createServer>): Promise<string> {
  own.on("connection", (socket) => socket.destroy());
  for (;;) {
    const answer = await ask(path, "get=1\n\n").catch(() => "");
    if (answer !== "") return answer;
  }
}

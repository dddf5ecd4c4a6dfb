/** The stock `wg` program as judge. It looks in /var/run/wireguard only, so this needs root. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import type { ExecFileException } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { after, before, describe, it } from "mocha";
import { DEFAULT_UAPI_DIRECTORY, serveUapi } from "../../src/api/uapi-server.ts";
import type { UnixListener } from "../../src/api/unix-listener.ts";
import { FakeDevice, makePeer } from "./fake-device.ts";
import { withDirectory } from "./temporary-directory.ts";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function wg(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const done = (error: ExecFileException | null, stdout: string, stderr: string): void =>
      resolve({
        code: error === null ? 0 : typeof error.code === "number" ? error.code : -1,
        stdout,
        stderr,
      });
    execFile(
      "wg",
      args,
      { timeout: 10_000, env: { ...process.env, WG_COLOR_MODE: "never", TZ: "UTC" } },
      done,
    );
  });
}

const raw = (key: KeyObject, field: "d" | "x"): Uint8Array =>
  Uint8Array.from(Buffer.from(key.export({ format: "jwk" })[field] ?? "", "base64url"));
const base64 = (key: Uint8Array): string => Buffer.from(key).toString("base64");
const newKeys = (): { privateKey: Uint8Array; publicKey: Uint8Array } => {
  const pair = generateKeyPairSync("x25519");
  return { privateKey: raw(pair.privateKey, "d"), publicKey: raw(pair.publicKey, "x") };
};

let madeDirectory = false;

function missing(): string | undefined {
  const found = (process.env["PATH"] ?? "").split(":").some((directory) => existsSync(join(directory, "wg")));
  if (!found) return "wg is not installed (wireguard-tools)";
  try {
    madeDirectory = mkdirSync(DEFAULT_UAPI_DIRECTORY, { recursive: true, mode: 0o755 }) !== undefined;
    accessSync(DEFAULT_UAPI_DIRECTORY, constants.W_OK);
    return undefined;
  } catch {
    return `${DEFAULT_UAPI_DIRECTORY} cannot be written`;
  }
}

describe("the wg program", function () {
  this.timeout(20_000);
  const own = newKeys();
  const alice = newKeys();
  const bob = newKeys();
  const name = `elt${process.pid}`;
  let fake: FakeDevice;
  let server: UnixListener | undefined;

  before(async function () {
    const reason = missing();
    if (reason !== undefined) {
      console.warn(`SKIPPED: the wg program: ${reason}`);
      this.skip();
    }
    fake = new FakeDevice(own.privateKey);
    fake.peers = [
      {
        ...makePeer(alice.publicKey),
        endpoint: "192.0.2.7:3002",
        lastHandshakeMs: Date.now() - 65_000,
        txBytes: 1536,
        rxBytes: 5 * 2 ** 40,
        persistentKeepalive: 25,
        presharedKey: own.publicKey,
      },
      { ...makePeer(bob.publicKey), endpoint: "[2001:db8::7]:3003" },
    ];
    server = await serveUapi({ name, device: fake, env: {} });
  });

  after(async () => {
    await server?.close();
    assert.equal(existsSync(join(DEFAULT_UAPI_DIRECTORY, `${name}.sock`)), false);
    try {
      if (madeDirectory) rmdirSync(DEFAULT_UAPI_DIRECTORY);
    } catch {
      // Somebody else has put a socket there meanwhile.
    }
  });

  it("shows the node", async () => {
    const { code, stdout, stderr } = await wg("show", name);
    assert.equal(code, 0, stderr);
    const peerOne = stdout.slice(
      stdout.indexOf(base64(alice.publicKey)),
      stdout.indexOf(base64(bob.publicKey)),
    );
    assert.match(stdout, new RegExp(`^interface: ${name}\n`));
    assert.ok(stdout.includes(`public key: ${base64(own.publicKey)}\n`));
    assert.match(stdout, /listening port: 3001\n/);
    assert.match(peerOne, /preshared key: \(hidden\)\n/);
    assert.match(peerOne, /endpoint: 192\.0\.2\.7:3002\n/);
    assert.match(peerOne, /allowed ips: \(none\)\n/);
    assert.match(peerOne, /latest handshake: 1 minute, \d+ seconds? ago\n/);
    assert.match(peerOne, /transfer: 5\.00 TiB received, 1\.50 KiB sent\n/);
    assert.match(peerOne, /persistent keepalive: every 25 seconds\n/);
    assert.match(stdout, /endpoint: \[2001:db8::7\]:3003\n/);
  });

  it("lists the node among the interfaces", async () => {
    const { stdout } = await wg("show", "interfaces");
    assert.ok(stdout.split(/\s+/).includes(name));
  });

  it("dumps every field", async () => {
    const { code, stdout } = await wg("show", name, "dump");
    assert.equal(code, 0);
    const [device, first, second] = stdout
      .trim()
      .split("\n")
      .map((line) => line.split("\t"));
    assert.deepEqual(device, [base64(own.privateKey), base64(own.publicKey), "3001", "off"]);
    const handshake = String(Math.floor((fake.peers[0]?.lastHandshakeMs ?? 0) / 1000));
    assert.deepEqual(first, [
      base64(alice.publicKey),
      base64(own.publicKey),
      "192.0.2.7:3002",
      "(none)",
      handshake,
      String(5 * 2 ** 40),
      "1536",
      "25",
    ]);
    assert.deepEqual(second, [
      base64(bob.publicKey),
      "(none)",
      "[2001:db8::7]:3003",
      "(none)",
      "0",
      "0",
      "0",
      "off",
    ]);
  });

  it("sets port and fwmark", async () => {
    assert.deepEqual(await wg("set", name, "listen-port", "4001", "fwmark", "0x10"), {
      code: 0,
      stdout: "",
      stderr: "",
    });
    assert.equal(fake.listenPort, 4001);
    assert.equal(fake.fwmark, 16);
    assert.match((await wg("show", name, "fwmark")).stdout, /0x10/);
    assert.equal((await wg("set", name, "fwmark", "off")).code, 0);
    assert.equal(fake.fwmark, 0);
  });

  it("sets endpoint, keepalive, preshared key and allowed IPs of a peer", () =>
    withDirectory(async (directory) => {
      const psk = new Uint8Array(32).fill(9);
      const file = join(directory, "psk");
      writeFileSync(file, `${base64(psk)}\n`, { mode: 0o600 });
      const set = (...rest: string[]): Promise<Ended> =>
        wg("set", name, "peer", base64(bob.publicKey), ...rest);
      const ended = await set(
        ...["endpoint", "[2001:db8::8]:99", "persistent-keepalive", "7", "preshared-key", file],
        ...["allowed-ips", "10.0.0.0/8,fd00::/8"],
      );
      assert.equal(ended.code, 0, ended.stderr);
      const peer = fake.peers[1];
      assert.equal(peer?.endpoint, "[2001:db8::8]:99");
      assert.equal(peer?.persistentKeepalive, 7);
      assert.deepEqual(peer?.presharedKey, psk);
      assert.equal((await set("endpoint", "192.0.2.9:5", "persistent-keepalive", "off")).code, 0);
      assert.equal((await set("preshared-key", "/dev/null")).code, 0);
      assert.equal(peer?.endpoint, "192.0.2.9:5");
      assert.equal(peer?.persistentKeepalive, 0);
      assert.equal(peer?.presharedKey, null);
    }));

  it("removes a peer and adds it again", async () => {
    assert.equal((await wg("set", name, "peer", base64(bob.publicKey), "remove")).code, 0);
    assert.equal(fake.peers.length, 1);
    assert.equal((await wg("show", name, "peers")).stdout, `${base64(alice.publicKey)}\n`);
    assert.equal((await wg("set", name, "peer", base64(bob.publicKey), "endpoint", "192.0.2.1:1")).code, 0);
    assert.equal(fake.peers.length, 2);
  });

  it("reports a refused private key", () =>
    withDirectory(async (directory) => {
      const file = join(directory, "key");
      writeFileSync(file, `${base64(alice.privateKey)}\n`, { mode: 0o600 });
      const { code, stderr } = await wg("set", name, "private-key", file);
      assert.equal(code, 1);
      assert.match(stderr, /not supported/i);
      writeFileSync(file, `${base64(own.privateKey)}\n`);
      assert.equal((await wg("set", name, "private-key", file)).code, 0);
    }));

  it("round-trips showconf and setconf", () =>
    withDirectory(async (directory) => {
      const before = (await wg("showconf", name)).stdout;
      const file = join(directory, "conf");
      writeFileSync(file, before, { mode: 0o600 });
      const ended = await wg("setconf", name, file);
      assert.equal(ended.code, 0, ended.stderr);
      assert.deepEqual(fake.applied.at(-1)?.filter(({ kind }) => kind === "replacePeers").length, 1);
      assert.equal((await wg("showconf", name)).stdout, before);
    }));

  it("takes a thousand peers", async () => {
    const few = fake.peers;
    fake.peers = Array.from({ length: 1000 }, (_, i) =>
      makePeer(new Uint8Array(32).fill(1 + (i % 250), i % 29)),
    );
    const { stdout } = await wg("show", name, "dump");
    fake.peers = few;
    assert.equal(stdout.trim().split("\n").length, 1001);
  });
});

// Nodes whose port is their standard input and output.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { afterEach, it } from "mocha";
import {
  describeAsRoot,
  type Edge,
  eventually,
  FrameSocket,
  lan,
  leftovers,
  type MeshUnderTest,
  TestBed,
} from "./harness.ts";

const program = join(import.meta.dirname, "../../edge");
const BROADCAST = Buffer.alloc(6, 0xff);
const PAYLOAD = Buffer.from("88b5" + Buffer.from("etherloom over a pipe").toString("hex"), "hex");
const mac = (edge: Edge): Buffer => Buffer.from([0x02, 0xee, 0, 0, 0, edge.id]);

/** The node as a filter: bytes in, bytes out. */
class Filter {
  readonly process: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  output: Buffer[] = [];
  log = "";

  constructor(edge: Edge) {
    const [command = "", ...args] = edge.node.inside([
      process.execPath,
      program,
      "--config",
      edge.configFile,
    ]);
    this.process = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.process.stdout?.on("data", (chunk: Buffer) => this.output.push(chunk));
    this.process.stderr?.setEncoding("utf8").on("data", (text: string) => (this.log += text));
    this.exited = new Promise((resolve) =>
      this.process.on("close", (code, signal) => {
        resolve({ code, signal });
      }),
    );
  }

  async ready(): Promise<void> {
    await eventually(`ready (${this.log})`, () => /link up/.test(this.log) && /ready/.test(this.log));
  }

  write(...parts: Uint8Array[]): void {
    this.process.stdin?.write(Buffer.concat(parts));
  }

  /** All that was written, once it ends with the text. */
  async reads(what: Uint8Array): Promise<void> {
    await eventually(
      `${Buffer.from(what).toString("hex")} is read, not ${Buffer.concat(this.output).toString("hex")}`,
      () => this.output.some((chunk) => Buffer.from(what).equals(chunk)),
      3000,
    );
  }
}

describeAsRoot("a node with a stdio port", function () {
  this.timeout(20_000);
  const bed = new TestBed();
  let filters: Filter[] = [];
  afterEach(async function () {
    for (const filter of filters) filter.process.kill("SIGKILL");
    if (this.currentTest?.state === "failed") for (const filter of filters) console.error(filter.log);
    filters = [];
    await bed.close(this.currentTest?.state === "failed");
  });

  function lay(names: string[], modes: Record<string, string>): MeshUnderTest {
    return bed.prepare(lan(names), {
      adjust: (config) => {
        const mode = modes[config.nodeName];
        if (mode === undefined) return;
        config.interface = { iType: "stdio", macAddrPrefix: "02:EE:00:00", l2HeaderMode: mode };
      },
    });
  }

  async function start(edge: Edge): Promise<Filter> {
    const filter = new Filter(edge);
    filters.push(filter);
    await eventually(
      `started: ${filter.log}`,
      () => /ready/.test(filter.log) || filter.process.exitCode !== null,
    );
    return filter;
  }

  /** s with a pipe for frames as they are, t with a TAP, and a link between them. */
  async function pair(): Promise<{ s: Edge; t: Edge; one: Filter; lab: MeshUnderTest["lab"] }> {
    const { mesh, lab } = lay(["s", "t"], { s: "nochg" });
    const [s, t] = [mesh.edge("s"), mesh.edge("t")];
    await t.start();
    const one = await start(s);
    await one.ready();
    return { s, t, one, lab };
  }

  it("passes whole frames (nochg) to another and to a TAP, byte for byte, 14 bytes and 1514 bytes", async () => {
    const { mesh } = lay(["s", "t", "u"], { s: "nochg", u: "nochg" });
    const [s, t, u] = [mesh.edge("s"), mesh.edge("t"), mesh.edge("u")];
    await t.start();
    const [one, two] = [await start(s), await start(u)];
    await Promise.all([one.ready(), two.ready()]);
    const tap = await FrameSocket.open(t.node, "ov");
    const short = Buffer.concat([BROADCAST, mac(s), Buffer.from([0x88, 0xb5])]);
    const long = Buffer.concat([short, Buffer.alloc(1350, 0x5a)]);
    one.write(short);
    await tap.waitFor((frame) => frame.equals(short));
    await two.reads(short);
    one.write(long);
    await tap.waitFor((frame) => frame.equals(long));
    await two.reads(long);
    const back = Buffer.concat([mac(s), mac(t), PAYLOAD]);
    tap.send(back);
    await one.reads(back);
    // Unicast to s, whose MAC was learned: u does not see it.
    assert.ok(!two.output.some((chunk) => chunk.equals(back)));
  });

  it("makes frames of letters and text (kbdbg) and the reverse", async () => {
    const { mesh } = lay(["s", "t", "u"], { s: "kbdbg", u: "kbdbg" });
    const [s, t, u] = [mesh.edge("s"), mesh.edge("t"), mesh.edge("u")];
    await t.start();
    const [one, two] = [await start(s), await start(u)];
    await Promise.all([one.ready(), two.ready()]);
    const tap = await FrameSocket.open(t.node, "ov");
    const address = (digit: number): Buffer => Buffer.from([0xaa, 0xbb, 0xcc, 0xdd, 0xee, digit]);
    one.write(Buffer.from("b1"), PAYLOAD);
    await tap.waitFor((frame) => frame.equals(Buffer.concat([BROADCAST, address(1), PAYLOAD])));
    await two.reads(Buffer.concat([Buffer.from("b1"), PAYLOAD]));
    two.write(Buffer.from("12"), PAYLOAD);
    await one.reads(Buffer.concat([Buffer.from("12"), PAYLOAD]));
    tap.send(Buffer.concat([address(2), mac(t), PAYLOAD]));
    await two.reads(Buffer.concat([Buffer.from("2"), Buffer.from([(t.id + 48) & 0xff]), PAYLOAD]));
  });

  it("adds and takes off the addresses (noL2)", async () => {
    const { mesh } = lay(["s", "t"], { s: "noL2" });
    const [s, t] = [mesh.edge("s"), mesh.edge("t")];
    await t.start();
    const one = await start(s);
    await one.ready();
    const tap = await FrameSocket.open(t.node, "ov");
    one.write(PAYLOAD);
    await tap.waitFor((frame) => frame.equals(Buffer.concat([BROADCAST, mac(s), PAYLOAD])));
    tap.send(Buffer.concat([mac(s), mac(t), PAYLOAD]));
    await one.reads(PAYLOAD);
  });

  it("ends with its input, exit code 0, having told its peers", async () => {
    const { s, t, one, lab } = await pair();
    const last = Buffer.concat([BROADCAST, mac(s), PAYLOAD]);
    const tap = await FrameSocket.open(t.node, "ov");
    // What was written before the end still arrives.
    one.process.stdin?.end(last);
    assert.deepEqual(await one.exited, { code: 0, signal: null });
    await t.child.waitFor(/peer said goodbye node=1/, 1000);
    await tap.waitFor((frame) => frame.equals(last));
    await tap.close();
    await t.stop();
    assert.deepEqual(leftovers(lab), []);
  });

  it("ends by SIGINT with exit code 0, whatever comes in meanwhile", async () => {
    const { s, t, one, lab } = await pair();
    const flood = setInterval(() => one.write(Buffer.concat([BROADCAST, mac(s), PAYLOAD])), 1);
    one.process.stdin?.on("error", () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    one.process.kill("SIGINT");
    assert.deepEqual(await one.exited, { code: 0, signal: null });
    clearInterval(flood);
    assert.doesNotMatch(one.log, /Error|error/);
    await t.child.waitFor(/peer said goodbye node=1/, 1000);
    await t.stop();
    assert.deepEqual(leftovers(lab), []);
  });

  it("ends by SIGINT while its reader is stuck", async () => {
    const { t, one, lab } = await pair();
    const tap = await FrameSocket.open(t.node, "ov");
    one.process.stdout?.pause();
    const frame = Buffer.concat([BROADCAST, mac(t), Buffer.from([0x88, 0xb5]), Buffer.alloc(1350)]);
    // More than the pipe and its reader's buffer take.
    for (let i = 0; i < 400; i++) {
      tap.send(frame);
      if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    const ended = new Promise((resolve) => one.process.once("exit", (...how) => resolve(how)));
    one.process.kill("SIGINT");
    assert.deepEqual(await ended, [0, null]);
    await tap.close();
    await t.stop();
    assert.deepEqual(leftovers(lab), []);
  });

  it("ends cleanly when nobody reads its output any more", async () => {
    const { t, one, lab } = await pair();
    const tap = await FrameSocket.open(t.node, "ov");
    one.process.stdout?.destroy();
    for (let i = 0; i < 3; i++) {
      tap.send(Buffer.concat([BROADCAST, mac(t), PAYLOAD]));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.deepEqual(await one.exited, { code: 0, signal: null });
    await t.child.waitFor(/peer said goodbye node=1/, 1000);
    await tap.close();
    await t.stop();
    assert.deepEqual(leftovers(lab), []);
  });

  it("ignores what is no frame and one that is too long", async () => {
    const { s, t, one } = await pair();
    const tap = await FrameSocket.open(t.node, "ov");
    one.write(Buffer.from("short"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    one.write(Buffer.alloc(60_000, 0xff));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const good = Buffer.concat([BROADCAST, mac(s), PAYLOAD]);
    one.write(good);
    await tap.waitFor((frame) => frame.equals(good));
    assert.equal(one.process.exitCode, null);
  });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, afterEach, before, it } from "mocha";
import { TestBed, chain, describeAsRoot, ping, systemNode, waitForPing } from "./harness.ts";

const checkout = join(import.meta.dirname, "../..");
const products = ["dist", "prebuilds"].map((name) => join(checkout, name));

/** Runs a command to its end; the test fails when it fails. */
function run(command: readonly string[], cwd: string): string {
  const [file = "", ...args] = command;
  const result = spawnSync(file, args, { cwd, encoding: "utf8", timeout: 180_000 });
  assert.equal(result.status, 0, `${command.join(" ")}: ${result.error?.message ?? ""}${result.stderr}`);
  return result.stdout;
}

/** An interpreter older than 24: the system's, or where that is a newer one, the present one pretending. */
function olderNode(): string[] {
  const found = systemNode();
  const version = run([found, "-p", "process.versions.node"], checkout);
  if (Number.parseInt(version) < 24) return [found];
  const pretend =
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } })";
  return [found, "--import", `data:text/javascript,${encodeURIComponent(pretend)}`];
}

describeAsRoot("published package", function () {
  this.timeout(60_000);
  const bed = new TestBed();
  const present = products.filter((path) => existsSync(path));
  let folder: string;
  let prefix: string;
  let content: string[];

  const installedFile = (...path: string[]): string => join(prefix, "node_modules", ...path);

  before("packs and installs", function () {
    this.timeout(300_000);
    folder = mkdtempSync(join(tmpdir(), "etherloom-package-"));
    prefix = join(folder, "prefix");
    run(["npm", "--silent", "pack", "--pack-destination", folder], checkout);
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
    content = run(["tar", "-tzf", join(folder, tarball)], folder)
      .split("\n")
      .filter(Boolean);
    run(
      ["npm", "--silent", "install", "--prefix", prefix, "--no-audit", "--no-fund", join(folder, tarball)],
      folder,
    );
  });
  afterEach(function () {
    return bed.close(this.currentTest?.state === "failed");
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
    for (const path of products) {
      if (!present.includes(path)) rmSync(path, { recursive: true, force: true });
    }
  });

  it("holds the program and its documents, and nothing of the workshop", () => {
    const wanted = [
      "README.md",
      "LICENSE",
      "CHANGELOG.md",
      "example.yaml",
      "super.example.yaml",
      "configs/MANUAL.md",
      "edge.js",
    ];
    wanted.push("super.js", "etherloom.js", "src/cli/launch.js", "dist/dataplane/worker.js");
    wanted.push(`prebuilds/linux-${process.arch}/etherloom.node`);
    for (const file of wanted) assert(content.includes(`package/${file}`), `${file} is in the package`);
    const allowed =
      /^package\/(dist\/.*\.js|prebuilds\/.*\.node|configs\/.*|[^/]+\.(js|json|md|yaml)|LICENSE|src\/cli\/launch\.js)$/;
    assert.deepEqual(
      content.filter((file) => !allowed.test(file)),
      [],
    );
  });

  it("installs one command, and no runtime of its own", () => {
    const commands = readdirSync(installedFile(".bin"));
    assert(commands.includes("etherloom"));
    for (const other of ["edge", "super", "node"]) assert(!commands.includes(other), other);
    const { version } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as {
      version: string;
    };
    const output = run([process.execPath, installedFile(".bin/etherloom"), "version"], folder);
    assert.match(output, new RegExp(`^etherloom ${version.replaceAll(".", "\\.")} `));
  });

  it("carries pings between two nodes", async () => {
    const { lab, mesh } = bed.prepare(chain(["a", "b"]));
    const [a, b] = [mesh.edge("a"), mesh.edge("b")];
    for (const edge of mesh.edges) {
      edge.node.spawn(
        [process.execPath, installedFile(".bin/etherloom"), "edge", "--config", edge.configFile],
        {
          cwd: lab.folder,
        },
      );
    }
    await waitForPing(a.node, b.address);
    const result = await ping(a.node, b.address, { count: 10 });
    assert.equal(result.received, 10);
    assert.equal((await b.status()).node.nodeId, b.id);
  });

  const runtime = `node-linux-${process.arch}`;

  /** Under an older Node.js; returns the command that it is told to run. */
  function remedyOf(launcher: string): string {
    const [file = "", ...args] = olderNode();
    const { status, stdout, stderr } = spawnSync(file, [...args, launcher, "edge", "--example"], {
      encoding: "utf8",
    });
    assert.equal(stdout, "");
    assert.equal(status, 2);
    const told = /^etherloom: Node\.js 24 or newer is needed.* \((.*) brings one\) \[EL_RUNTIME\]\n$/.exec(
      stderr,
    );
    return told?.[1] ?? assert.fail(stderr);
  }

  /** Once the runtime of the checkout stands among the packages in `modules`. */
  function exampleUnderOlderNode(modules: string): string {
    symlinkSync(join(checkout, "node_modules", runtime), join(modules, runtime));
    return run([...olderNode(), join(modules, "etherloom/edge.js"), "--example"], dirname(prefix));
  }

  it("says in one line that an older Node.js does not do, and runs once a runtime is installed beside it", () => {
    assert.equal(remedyOf(installedFile(".bin/etherloom")), `npm install ${runtime}@24`);
    assert.match(exampleUnderOlderNode(installedFile()), /^nodeId: 1$/m);
  });

  it("does the same where it is installed for all, which is another command", () => {
    // What npm install -g makes of it: beside the packages there is no package.json.
    const modules = join(folder, "global/lib/node_modules");
    cpSync(installedFile(), modules, { recursive: true, filter: (path) => !path.endsWith(runtime) });
    assert.equal(
      remedyOf(join(modules, "etherloom/etherloom.js")),
      `npm install -g --no-bin-links ${runtime}@24`,
    );
    assert.match(exampleUnderOlderNode(modules), /^nodeId: 1$/m);
  });
});

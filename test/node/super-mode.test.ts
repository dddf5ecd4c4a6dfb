import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, it } from "mocha";
import type { ControlStatus, StatusDocument } from "../../src/api/status-model.ts";
import { parseEdgeConfig } from "../../src/config/edge-config.ts";
import { encodeKey, publicKeyOf } from "../../src/config/key-text.ts";
import { parseSuperConfig, type SuperConfig } from "../../src/config/super-config.ts";
import { freePort } from "../../src/control/listen.ts";
import { loadAddon } from "../../src/native/addon.ts";
import { createLog } from "../../src/node/log.ts";
import { MemberNode } from "../../src/node/member-node.ts";
import type { NodeEnvironment } from "../../src/node/node-core.ts";
import { addonPath } from "../../src/node/paths.ts";
import { StateDir } from "../../src/node/state-dir.ts";
import { buildStatus } from "../../src/node/status-builder.ts";
import { SuperNode } from "../../src/node/super-node.ts";
import { SUPER_NODE_ID } from "../../src/wire/node-id.ts";
import { eventually, withDirectory } from "../api/temporary-directory.ts";

const keyText = (byte: number): string => encodeKey(new Uint8Array(32).fill(byte));
const pubKeyText = (byte: number): string => encodeKey(publicKeyOf(new Uint8Array(32).fill(byte)));

function environment(directory: string, name: string): NodeEnvironment {
  return {
    addon: loadAddon(addonPath()),
    state: new StateDir(join(directory, name), (error) => assert.fail(error)),
    log: createLog("silent"),
    plainSockets: false,
    onFailure: (error) => assert.fail(error),
    onFrame: () => true,
  };
}

interface Place {
  listenPort: number;
  controlPort: number;
  /** What its key is made of. */
  key: number;
}

function superConfig(
  { listenPort, controlPort, key }: Place,
  peers: object[],
  more: object = {},
): SuperConfig {
  const file = {
    ...{ nodeName: "sn", privKey: keyText(key), listenPort, controlPort, stateDir: "/nowhere", peers },
    ...{ bind: { ipv4: "127.0.0.1", ipv6: false }, allowLoopback: true },
    ...more,
  };
  return parseSuperConfig("super.yaml", JSON.stringify(file));
}

function edge(
  directory: string,
  nodeId: number,
  supers: Place | readonly Place[],
  psKey?: string,
  more: object = {},
): MemberNode {
  const superNode = {
    useSuperNode: true,
    supers: [supers].flat().map(({ listenPort, controlPort, key }) => ({
      endpoint: `127.0.0.1:${listenPort}`,
      control: `127.0.0.1:${controlPort}`,
      pubKey: pubKeyText(key),
      ...(psKey !== undefined && { psKey }),
    })),
  };
  const file = {
    ...{ nodeId, nodeName: `n${nodeId}`, privKey: keyText(10 + nodeId), listenPort: 0, stateDir: "/nowhere" },
    ...{ bind: { ipv4: "127.0.0.1", ipv6: false }, allowLoopback: true, interface: { itype: "dummy" } },
    dynamicRoute: { superNode },
    ...more,
  };
  const config = parseEdgeConfig("edge.yaml", JSON.stringify(file));
  return new MemberNode(config, environment(directory, `n${nodeId}`));
}

const member = (nodeId: number, more: object = {}): object => ({
  ...{ nodeId, name: `n${nodeId}`, pubKey: pubKeyText(10 + nodeId) },
  ...more,
});

async function bound(port: number): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

async function freePorts(key = 1): Promise<Place> {
  const listenPort = await freePort();
  let controlPort = await freePort();
  while (controlPort === listenPort) controlPort = await freePort();
  return { listenPort, controlPort, key };
}

describe("nodes in super mode", function () {
  this.timeout(30_000);
  const running: { stop(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const node of running.splice(0)) await node.stop();
  });
  const started = async <Node extends SuperNode | MemberNode>(node: Node): Promise<Node> => {
    running.push(node);
    await node.start();
    return node;
  };

  const startSuper = (directory: string, place: Place): Promise<SuperNode> => {
    const config = superConfig(place, [member(1), member(2), member(3)]);
    return started(new SuperNode(config, environment(directory, `sn${place.key}`)));
  };

  it("leave no socket open when a supernode's control port is taken, and say which one", () =>
    withDirectory(async (directory) => {
      const taken = createServer();
      await once(taken.listen(0, "127.0.0.1"), "listening");
      const controlPort = (taken.address() as AddressInfo).port;
      const place = { ...(await freePorts()), controlPort };
      const node = new SuperNode(superConfig(place, []), environment(directory, "sn"));
      try {
        await assert.rejects(node.start(), {
          code: "EL_LISTEN_IN_USE",
          message: new RegExp(`^TCP 127\\.0\\.0\\.1:${controlPort} is in use`),
        });
      } finally {
        await node.stop();
        taken.close();
      }
      (await bound(place.listenPort)).close();
      (await bound(controlPort)).close();
    }));

  it("start without their supernode, say so when asked, and stop while they are connecting", () =>
    withDirectory(async (directory) => {
      const node = edge(directory, 1, await freePorts());
      await node.start();
      const about = async (name: string): Promise<unknown> =>
        node.answer({ kind: "why", node: name, from: undefined });
      assert.deepEqual(await about("n2"), { error: "no node n2 is known here" });
      assert.deepEqual(await about("n1"), { error: "n1 is this node" });
      const before = performance.now();
      await node.stop();
      assert.ok(performance.now() - before < 3000);
    }));

  it("are told where another supernode sees a node that obeys that one", () =>
    withDirectory(async (directory) => {
      const [first, second] = [await freePorts(1), await freePorts(2)];
      await startSuper(directory, first);
      // It obeys the first supernode, and has a session with no other.
      const one = await started(edge(directory, 1, [first, second]));
      await eventually(() => (one.core.peers.byNode(SUPER_NODE_ID)?.handshakes ?? 0) > 0);
      const other = await startSuper(directory, second);
      const two = await started(edge(directory, 2, second));
      await eventually(() => one.core.isLinkUp(2) && two.core.isLinkUp(1));
      assert.equal(other.core.peers.byNode(1)?.handshakes, 0);
    }));

  it("turn to the next supernode when theirs is gone: links stay, and who comes is found", () =>
    withDirectory(async (directory) => {
      const [first, second] = [await freePorts(1), await freePorts(2)];
      const gone = await startSuper(directory, first);
      await startSuper(directory, second);
      const one = await started(edge(directory, 1, [first, second]));
      const two = await started(edge(directory, 2, [first, second]));
      const obeyed = (node: MemberNode): string | undefined => {
        const peer = node.core.peers.byNode(SUPER_NODE_ID);
        return peer && peer.handshakes > 0 ? encodeKey(peer.publicKey) : undefined;
      };
      await eventually(() => one.core.isLinkUp(2) && two.core.isLinkUp(1));
      await eventually(() => obeyed(one) === pubKeyText(1) && obeyed(two) === pubKeyText(1));
      const links = [one, two].map(({ core }, i) => core.peers.byNode(2 - i)?.handshakes);
      await gone.stop();
      await eventually(() => obeyed(one) === pubKeyText(2) && obeyed(two) === pubKeyText(2));
      const three = await started(edge(directory, 3, [first, second]));
      await eventually(() => three.core.isLinkUp(1) && three.core.isLinkUp(2));
      assert.ok(one.core.isLinkUp(2) && two.core.isLinkUp(1));
      assert.deepEqual(
        [one, two].map(({ core }, i) => core.peers.byNode(2 - i)?.handshakes),
        links,
      );
    }));

  it("have a supernode that knows nothing of the one before it keep its rows back, if they have some of that one's", () =>
    withDirectory(async (directory) => {
      const place = await freePorts();
      const statusOf = (node: SuperNode): ControlStatus | undefined => {
        const document = { peers: [] } as unknown as StatusDocument;
        node.extendStatus(document);
        return document.control;
      };
      const before = await startSuper(directory, place);
      const edges = [await started(edge(directory, 1, place)), await started(edge(directory, 2, place))];
      // Whoever takes the start of its clock from the second one measures anew, and has no routes for a moment.
      for (const node of edges)
        await eventually(async () => ((await buildStatus(node, false)).clock?.epochs ?? 0) > 1);
      await eventually(() => edges.every(({ routes }) => routes.length > 0));
      assert.equal(statusOf(before)?.settled, true);
      await before.stop();
      const config = superConfig(place, [member(1), member(2), member(3)]);
      const after = await started(new SuperNode(config, environment(directory, "without-state")));
      assert.equal(statusOf(after)?.settled, true);
      await eventually(() => (statusOf(after)?.connected ?? 0) > 0);
      assert.equal(statusOf(after)?.settled, false);
      await eventually(() => statusOf(after)?.settled === true);
      assert.ok(edges.every(({ routes }) => routes.length > 0));
    }));

  it("follow a reload: names, pre-shared keys, and a NodeID that is another node's from now on", () =>
    withDirectory(async (directory) => {
      const ports = await freePorts();
      const node = new SuperNode(
        superConfig(ports, [member(1), member(2), member(3)]),
        environment(directory, "sn"),
      );
      await started(node);
      const one = await started(edge(directory, 1, ports));
      const two = await started(edge(directory, 2, ports, keyText(99)));
      const nameOf = (nodeId: number): string | undefined => one.core.peers.byNode(nodeId)?.name;
      await eventually(() => nameOf(3) === "n3");
      const handshakes = (): number | undefined => node.core.peers.byNode(2)?.handshakes;
      assert.equal(handshakes(), 0, "the file has no pre-shared key for it yet");

      const changed = [
        member(1),
        member(2, { name: "two", psKey: keyText(99), endPoint: "127.0.0.1:9" }),
        member(3, { pubKey: pubKeyText(50) }),
      ];
      assert.deepEqual(node.reload(superConfig(ports, changed)), [
        "member 3 removed",
        "member 2 changed",
        "member 3 added",
      ]);
      await eventually(() => nameOf(2) === "two");
      const third = one.core.peers.byNode(3);
      assert.equal(third && encodeKey(third.publicKey), pubKeyText(50));
      assert.equal(node.core.peers.byNode(2)?.name, "two");
      await eventually(() => (handshakes() ?? 0) > 0);
      await eventually(() => two.core.peers.byNode(3) !== undefined);

      node.reload(superConfig(ports, [member(1), member(2, { name: "two", psKey: keyText(99) })]));
      assert.equal(node.core.peers.byNode(2)?.endPoint, null);
      await eventually(() => nameOf(3) === undefined);
      assert.deepEqual(
        node.reload(superConfig(ports, [member(1), member(2, { name: "two", psKey: keyText(99) })])),
        [],
      );
    }));

  it("tell in status of nothing that the manual does not explain; a supernode, which moves no frames, of no routes", () =>
    withDirectory(async (directory) => {
      const ports = await freePorts();
      const supernode = await startSuper(directory, ports);
      const one = await started(edge(directory, 1, ports));
      await eventually(() => supernode.core.isLinkUp(1) && one.core.isLinkUp(SUPER_NODE_ID));
      const manual = readFileSync(new URL("../../configs/MANUAL.md", import.meta.url), "utf8");
      const { counters, drops, routes, control } = await buildStatus(supernode, false);
      assert.deepEqual(routes, []);
      assert.equal(control?.connected, 1);
      for (const name of Object.keys({ ...counters, ...drops }))
        assert.ok(manual.includes(`\`${name}\``), name);
    }));

  it("name what else a reload changes", () =>
    withDirectory(async (directory) => {
      const ports = await freePorts();
      const node = await started(
        new SuperNode(superConfig(ports, [member(1)]), environment(directory, "sn")),
      );
      const patient = superConfig(ports, [member(1)], { graphRecalculateSetting: { nodeReportTimeout: 90 } });
      assert.deepEqual(node.reload(patient), ["graphRecalculateSetting.nodeReportTimeout 90"]);
      assert.deepEqual(node.reload(patient), []);
    }));

  it("take the rows of the supernode's table where it computes none", () =>
    withDirectory(async (directory) => {
      const ports = await freePorts();
      const nextHopTable = { 1: { 2: 3, 3: 3 }, 2: { 1: 3, 3: 3 }, 3: { 1: 1, 2: 2 } };
      const table = { graphRecalculateSetting: { staticMode: true }, nextHopTable };
      const members = [member(1), member(2), member(3)];
      await started(new SuperNode(superConfig(ports, members, table), environment(directory, "sn")));
      const [one] = [await started(edge(directory, 1, ports)), await started(edge(directory, 2, ports))];
      const hops = (): number[][] =>
        one.routes.map(({ destination, nextHop }) => [destination, nextHop]).sort();
      await eventually(() => hops().length === 2 && one.core.isLinkUp(2));
      assert.deepEqual(hops(), [
        [2, 3],
        [3, 3],
      ]);
    }));

  it("resolve names again as often as the supernode says, unless their own file says how often", () =>
    withDirectory(async (directory) => {
      const ports = await freePorts();
      const config = superConfig(ports, [member(1), member(2)], { resetEndPointInterval: 77 });
      await started(new SuperNode(config, environment(directory, "sn")));
      const own = { resetEndPointInterval: 5 };
      const nodes = [edge(directory, 1, ports), edge(directory, 2, ports, undefined, own)];
      const intervals = nodes.map((node): number[] => {
        const set: number[] = [];
        node.core.setResolveInterval = (seconds): void => void set.push(seconds);
        return set;
      });
      for (const node of nodes) await started(node);
      await eventually(() => nodes.every(({ core }, i) => core.peers.byNode(2 - i) !== undefined));
      assert.ok(intervals[0]?.length && intervals[0].every((seconds) => seconds === 77));
      assert.deepEqual(intervals[1], []);
    }));

  it("tell the others externalIp and the port that they see, and no address within the LAN", () =>
    withDirectory(async (directory) => {
      const ports = await freePorts();
      const hidden = member(2, { externalIp: "127.0.0.2", endPoint: "10.9.9.9:3001" });
      const config = superConfig(ports, [member(1), hidden, member(3)]);
      await started(new SuperNode(config, environment(directory, "sn")));
      const two = await started(edge(directory, 2, ports));
      const one = await started(edge(directory, 1, ports));
      const told = async (): Promise<string[]> => {
        const { links } = await one.core.plane.status(false);
        const candidates = links.find(({ nodeId }) => nodeId === 2)?.candidates ?? [];
        return candidates.filter(({ source }) => source === "told").map(({ address }) => address);
      };
      await eventually(async () => (await told()).includes(`127.0.0.2:${two.core.listenPort}`));
      assert.equal(one.core.peers.byNode(2)?.endPoint, null);
    }));
});

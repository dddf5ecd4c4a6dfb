// What the loopback tests of the super protocol share: servers and edges that record what happens, and a stranger who
// speaks the frames by hand.

import { createSocket, type Socket } from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { FrameDecoder, encodeFrame } from "../../src/control/framing.ts";
import { createHost, multiaddrText } from "../../src/control/host.ts";
import type { TransportName } from "../../src/control/host.ts";
import { libp2pIdentity } from "../../src/control/identity.ts";
import { SNAPSHOT_LIMIT, SUPER_PROTOCOL } from "../../src/control/messages.ts";
import type { HelloFields, Welcome } from "../../src/control/messages.ts";
import { createSuperClient } from "../../src/control/super-client.ts";
import type {
  SuperClient,
  SuperClientOptions,
  SuperNews,
  SuperState,
} from "../../src/control/super-client.ts";
import { createSuperServer } from "../../src/control/super-server.ts";
import type {
  EdgeConnection,
  EdgeNews,
  Refusal,
  SuperServer,
  SuperServerOptions,
} from "../../src/control/super-server.ts";
import { keyPair, seedBytes } from "../noise/fixtures.ts";

export const SUPER_KEY: Uint8Array = seedBytes("supernode");
export const SUPER_PUBLIC: Uint8Array = keyPair("supernode").publicKey.bytes;

export const WELCOME: Welcome = {
  ...{ type: "welcome", protocol: 1, incarnation: 9 },
  parameters: { superNodeInfoTimeoutS: 50, usePskForInterEdge: true, resetEndPointIntervalS: 600 },
};

export function helloOf(nodeId: number, incarnation = 1): HelloFields {
  return {
    ...{
      nodeId,
      name: `n${nodeId}`,
      version: "0.1.0",
      networkTag: "0011223344556677",
      incarnation,
      epoch: 1,
    },
    ...{ endpoints: [], listenPort: 3001, relay: "auto", additionalCostUs: 0 },
  };
}

/** Resolves when `condition` holds. */
export async function until(what: string, condition: () => boolean, withinMs = 8_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for: ${what}`);
    await sleep(5);
  }
}

/** Things to be closed after a test, the last first. */
const open: (() => Promise<void>)[] = [];

export function later(close: () => Promise<void>): void {
  open.push(close);
}

export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).toReversed()) await close();
}

export interface TestServer {
  readonly server: SuperServer;
  readonly edges: EdgeConnection[];
  readonly refusals: Refusal[];
  readonly heard: EdgeNews[];
  readonly closed: string[];
}

/** A supernode that lets everybody in under the NodeID they claim, unless `options` says otherwise. */
export async function superServer(options: Partial<SuperServerOptions> = {}): Promise<TestServer> {
  const seen = {
    ...{ edges: [] as EdgeConnection[], refusals: [] as Refusal[] },
    ...{ heard: [] as EdgeNews[], closed: [] as string[] },
  };
  const server = await createSuperServer({
    ...{ privKey: SUPER_KEY, controlPort: 0 },
    authorize: (_, { nodeId }) => ({ ok: true, nodeId }),
    onEdge: (edge) => {
      seen.edges.push(edge);
      edge.onMessage = (message) => seen.heard.push(message);
      edge.onClose = (reason) => seen.closed.push(reason);
      edge.send(WELCOME);
    },
    onRefused: (refusal) => seen.refusals.push(refusal),
    ...options,
  });
  later(() => server.close());
  return { server, ...seen };
}

export interface TestEdge {
  readonly client: SuperClient;
  readonly welcomes: { index: number; welcome: Welcome }[];
  readonly heard: SuperNews[];
  readonly closed: string[];
  readonly states: SuperState[];
  /** Of the first supernode. */
  state(): SuperState;
}

/** An edge whose key is made from its label. */
export async function edge(
  label: string,
  controls: readonly (string | number)[],
  options: Partial<SuperClientOptions> = {},
): Promise<TestEdge> {
  const seen = {
    ...{ welcomes: [] as TestEdge["welcomes"], heard: [] as SuperNews[] },
    ...{ closed: [] as string[], states: [] as SuperState[] },
  };
  const client = await createSuperClient({
    privKey: seedBytes(label),
    supers: controls.map((control) => ({
      control: typeof control === "number" ? `127.0.0.1:${control}` : control,
      pubKey: SUPER_PUBLIC,
    })),
    hello: () => helloOf(1),
    onConnected: (index, welcome) => seen.welcomes.push({ index, welcome }),
    onMessage: (_, message) => seen.heard.push(message),
    onClosed: (_, reason) => seen.closed.push(reason),
    onState: (_, state) => seen.states.push(state),
    ...options,
  });
  later(() => client.close());
  return { client, ...seen, state: () => client.status()[0]! };
}

/** A libp2p host of nobody's, or with the identity of the key made from `label`. */
export async function hostOf(
  label: string,
  transport: TransportName = "quic",
  listen?: string[],
): Promise<Libp2p> {
  const host = await createHost({
    privateKey: await libp2pIdentity(seedBytes(label)),
    ...{ transports: [transport], maxConnections: 1000, negotiationTimeoutMs: 5_000, maxStreams: 4 },
    ...(listen === undefined ? {} : { listen }),
  });
  later(async () => host.stop());
  return host;
}

export async function dial(
  host: Libp2p,
  port: number,
  transport: TransportName = "quic",
  ip = "127.0.0.1",
): Promise<Connection> {
  return host.dial(multiaddr(multiaddrText(ip, port, transport)), { force: true });
}

export interface UdpGate {
  readonly port: number;
  /** Datagrams of clients that passed. */
  passed: number;
  /** Whether datagrams of clients pass. */
  open: boolean;
  /** Whether the server's pass. */
  answers: boolean;
}

/** A port of loopback whose datagrams reach the server at `port`, and its answers those who sent them, or not. */
export async function udpGate(port: number, own: number = 0): Promise<UdpGate> {
  const front = createSocket("udp4");
  const backs = new Map<string, Socket>();
  await new Promise<void>((resolve) => front.bind(own, "127.0.0.1", resolve));
  const gate: UdpGate = { port: front.address().port, passed: 0, open: true, answers: true };
  front.on("message", (data, from) => {
    if (!gate.open) return;
    const name = `${from.address}:${from.port}`;
    let back = backs.get(name);
    if (back === undefined) {
      back = createSocket("udp4");
      backs.set(name, back);
      back.on("message", (answer) => void (gate.answers && front.send(answer, from.port, from.address)));
    }
    back.send(data, port, "127.0.0.1");
    gate.passed++;
  });
  later(async () => {
    for (const socket of [front, ...backs.values()]) socket.close();
  });
  return gate;
}

/** A stream on which frames are written and read by hand. */
export class Frames {
  readonly frames: Uint8Array[] = [];
  readonly stream: Stream;
  closed = false;

  constructor(stream: Stream) {
    this.stream = stream;
    const decoder = new FrameDecoder(SNAPSHOT_LIMIT);
    stream.addEventListener("message", ({ data }) => {
      decoder.push(data.subarray(), (body) => this.frames.push(Uint8Array.from(body)));
    });
    stream.addEventListener("close", () => (this.closed = true));
    stream.addEventListener("remoteCloseWrite", () => (this.closed = true));
  }

  send(body: Uint8Array): void {
    this.stream.send(encodeFrame(body));
  }

  json(index: number): unknown {
    return JSON.parse(new TextDecoder().decode(this.frames[index]));
  }

  async next(count: number): Promise<void> {
    await until(`frame ${count}`, () => this.frames.length >= count);
  }
}

export async function openFrames(connection: Connection): Promise<Frames> {
  return new Frames(await connection.newStream(SUPER_PROTOCOL));
}

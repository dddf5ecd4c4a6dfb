/**
 * The supernode's side of the super protocol: a libp2p host on QUIC and TCP that serves this protocol only, takes in
 * edges which prove a member's key, and keeps one connection of each. DESIGN §9.
 *
 * ```
 *   connection ─ a place among 64 unproven (32 a prefix), 5 s ─> proof, hello ─ authorize ─> onEdge
 *       └ no place: closed at once            └ reject code ─> onRefused
 * ```
 */
import { randomBytes } from "node:crypto";
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { importPrivateKey } from "../noise/primitives.ts";
import type { KeyPair } from "../noise/primitives.ts";
import { Allowances } from "./allowances.ts";
import { Channel } from "./channel.ts";
import { EdgeSession } from "./edge-session.ts";
import type { EdgeConnection } from "./edge-session.ts";
import { CHALLENGE_SIZE, HELLO_FRAME_LIMIT, HelloResponder } from "./hello.ts";
import { abortConnection, createHost, multiaddrText, parseMultiaddrText } from "./host.ts";
import { libp2pIdentity } from "./identity.ts";
import { anyAddresses, freePort, listenError } from "./listen.ts";
import { SUPER_PROTOCOL } from "./messages.ts";
import type { Hello, RejectCode, SuperMessage } from "./messages.ts";
import { Places, UNPROVEN_MS } from "./places.ts";

export type { EdgeConnection, EdgeNews } from "./edge-session.ts";

const MAX_EDGES = 4096;
/** Connections that are being closed still count for libp2p. */
const SPARE_CONNECTIONS = 256;
/** One for the protocol, one that is being refused. */
const MAX_STREAMS = 2;
const LOOK_MS = 1_000;
/** Goodbyes of a server that stops, ms. */
const STOP_MS = 500;

/** Verdict of the owner on a proven key and the hello that came with it. */
export type Authorization =
  | { readonly ok: true; readonly nodeId: number }
  | { readonly ok: false; readonly code: RejectCode; readonly text: string };

/** One line of the log: fields for a machine, `message` for people. */
export type ControlLog = (
  level: "debug" | "info" | "warn",
  message: string,
  fields?: Record<string, unknown>,
) => void;

export interface Refusal {
  readonly code: RejectCode;
  readonly text: string;
  /** `ip:port` */
  readonly from: string;
  /** Present if it was proven. */
  readonly pubKey?: Uint8Array;
  /** Present if the edge was let in: one message of it was refused, or it was cut off. */
  readonly nodeId?: number;
}

export interface SuperServerOptions {
  /** X25519, 32 bytes. */
  readonly privKey: Uint8Array;
  /** Of QUIC (UDP) and TCP; 0 picks a free one. */
  readonly controlPort: number;
  /** IP addresses; default `["0.0.0.0", "::"]`, the latter where the kernel has IPv6. */
  readonly addresses?: readonly string[];
  readonly networkSecret?: Uint8Array | undefined;
  authorize(pubKey: Uint8Array, hello: Hello): Authorization;
  /** A proven, authorised edge. Set `onMessage` and `onClose` before returning, and send `welcome`. */
  onEdge(edge: EdgeConnection): void;
  /** Called as often as somebody likes to be refused: whoever logs it says repetitions together. */
  onRefused(refusal: Refusal): void;
  /** A message for an edge was too long to be sent. */
  onOversize?(nodeId: number, type: SuperMessage["type"]): void;
  readonly log?: ControlLog | undefined;
}

export interface SuperServerCounters {
  /** Connections that got a place. */
  accepted: number;
  /** Connections turned away because there was no place. */
  crowded: number;
  /** Connections closed because they did not prove themselves in time. */
  late: number;
  /** Places taken now. */
  unproven: number;
  /** Edges now. */
  connected: number;
  /** By code. */
  refused: Record<string, number>;
  malformed: number;
  /** Messages not sent because they are too long; a row that went instead of its changes is none of them. */
  oversize: number;
  slowReaders: number;
  messagesIn: number;
  messagesOut: number;
}

export interface SuperServer {
  readonly port: number;
  readonly peerId: string;
  counters(): Readonly<SuperServerCounters>;
  /** Says goodbye to every edge. */
  close(): Promise<void>;
}

/** @throws ListenError: `code` "EADDRINUSE" | "EACCES" | "EADDRNOTAVAIL" | "EIO", `syscall` "listen" */
export async function createSuperServer(options: SuperServerOptions): Promise<SuperServer> {
  const addresses = options.addresses ?? (await anyAddresses());
  const server = new Server(options, options.controlPort === 0 ? await freePort() : options.controlPort);
  await server.start(addresses);
  return server;
}

class Server implements SuperServer {
  readonly port: number;
  readonly #options: SuperServerOptions;
  readonly #keys: KeyPair;
  readonly #places = new Places();
  readonly #allowances = new Allowances();
  readonly #sessions = new Set<EdgeSession>();
  readonly #edges = new Map<number, EdgeSession>();
  readonly #counters = {
    ...{ malformed: 0, oversize: 0, slowReaders: 0, messagesIn: 0, messagesOut: 0 },
    refused: {} as Record<string, number>,
  };
  #host: Libp2p | undefined;
  #looks: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SuperServerOptions, port: number) {
    this.#options = options;
    this.#keys = importPrivateKey(options.privKey);
    this.port = port;
  }

  get peerId(): string {
    return this.#host!.peerId.toString();
  }

  async start(addresses: readonly string[]): Promise<void> {
    const listen = addresses.flatMap((address) =>
      (["quic", "tcp"] as const).map((transport) => multiaddrText(address, this.port, transport)),
    );
    const privateKey = await libp2pIdentity(this.#options.privKey);
    try {
      this.#host = await createHost({
        privateKey,
        transports: ["quic", "tcp"],
        listen,
        denyInbound: (connection) => this.#closed || !this.#places.enter(connection),
        maxConnections: MAX_EDGES + SPARE_CONNECTIONS,
        // The places' own time is over first.
        negotiationTimeoutMs: 2 * UNPROVEN_MS,
        maxStreams: MAX_STREAMS,
      });
    } catch (error) {
      throw listenError(error, this.port);
    }
    await this.#host.handle(SUPER_PROTOCOL, (stream, connection) => this.#serve(stream, connection), {
      maxInboundStreams: 1,
      maxOutboundStreams: 0,
    });
    this.#looks = setInterval(() => this.#look(), LOOK_MS);
  }

  counters(): SuperServerCounters {
    const refused = { ...this.#counters.refused };
    const now = { unproven: this.#places.taken, connected: this.#edges.size };
    return { ...this.#places.counters, ...this.#counters, refused, ...now };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#looks);
    for (const session of this.#sessions) session.close("stopping", "the supernode stops");
    const deadline = performance.now() + STOP_MS;
    while (this.#host!.getConnections().length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const connection of this.#host!.getConnections()) abortConnection(connection, "stopped");
    await this.#host!.stop();
  }

  #serve(stream: Stream, connection: Connection): void {
    // A connection has one protocol stream in its life: a second one finds no place that is still to be proven.
    if (this.#closed || !this.#places.has(connection)) {
      stream.abort(new Error("not served"));
      return;
    }
    const own = {
      keys: this.#keys,
      peerId: this.peerId,
      challenge: new Uint8Array(randomBytes(CHALLENGE_SIZE)),
      networkSecret: this.#options.networkSecret,
    };
    const responder = new HelloResponder(own, connection.remotePeer.toString());
    const session = new EdgeSession(responder, parseMultiaddrText(connection.remoteAddr.toString()), {
      greet: (_, hello) => this.#greet(session, hello, connection),
      refused: (_, code, text) => this.#refused(session, code, text),
      count: (what) => void (this.#counters[what] += 1),
      oversize: (_, type) => this.#oversize(session, type),
      closed: (_, reason) => this.#gone(session, reason),
    });
    this.#sessions.add(session);
    session.attach(
      new Channel(stream, connection, HELLO_FRAME_LIMIT, {
        onFrame: (body) => session.onFrame(body),
        onBroken: (fault) => session.onBroken(fault),
        onDrain: () => session.onDrain(),
        onClose: (reason) => session.onClosed(reason),
      }),
    );
  }

  #greet(session: EdgeSession, hello: Hello, connection: Connection): void {
    const verdict = this.#options.authorize(session.pubKey, hello);
    if (!verdict.ok) return session.refuse(verdict.code, verdict.text);
    const { nodeId } = verdict;
    const allowance = this.#allowances.of(nodeId);
    if (!allowance.hello(performance.now() * 1000)) return session.refuse("flooded", "it connects too often");
    const older = this.#edges.get(nodeId);
    if (older === undefined && this.#edges.size >= MAX_EDGES) {
      return session.refuse("too-many", `${MAX_EDGES} edges are connected`);
    }
    if (older !== undefined && older.hello.incarnation > hello.incarnation) {
      return session.refuse(
        "duplicate",
        `another process with this key is connected from ${older.remoteAddress}`,
      );
    }
    older?.close("duplicate", `replaced by a connection from ${session.remoteAddress}`);
    this.#edges.set(nodeId, session);
    this.#places.leave(connection);
    session.admit(nodeId, allowance);
    this.#options.onEdge(session);
  }

  #refused(session: EdgeSession, code: RejectCode, text: string): void {
    this.#counters.refused[code] = (this.#counters.refused[code] ?? 0) + 1;
    const pubKey = session.provenKey;
    this.#options.onRefused({
      ...{ code, text, from: session.remoteAddress },
      ...(pubKey === undefined ? {} : { pubKey }),
      ...(session.live ? { nodeId: session.nodeId } : {}),
    });
  }

  #oversize({ nodeId }: EdgeSession, type: SuperMessage["type"]): void {
    // The whole row is sent then.
    if (type === "row-delta") return;
    this.#counters.oversize += 1;
    this.#options.onOversize?.(nodeId, type);
  }

  #gone(session: EdgeSession, reason: string): void {
    this.#sessions.delete(session);
    if (this.#edges.get(session.nodeId) === session) this.#edges.delete(session.nodeId);
    this.#options.log?.("debug", "control connection closed", { from: session.remoteAddress, reason });
  }

  #look(): void {
    for (const session of this.#edges.values()) session.look();
  }
}

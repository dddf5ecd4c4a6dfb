/**
 * An edge's connection to one supernode: dialled, proven, kept alive, and made anew when it ends. DESIGN §9.
 *
 * ```
 *   connecting ──connection──> proving ──welcome──> connected
 *       ^                         │ reject             │ closed, goodbye, 3 pings unanswered
 *       │ 250 ms … 10 s           v                    │
 *       ├─────── 10 s ──────── refused                 │
 *       └──────────────────────────────────────────────┘
 * ```
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "@libp2p/interface";
import type { KeyPair } from "../noise/primitives.ts";
import { Channel } from "./channel.ts";
import { dialControl } from "./dial.ts";
import type { HostOf } from "./dial.ts";
import { CHALLENGE_SIZE, HelloInitiator } from "./hello.ts";
import { abortConnection, parseMultiaddrText } from "./host.ts";
import type { TransportName } from "./host.ts";
import { encodeMessage, parseSuperMessage } from "./message-codec.ts";
import { SNAPSHOT_LIMIT, SUPER_PROTOCOL, SUPER_VERSION } from "./messages.ts";
import type { EdgeMessage, HelloFields, SuperMessage, Welcome } from "./messages.ts";
import type { ControlLog } from "./super-server.ts";

/** Pauses between attempts, ms; each is shortened by up to half at random. */
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 10_000;
/** A connection that held for so long is no failed attempt, ms. */
const HELD_MS = 3_000;
/** A QUIC connection that fell silent sooner may have been cut by something that lets only its start pass, ms. */
const QUIC_TRIED_MS = 60_000;
/** From the connection to the welcome, ms. */
const PROVING_MS = 5_000;
/** Three pings unanswered: the supernode is taken for dead within 8 s. */
const PING_MS = 2_000;
const UNANSWERED_PINGS = 3;
/** For a goodbye to arrive, ms. */
const FAREWELL_MS = 300;
/** Weight of the newest round trip. */
const RTT_WEIGHT = 1 / 4;

/** What a supernode says once it has welcomed us. */
export type SuperNews = Exclude<SuperMessage, { type: "welcome" | "reject" | "ping" | "pong" | "goodbye" }>;

export interface SuperState {
  readonly state: "connecting" | "proving" | "connected" | "refused";
  /**
   * Why it refused, or why the last attempt or connection ended: a code of the supernode's (REJECT_CODES), or
   * `unreachable`, `wrong-key`, `not-proven`, `version`, `timeout`, `closed`, `silent`, `malformed`.
   */
  readonly code?: string | undefined;
  readonly text?: string | undefined;
  /** Since when this state holds, ms since 1970. */
  readonly since: number;
  /** Attempts since the last welcome. */
  readonly attempts: number;
  readonly transport?: "quic" | "tcp" | undefined;
  /** `ip:port` connected to. */
  readonly address?: string | undefined;
  /** Smoothed round trip of the pings. */
  readonly rttMs?: number | undefined;
}

export interface SuperLinkOptions {
  readonly keys: KeyPair;
  readonly peerId: string;
  readonly networkSecret?: Uint8Array | undefined;
  readonly control: string;
  readonly pubKey: Uint8Array;
  readonly hostOf: HostOf;
  hello(): HelloFields;
  onConnected(welcome: Welcome): void;
  onMessage(message: SuperNews): void;
  onClosed(reason: string): void;
  onState(state: SuperState): void;
  readonly log?: ControlLog | undefined;
}

/** How an attempt or a connection ended. `refused`: by the supernode's will, so that haste is of no use. */
interface Ending {
  readonly code: string;
  readonly text: string;
  readonly refused?: boolean;
}

export class SuperLink {
  readonly #options: SuperLinkOptions;
  readonly #stop = new AbortController();
  #state: SuperState = { state: "connecting", since: Date.now(), attempts: 0 };
  #channel: Channel | undefined;
  #initiator: HelloInitiator | undefined;
  #welcomedAt: number | undefined;
  #ending: Ending | undefined;
  /** Code of what the log was told of last, since the last welcome. */
  #toldCode: string | undefined;
  #retry: NodeJS.Timeout | undefined;
  #pause = RETRY_FIRST_MS;
  /** The transport that gets the head start at the next attempt. */
  #first: TransportName = "quic";
  #connectedAt: number | undefined;
  #proving: NodeJS.Timeout | undefined;
  #pings: NodeJS.Timeout | undefined;
  #pingId = 0;
  #pingSentAt = 0;
  #unanswered = 0;

  constructor(options: SuperLinkOptions) {
    this.#options = options;
  }

  get state(): SuperState {
    return this.#state;
  }

  start(): void {
    void this.#attempt();
  }

  send(message: EdgeMessage): boolean {
    if (this.#state.state !== "connected" || this.#channel === undefined) return false;
    const body = encodeMessage(message);
    return body !== undefined && this.#channel.send(body);
  }

  /** Says goodbye and connects no more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#retry);
    const channel = this.#channel;
    if (channel === undefined) return;
    const body = this.#welcomedAt === undefined ? undefined : encodeMessage({ type: "goodbye" });
    if (body === undefined) return channel.abort("stopped");
    // QUIC throws away what was not delivered when it closes, so that is left to the supernode.
    channel.end(body, "stopped");
    await Promise.race([channel.gone, sleep(FAREWELL_MS)]);
  }

  async #attempt(): Promise<void> {
    const { signal } = this.#stop;
    this.#change("connecting", { attempts: this.#state.attempts + 1 });
    let connection: Connection;
    const first = this.#first;
    this.#first = "quic";
    try {
      connection = await dialControl(this.#options.control, this.#options.hostOf, signal, first);
    } catch (error) {
      return this.#over({
        code: "unreachable",
        text: error instanceof Error ? error.message : String(error),
      });
    }
    const remote = parseMultiaddrText(connection.remoteAddr.toString());
    this.#connectedAt = performance.now();
    this.#change("proving", { transport: remote.transport, address: remote.text });
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(PROVING_MS)]);
      const stream = await connection.newStream(SUPER_PROTOCOL, { signal: within });
      this.#channel = new Channel(stream, connection, SNAPSHOT_LIMIT, {
        onFrame: (body) => this.#frame(body),
        onBroken: (fault) => this.#end({ code: "malformed", text: fault }),
        onClose: (reason) => this.#over(this.#ending ?? { code: "closed", text: reason }),
      });
    } catch {
      abortConnection(connection, "no stream");
      return this.#over({ code: "closed", text: "the connection was closed before the proof" });
    }
    const { keys, peerId, networkSecret, pubKey } = this.#options;
    const challenge = new Uint8Array(randomBytes(CHALLENGE_SIZE));
    const remotePeer = connection.remotePeer.toString();
    this.#initiator = new HelloInitiator({ keys, peerId, networkSecret, challenge }, remotePeer, pubKey);
    this.#proving = setTimeout(() => this.#end({ code: "timeout", text: "no welcome in time" }), PROVING_MS);
    this.#channel.send(this.#initiator.opening());
  }

  #frame(body: Uint8Array): void {
    // A message is JSON, an object; a reply begins with its version.
    if (this.#initiator !== undefined && body[0] !== 0x7b) return this.#reply(this.#initiator, body);
    const parsed = parseSuperMessage(body);
    if (!parsed.ok) {
      if (parsed.unknown) return;
      if (this.#welcomedAt === undefined) return this.#end({ code: "malformed", text: parsed.text });
      this.#options.log?.("warn", "malformed message of a supernode ignored", { reason: parsed.text });
      return;
    }
    this.#unanswered = 0;
    this.#message(parsed.message);
  }

  #reply(initiator: HelloInitiator, body: Uint8Array): void {
    const answer = initiator.reply(body);
    if (!answer.ok) return this.#end({ code: answer.code, text: answer.text, refused: true });
    this.#initiator = undefined;
    this.#channel?.send(answer.proof);
    const hello = encodeMessage({ type: "hello", protocol: SUPER_VERSION, ...this.#options.hello() });
    if (hello === undefined) return this.#end({ code: "malformed", text: "our own hello is too long" });
    this.#channel?.send(hello);
  }

  #message(message: SuperMessage): void {
    switch (message.type) {
      case "reject":
      case "goodbye":
        return this.#farewell(message.code ?? "closed", message.text ?? "goodbye", message.type === "reject");
      case "ping":
        this.send({ type: "pong", id: message.id });
        return;
      case "pong":
        if (message.id === this.#pingId) this.#measured(performance.now() - this.#pingSentAt);
        return;
      case "welcome":
        return this.#welcome(message);
      default:
        if (this.#welcomedAt === undefined)
          this.#end({ code: "malformed", text: `${message.type} before welcome` });
        else this.#options.onMessage(message);
    }
  }

  #welcome(welcome: Welcome): void {
    // Only who has proven the pinned key may welcome.
    if (this.#initiator !== undefined)
      return this.#end({ code: "not-proven", text: "a welcome before the proof" });
    if (this.#welcomedAt !== undefined) return;
    if (Math.abs(welcome.protocol - SUPER_VERSION) > 1) {
      const text = `super protocol ${welcome.protocol}, this is ${SUPER_VERSION}`;
      return this.#end({ code: "version", text, refused: true });
    }
    clearTimeout(this.#proving);
    this.#welcomedAt = performance.now();
    this.#change("connected", { attempts: 0, code: undefined, text: undefined });
    this.#unanswered = 0;
    this.#toldCode = undefined;
    this.#pings = setInterval(() => this.#ping(), PING_MS);
    this.#ping();
    this.#options.onConnected(welcome);
  }

  #farewell(code: string, text: string, reject: boolean): void {
    const refused = reject || !(code === "closed" || code === "stopping");
    // Before the proof anybody may have said it.
    this.#end({ code, text: this.#initiator === undefined ? text : `not proven, says: ${text}`, refused });
  }

  #ping(): void {
    if (this.#unanswered >= UNANSWERED_PINGS) {
      return this.#end({ code: "silent", text: `${UNANSWERED_PINGS} pings unanswered` });
    }
    this.#unanswered += 1;
    this.#pingId = (this.#pingId + 1) >>> 0;
    this.#pingSentAt = performance.now();
    this.send({ type: "ping", id: this.#pingId });
  }

  #measured(rttMs: number): void {
    const before = this.#state.rttMs ?? rttMs;
    this.#state = { ...this.#state, rttMs: before + (rttMs - before) * RTT_WEIGHT };
  }

  /** End the connection; what follows comes by the channel's `onClose`. */
  #end(ending: Ending): void {
    this.#ending = ending;
    this.#channel?.abort(ending.text);
  }

  /** An attempt or a connection is over. */
  #over(ending: Ending): void {
    const welcomedAt = this.#welcomedAt;
    clearTimeout(this.#proving);
    clearInterval(this.#pings);
    this.#channel = this.#initiator = this.#welcomedAt = this.#ending = undefined;
    if (welcomedAt !== undefined) this.#options.onClosed(ending.text);
    if (this.#stop.signal.aborted) return;
    const { code, text } = ending;
    if (this.#quicFailed(code)) this.#first = "tcp";
    this.#connectedAt = undefined;
    const held = welcomedAt !== undefined && performance.now() - welcomedAt >= HELD_MS;
    if (held) this.#pause = RETRY_FIRST_MS;
    const pause = ending.refused === true ? RETRY_MAX_MS : this.#pause;
    if (ending.refused !== true) this.#pause = Math.min(2 * this.#pause, RETRY_MAX_MS);
    const gone = { transport: undefined, address: undefined, rttMs: undefined };
    this.#state = { ...this.#state, ...gone };
    this.#change(ending.refused === true ? "refused" : "connecting", { code, text });
    this.#tell(ending);
    this.#retry = setTimeout(() => void this.#attempt(), pause * (1 - Math.random() / 2));
  }

  /** For a supernode that is away, and not the path, one attempt by TCP is none too many. */
  #quicFailed(code: string): boolean {
    const wasShort = performance.now() - (this.#connectedAt ?? -Infinity) < QUIC_TRIED_MS;
    return this.#state.transport === "quic" && wasShort && ["silent", "timeout", "closed"].includes(code);
  }

  /** In the log, but not again with every attempt: `status` has it all the time. */
  #tell({ code, text, refused }: Ending): void {
    if (code === this.#toldCode) return;
    this.#toldCode = code;
    const { control, log } = this.#options;
    log?.(refused === true ? "warn" : "info", "no control connection to the supernode", {
      control,
      code,
      text,
    });
  }

  /** What a refusal said stays visible while it is tried again, until there is another answer. */
  #change(state: SuperState["state"], news: Partial<SuperState>): void {
    const before = this.#state;
    const trying = before.state === "refused" && news.code === undefined && state !== "connected";
    const next = trying ? "refused" : state;
    this.#state = {
      ...before,
      ...news,
      state: next,
      since: next === before.state ? before.since : Date.now(),
    };
    if (next !== before.state || this.#state.code !== before.code) this.#options.onState(this.#state);
  }
}

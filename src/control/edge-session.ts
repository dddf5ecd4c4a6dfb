/**
 * One edge's connection as its supernode sees it. DESIGN §9.
 *
 * ```
 *   opening ──opening──> proving ──proof──> greeting ──hello──> live
 *      └─────────────────────┴── anything else: reject ──┘        └── goodbye, silence, flood, malformed
 * ```
 */
import type { Allowance } from "./allowances.ts";
import type { Channel } from "./channel.ts";
import type { HelloResponder } from "./hello.ts";
import { encodeMessage, parseEdgeMessage } from "./message-codec.ts";
import { MESSAGE_LIMIT, SNAPSHOT_LIMIT, SUPER_VERSION } from "./messages.ts";
import type { EdgeMessage, Hello, RejectCode, SuperMessage } from "./messages.ts";

/** An edge that was silent at so many looks in a row is gone; it asks for a pong every 2 s. */
const SILENT_LOOKS = 8;

export interface EdgeConnection {
  readonly nodeId: number;
  /** X25519, proven. */
  readonly pubKey: Uint8Array;
  readonly hello: Hello;
  /** `ip:port` of the control connection (not of the UDP session). */
  readonly remoteAddress: string;
  readonly transport: "quic" | "tcp";
  /** False: closed, or the message is too long, or the edge does not read and was cut off. */
  send(message: SuperMessage): boolean;
  /** Bytes that wait for the edge to read. */
  readonly queued: number;
  /** Nothing waits any more. */
  onDrain: () => void;
  /** Never called with hello, ping, pong, goodbye. */
  onMessage: (message: EdgeNews) => void;
  onClose: (reason: string) => void;
  /** Says goodbye. */
  close(code?: RejectCode, text?: string): void;
}

/** What an edge says once it is welcome. */
export type EdgeNews = Exclude<EdgeMessage, { type: "hello" | "ping" | "pong" | "goodbye" }>;

/** What the server does for its sessions. */
export interface EdgeSessionOwner {
  /** The key is proven: may this edge come in? */
  greet(session: EdgeSession, hello: Hello): void;
  refused(session: EdgeSession, code: RejectCode, text: string): void;
  /** A message in or out, for the counters. */
  count(what: "messagesIn" | "messagesOut" | "malformed" | "slowReaders"): void;
  /** A message was too long to be sent. */
  oversize(session: EdgeSession, type: SuperMessage["type"]): void;
  closed(session: EdgeSession, reason: string): void;
}

export class EdgeSession implements EdgeConnection {
  readonly remoteAddress: string;
  readonly transport: "quic" | "tcp";
  onDrain: () => void = () => {};
  onMessage: (message: EdgeNews) => void = () => {};
  onClose: (reason: string) => void = () => {};
  readonly #owner: EdgeSessionOwner;
  readonly #responder: HelloResponder;
  #channel: Channel | undefined;
  #state: "opening" | "proving" | "greeting" | "live" | "closed" = "opening";
  #nodeId = -1;
  #allowance: Allowance | undefined;
  #pubKey: Uint8Array | undefined;
  #hello: Hello | undefined;
  #silentLooks = 0;

  constructor(
    responder: HelloResponder,
    remote: { readonly text: string; readonly transport: "quic" | "tcp" },
    owner: EdgeSessionOwner,
  ) {
    this.#responder = responder;
    this.remoteAddress = remote.text;
    this.transport = remote.transport;
    this.#owner = owner;
  }

  /** The channel calls `onFrame`, `onBroken` and `onClosed`; its limit is HELLO_FRAME_LIMIT so far. */
  attach(channel: Channel): void {
    this.#channel = channel;
  }

  get nodeId(): number {
    return this.#nodeId;
  }

  get pubKey(): Uint8Array {
    return this.#pubKey ?? new Uint8Array(0);
  }

  /** The key, once it is proven. */
  get provenKey(): Uint8Array | undefined {
    return this.#pubKey;
  }

  get hello(): Hello {
    if (this.#hello === undefined) throw new Error("no hello yet");
    return this.#hello;
  }

  get queued(): number {
    return this.#channel?.queued ?? 0;
  }

  get live(): boolean {
    return this.#state === "live";
  }

  /** The server's yes to `greet`. */
  admit(nodeId: number, allowance: Allowance): void {
    this.#nodeId = nodeId;
    this.#allowance = allowance;
    if (this.#channel !== undefined) this.#channel.limit = SNAPSHOT_LIMIT;
    this.#state = "live";
  }

  send(message: SuperMessage): boolean {
    if (this.#state === "closed" || this.#channel === undefined) return false;
    const body = encodeMessage(message);
    if (body === undefined) {
      this.#owner.oversize(this, message.type);
      return false;
    }
    this.#owner.count("messagesOut");
    return this.#channel.send(body);
  }

  /** Send the edge away; it learns why. */
  refuse(code: RejectCode, text: string): void {
    if (this.#state === "closed") return;
    const live = this.#state === "live";
    this.#owner.refused(this, code, text);
    this.#end(live ? { type: "goodbye", code, text } : { type: "reject", code, text }, `${code}: ${text}`);
  }

  close(code?: RejectCode, text?: string): void {
    if (this.#state === "closed") return;
    this.#end({ type: "goodbye", code, text }, text ?? code ?? "closed");
  }

  /** To be called once a second: a silent edge is let go. Counts looks, not time, so that a pause of ours is not held against it. */
  look(): void {
    this.#silentLooks += 1;
    if (this.live && this.#silentLooks > SILENT_LOOKS) this.#channel?.abort("nothing heard");
  }

  onFrame(body: Uint8Array): void {
    this.#silentLooks = 0;
    switch (this.#state) {
      case "opening": {
        const answer = this.#responder.opening(body);
        if (!answer.ok) return this.#refuseHello(answer);
        this.#state = "proving";
        this.#channel?.send(answer.reply);
        return;
      }
      case "proving": {
        const verdict = this.#responder.proof(body);
        if (!verdict.ok) return this.#refuseHello(verdict);
        this.#pubKey = verdict.key;
        this.#state = "greeting";
        if (this.#channel !== undefined) this.#channel.limit = MESSAGE_LIMIT;
        return;
      }
      case "greeting":
        return this.#greeting(body);
      case "live":
        return this.#live(body);
      case "closed":
        return;
    }
  }

  onBroken(fault: string): void {
    this.#malformed(fault);
  }

  onClosed(reason: string): void {
    if (this.#state === "closed") return;
    const live = this.#state === "live";
    this.#state = "closed";
    if (this.#channel?.slow === true) this.#owner.count("slowReaders");
    this.#owner.closed(this, reason);
    if (live) this.onClose(reason);
  }

  #greeting(body: Uint8Array): void {
    const parsed = parseEdgeMessage(body);
    if (!parsed.ok) return this.#malformed(parsed.text);
    if (parsed.message.type !== "hello") return this.#malformed(`${parsed.message.type} before hello`);
    if (Math.abs(parsed.message.protocol - SUPER_VERSION) > 1) {
      return this.refuse("version", `super protocol ${parsed.message.protocol}, this is ${SUPER_VERSION}`);
    }
    this.#hello = parsed.message;
    this.#owner.greet(this, parsed.message);
  }

  #live(body: Uint8Array): void {
    this.#owner.count("messagesIn");
    const nowUs = performance.now() * 1000;
    if (this.#allowance?.bytes(nowUs, body.length) !== true) return this.#flooded();
    const parsed = parseEdgeMessage(body);
    if (!parsed.ok) {
      // A newer edge may say what we do not know; what we know and it says wrongly is not done, and counted.
      if (!parsed.unknown) this.#drop(parsed.text);
      return;
    }
    const { message } = parsed;
    if (!this.#allowance.message(nowUs, message)) return this.#flooded();
    switch (message.type) {
      case "hello":
        return this.#drop("a second hello");
      case "ping":
        this.send({ type: "pong", id: message.id });
        return;
      case "pong":
        return;
      case "goodbye":
        this.#channel?.abort(message.text ?? message.code ?? "goodbye");
        return;
      default:
        this.onMessage(message);
    }
  }

  #flooded(): void {
    this.refuse("flooded", "too many messages");
  }

  #refuseHello(fault: { readonly code: string; readonly text: string }): void {
    this.refuse(fault.code === "version" ? "version" : "not-proven", fault.text);
  }

  /** Without a member behind it, or without frames, there is nothing to go on with. */
  #malformed(text: string): void {
    this.#owner.count("malformed");
    this.refuse("malformed", text);
  }

  #drop(text: string): void {
    this.#owner.count("malformed");
    this.#owner.refused(this, "malformed", text);
  }

  #end(message: SuperMessage, reason: string): void {
    const body = encodeMessage(message);
    if (body === undefined || this.#channel === undefined) this.#channel?.abort(reason);
    else this.#channel.end(body, reason);
  }
}

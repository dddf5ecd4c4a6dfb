/**
 * Sessions of this node: one {@link SessionCore} a peer, fed with handshakes, time and what the data plane saw; its
 * actions become datagrams and keypairs. DESIGN §6.
 */
import { randomBytes, randomInt } from "node:crypto";
import type { FromWorker } from "../dataplane/messages.ts";
import { readInitiation, type ReadInitiation } from "../noise/handshake.ts";
import type { KeyPair, Mac } from "../noise/primitives.ts";
import { SessionCore, type SessionAction, type SessionEvent } from "../noise/session-core.ts";
import { DEFAULT_TIMERS, type SessionTimers } from "../noise/timers.ts";
import type { TimestampSource } from "../noise/timestamp.ts";
import { VainCalls } from "../noise/vain-calls.ts";
import {
  handshakeType,
  MESSAGE_COOKIE_REPLY,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  parseCookieReply,
  parseResponse,
} from "../wire/handshake.ts";
import { HANDSHAKE_DROPS, handshakeDropName, type HandshakeDropReason } from "./handshake-drops.ts";
import { HandshakeGate, type HandshakeSource } from "./handshake-gate.ts";
import type { Peer, PeerTable } from "./peer.ts";
import type { PlaneClient } from "./plane-client.ts";

export interface SessionManagerOptions {
  readonly keys: KeyPair;
  readonly publicKey: Uint8Array;
  readonly nodeId: number;
  readonly networkTag: Uint8Array;
  readonly aeadBits: number;
  readonly mac: Mac;
  readonly timers: Partial<SessionTimers>;
  readonly timestamps: TimestampSource;
  /** ms of the mesh clock, the data plane's. */
  readonly now: () => number;
  readonly peers: PeerTable;
  readonly plane: PlaneClient;
  /** An initiation came from a key that no peer has. */
  readonly onStranger: (nodeId: number, publicKey: Uint8Array) => void;
  readonly onEstablished: (peer: Peer) => void;
}

/** A node behind a relay that nobody has wanted for this long is not called any more. */
const FORGET_UNWANTED_MS = 30_000;
const FAR_DEADLINE_MS = 1000;

export class SessionManager {
  readonly #options: SessionManagerOptions;
  readonly #gate: HandshakeGate;
  readonly #indexOwner: Map<number, Peer> = new Map();
  readonly #drops: Map<HandshakeDropReason, number> = new Map();
  readonly #vainCalls: VainCalls;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: SessionManagerOptions) {
    this.#options = options;
    this.#vainCalls = new VainCalls(options.timers.retrySpacing ?? DEFAULT_TIMERS.retrySpacing);
    this.#gate = new HandshakeGate(options.mac, options.publicKey);
  }

  /** The core of a peer to be; its indices belong to the peer that `owner` returns. */
  createCore(
    nodeId: number,
    publicKey: Uint8Array,
    psk: Uint8Array | null,
    owner: () => Peer | undefined,
  ): SessionCore {
    const { keys, publicKey: localStaticPublic, nodeId: localNodeId } = this.#options;
    const { networkTag, aeadBits, mac, timestamps, timers } = this.#options;
    return new SessionCore({
      localStaticPrivate: keys,
      localStaticPublic,
      remoteStaticPublic: publicKey,
      psk: psk ?? undefined,
      localNodeId,
      remoteNodeId: nodeId,
      networkTag,
      aeadBits,
      mac,
      timestamps,
      timers,
      vainCalls: this.#vainCalls,
      allocateIndex: () => this.#allocate(owner),
      releaseIndex: (index) => this.#indexOwner.delete(index),
    });
  }

  /** A session with this peer is wanted. */
  open(peer: Peer): void {
    peer.wantedAtMs = this.#options.now();
    if (peer.opened && !peer.core.handshaking) return;
    peer.opened = true;
    this.feed(peer, { type: "open", wallMs: Date.now() });
  }

  close(peer: Peer): void {
    peer.opened = false;
    this.feed(peer, { type: "close" });
  }

  /** This node can be heard again: whoever it calls may answer now. */
  hope(): void {
    for (const peer of this.#options.peers) this.#step(peer, { type: "hope" });
    this.#schedule();
  }

  setPsk(peer: Peer, psk: Uint8Array | null): void {
    peer.psk = psk;
    this.feed(peer, { type: "psk", psk: psk ?? undefined, wallMs: Date.now() });
  }

  /** A handshake message that passed mac1. */
  handshake(message: Extract<FromWorker, { type: "handshake" }>): void {
    const { datagram, address, hop, source: node } = message;
    const source: HandshakeSource = { address, hop, node };
    const type = handshakeType(datagram);
    if (type === MESSAGE_COOKIE_REPLY) return this.#cookie(datagram);
    const verdict = this.#gate.judge(this.#options.now(), datagram, source, randomBytes);
    if (verdict.type === "drop") return this.#count(verdict.reason);
    if (verdict.type === "cookie") return this.#reply(source, node, verdict.reply, false);
    if (type === MESSAGE_INITIATION) this.#initiation(datagram, source);
    else if (type === MESSAGE_RESPONSE) this.#response(datagram, source);
  }

  confirmed(localIndex: number): void {
    const peer = this.#indexOwner.get(localIndex);
    if (peer !== undefined) this.feed(peer, { type: "confirmed", localIndex });
  }

  activity(message: Extract<FromWorker, { type: "activity" }>): void {
    const wallMs = Date.now();
    for (const report of message.reports) {
      const peer = this.#options.peers.byNode(report.nodeId);
      if (peer === undefined) continue;
      this.#noteFrames(peer, report.lastFrame, report.unansweredSince);
      this.#step(peer, { type: "activity", wallMs, ...report });
    }
    this.#schedule();
  }

  /** Who sends frames to a peer wants the session, also one that the other end opened and has forgotten since. */
  #noteFrames(peer: Peer, lastFrame: number, unansweredSince: number): void {
    peer.wantedAtMs = Math.max(peer.wantedAtMs, lastFrame);
    if (!peer.opened && unansweredSince !== 0 && lastFrame >= unansweredSince) this.open(peer);
  }

  feed(peer: Peer, event: SessionEvent, source?: HandshakeSource): void {
    this.#step(peer, event, source);
    this.#schedule();
  }

  /** `feed` for many events in a row: the next deadline is looked for once, behind them. */
  #step(peer: Peer, event: SessionEvent, source?: HandshakeSource): void {
    const actions = peer.core.handle(this.#options.now(), event, randomBytes);
    for (const action of actions) this.#act(peer, action, source);
  }

  /** Handshake messages dropped, as `status` names the reasons. */
  drops(): Record<string, number> {
    return Object.fromEntries(
      HANDSHAKE_DROPS.map((reason) => [handshakeDropName(reason), this.#drops.get(reason) ?? 0]),
    );
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #initiation(datagram: Uint8Array, source: HandshakeSource): void {
    const read = readInitiation({ local: this.#options.keys, datagram });
    if (!read.ok) return this.#count(read.reason);
    const initiation = read as ReadInitiation & { ok: true };
    // In transit the source is what the relay says it is; the payload says who it really was.
    if (source.hop >= 0 && initiation.payload.nodeId !== source.node) return this.#count("transit-source");
    const peer = this.#options.peers.byKey(initiation.remoteStatic);
    if (peer === undefined) {
      this.#count("unknown-key");
      this.#options.onStranger(initiation.payload.nodeId, initiation.remoteStatic);
      return;
    }
    this.feed(peer, { type: "initiation", message: initiation }, source);
  }

  #response(datagram: Uint8Array, source: HandshakeSource): void {
    const index = parseResponse(datagram)?.receiverIndex;
    const peer = index === undefined ? undefined : this.#indexOwner.get(index);
    if (peer === undefined) return this.#count("unknown-index");
    if (source.hop >= 0 && source.node !== peer.nodeId) return this.#count("transit-source");
    this.feed(peer, { type: "response", datagram });
  }

  #cookie(datagram: Uint8Array): void {
    const index = parseCookieReply(datagram)?.receiverIndex;
    const peer = index === undefined ? undefined : this.#indexOwner.get(index);
    if (peer === undefined) return this.#count("unknown-index");
    this.feed(peer, { type: "cookie", datagram });
  }

  #act(peer: Peer, action: SessionAction, source: HandshakeSource | undefined): void {
    const { plane } = this.#options;
    switch (action.type) {
      case "send":
        if (source === undefined) {
          plane.post({ type: "handshake", nodeId: peer.nodeId, datagram: action.datagram });
        } else this.#reply(source, peer.nodeId, action.datagram, true);
        return;
      case "install": {
        const { localIndex, remoteIndex, sendKey, receiveKey, aead } = action;
        peer.aead = aead;
        if (action.initiator) this.#initiated.add(localIndex);
        plane.post({
          type: "install",
          nodeId: peer.nodeId,
          localIndex,
          remoteIndex,
          aead,
          sendKey,
          receiveKey,
        });
        return;
      }
      case "use":
        plane.post({
          type: "use",
          localIndex: action.localIndex,
          announce: this.#initiated.delete(action.localIndex),
        });
        return;
      case "remove":
        this.#initiated.delete(action.localIndex);
        plane.post({ type: "remove", localIndex: action.localIndex });
        return;
      case "established":
        peer.handshakeAtMs = Date.now();
        peer.handshakes++;
        this.#options.onEstablished(peer);
        return;
      case "drop":
        this.#count(action.reason);
    }
  }

  /** Keypairs of handshakes that this node began and has not used yet. */
  readonly #initiated: Set<number> = new Set();

  #reply({ address, hop }: HandshakeSource, nodeId: number, datagram: Uint8Array, proven: boolean): void {
    this.#options.plane.post({ type: "answer", nodeId, datagram, address, hop, proven });
  }

  #allocate(owner: () => Peer | undefined): number {
    let index: number;
    do index = randomInt(1, 2 ** 32 - 1);
    while (this.#indexOwner.has(index));
    const peer = owner();
    if (peer !== undefined) this.#indexOwner.set(index, peer);
    return index;
  }

  #count(reason: HandshakeDropReason): void {
    this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + 1);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    let next = this.#options.now() + FAR_DEADLINE_MS;
    for (const peer of this.#options.peers) next = Math.min(next, peer.core.nextDeadline());
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, next - this.#options.now()));
  }

  #tick(): void {
    const now = this.#options.now();
    for (const peer of this.#options.peers) {
      if (
        peer.link < 0 &&
        peer.opened &&
        peer.core.handshaking &&
        !peer.core.established &&
        now - peer.wantedAtMs > FORGET_UNWANTED_MS
      ) {
        this.close(peer);
      }
      if (peer.core.nextDeadline() <= now) this.#step(peer, { type: "tick", wallMs: Date.now() });
    }
    this.#schedule();
  }
}

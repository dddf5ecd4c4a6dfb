// One session with one peer, as a state machine: handshakes, their retransmission, rekeying and expiry.
// It does no I/O: the owner feeds it events and carries out the actions, in the order given.
//
// Owner's part: after `use` of a keypair with `initiator` it makes sure that a record (a probe or an empty
// frame) goes out at once, because the peer may only send when it has one. `nextDeadline()` says when a
// `tick` is due; ticks that come early or late do no harm.

import { AEAD_AES_256_GCM, PROTOCOL_VERSION, parseResponse } from "../wire/handshake.ts";
import type { Aead } from "../wire/handshake.ts";
import { chooseAead, refuseInitiation, refuseResponse } from "./admission.ts";
import { Backoff } from "./backoff.ts";
import { CookieJar } from "./cookie.ts";
import { readResponse, writeInitiation, writeResponse } from "./handshake.ts";
import type { ReadInitiation } from "./handshake.ts";
import type { InitiatorState, SessionKeys } from "./ikpsk2.ts";
import { KeypairRing } from "./keypairs.ts";
import type { Keypair, KeypairChange } from "./keypairs.ts";
import { importPrivateKey, importPublicKey } from "./primitives.ts";
import type { KeyPair, PublicKey } from "./primitives.ts";
import type { SessionAction, SessionConfig, SessionDropReason, SessionEvent } from "./session-events.ts";
import { DEFAULT_TIMERS, INITIATION_SPACING, REJECT_AFTER_RECORDS, REKEY_AFTER_RECORDS } from "./timers.ts";
import type { SessionTimers } from "./timers.ts";
import { TimestampSource, compareTimestamps } from "./timestamp.ts";
import { VainCalls } from "./vain-calls.ts";

export type { SessionAction, SessionConfig, SessionDropReason, SessionEvent } from "./session-events.ts";

type Random = (n: number) => Uint8Array;

interface PendingInitiation {
  readonly localIndex: number;
  readonly state: InitiatorState;
}

const NO_SIGNING_KEY = new Uint8Array(32);
/** ms after the last frame for a silent peer during which it is called more often. */
const WANTED_FOR = 1500;

export class SessionCore {
  readonly #config: SessionConfig;
  readonly #timers: SessionTimers;
  readonly #local: KeyPair;
  readonly #remote: PublicKey;
  readonly #timestamps: TimestampSource;
  readonly #jar: CookieJar;
  readonly #keypairs: KeypairRing;

  #psk: Uint8Array | undefined;
  #wanted = false;
  /** The only initiation whose response is accepted: the peer forgets the ones before it, too. */
  #pending: PendingInitiation | undefined;
  /** Runs while a handshake of ours is going on. */
  readonly #backoff: Backoff;
  #acceptedTimestamp: Uint8Array | undefined;
  #acceptedAt = -Infinity;

  /** Throws RangeError if a key has a wrong size. */
  constructor(config: SessionConfig) {
    this.#config = config;
    this.#timers = { ...DEFAULT_TIMERS, ...config.timers };
    const local = config.localStaticPrivate;
    this.#backoff = new Backoff(this.#timers, config.vainCalls ?? new VainCalls(this.#timers.retrySpacing));
    this.#local = local instanceof Uint8Array ? importPrivateKey(local) : local;
    this.#remote = importPublicKey(config.remoteStaticPublic);
    this.#timestamps = config.timestamps ?? new TimestampSource();
    this.#jar = new CookieJar(config.mac, config.remoteStaticPublic);
    const peerWins = Buffer.compare(config.remoteStaticPublic, config.localStaticPublic) > 0;
    this.#keypairs = new KeypairRing(peerWins);
    this.#psk = config.psk;
  }

  /** Timestamp of the last initiation accepted: whoever restores it after a restart refuses replays. */
  get lastAcceptedTimestamp(): Uint8Array | undefined {
    return this.#acceptedTimestamp;
  }

  set lastAcceptedTimestamp(timestamp: Uint8Array | undefined) {
    this.#acceptedTimestamp = timestamp;
  }

  /** Is a handshake of ours going on? */
  get handshaking(): boolean {
    return this.#backoff.running;
  }

  /** Is there a keypair to seal with? */
  get established(): boolean {
    return this.#keypairs.current !== undefined;
  }

  /** When the next tick is due, ms; Infinity if nothing is going to happen by itself. */
  nextDeadline(): number {
    let deadline = this.#backoff.dueAt;
    for (const keypair of this.#keypairs.all()) {
      deadline = Math.min(deadline, keypair.createdAt + this.#timers.rejectAfter);
    }
    const current = this.#keypairs.current;
    if (this.#wanted && !this.handshaking && current !== undefined) {
      deadline = Math.min(deadline, current.rekeyAt);
    }
    return deadline;
  }

  /** `now` in ms of a clock that never goes back; `random(n)` gives n fresh random bytes. */
  handle(now: number, event: SessionEvent, random: Random): SessionAction[] {
    const actions: SessionAction[] = [];
    switch (event.type) {
      case "open":
        this.#wanted = true;
        this.#backoff.press();
        if (this.#keypairs.current === undefined) this.#begin(now, event.wallMs, random, actions);
        break;
      case "hope":
        if (this.handshaking) this.#backoff.hasten(now);
        break;
      case "initiation":
        this.#answer(now, event.message, random, actions);
        break;
      case "response":
        this.#complete(now, event.datagram, random, actions);
        break;
      case "cookie":
        this.#takeCookie(now, event.datagram, actions);
        break;
      case "tick":
        this.#tick(now, event.wallMs, random, actions);
        break;
      case "confirmed":
        this.#confirm(event.localIndex, actions);
        break;
      case "activity":
        this.#watch(now, event, random, actions);
        break;
      case "close":
        this.#wanted = false;
        this.#settle();
        this.#remove(
          this.#keypairs.remove(() => true),
          actions,
        );
        break;
      case "psk":
        if (!samePsk(this.#psk, event.psk)) {
          this.#remove(
            this.#keypairs.remove(() => true),
            actions,
          );
        }
        this.#psk = event.psk;
        if (this.#wanted) {
          this.#settle();
          this.#begin(now, event.wallMs, random, actions);
        }
        break;
    }
    return actions;
  }

  // Initiating

  /** Start a handshake unless one is going on. */
  #begin(now: number, wallMs: number, random: Random, actions: SessionAction[]): void {
    if (!this.handshaking) this.#initiate(now, wallMs, random, actions);
  }

  /** Send an initiation, always a fresh one, and set the time of its successor. */
  #initiate(now: number, wallMs: number, random: Random, actions: SessionAction[]): void {
    this.#backoff.attempt(now, fraction(random));
    this.#forgetPending();
    const localIndex = this.#config.allocateIndex();
    const written = writeInitiation({
      local: this.#local,
      remote: this.#remote,
      ephemeralPrivate: random(32),
      senderIndex: localIndex,
      payload: {
        timestamp: this.#timestamps.next(wallMs),
        version: PROTOCOL_VERSION,
        networkTag: this.#config.networkTag,
        nodeId: this.#config.localNodeId,
        aeadBits: this.#config.aeadBits,
        signingKey: this.#config.localSigningKey ?? NO_SIGNING_KEY,
      },
      mac: this.#config.mac,
    });
    if (!written.ok) {
      this.#config.releaseIndex(localIndex);
      actions.push({ type: "drop", reason: written.reason });
      return;
    }
    this.#pending = { localIndex, state: written.state };
    this.#jar.stamp(now, written.datagram);
    actions.push({ type: "send", datagram: written.datagram });
  }

  /** A response arrived. A forged one changes nothing: the handshake goes on. */
  #complete(now: number, datagram: Uint8Array, random: Random, actions: SessionAction[]): void {
    const drop = (reason: SessionDropReason): void => void actions.push({ type: "drop", reason });
    const message = parseResponse(datagram);
    if (message === undefined) return drop("malformed");
    const pending = this.#pending;
    if (pending === undefined || message.receiverIndex !== pending.localIndex) return drop("unknown-index");
    const read = readResponse({ local: this.#local, state: pending.state, psk: this.#psk, datagram });
    if (!read.ok) return drop(read.reason);
    const refusal = refuseResponse(read.payload, this.#config);
    if (refusal !== undefined) return drop(refusal);

    this.#pending = undefined;
    this.#settle();
    const keypair = this.#keypair(now, pending.localIndex, read.payload.aead, true, random);
    actions.push(install(keypair, read.senderIndex, read.keys));
    this.#apply(this.#keypairs.addInitiated(keypair), actions);
  }

  #takeCookie(now: number, datagram: Uint8Array, actions: SessionAction[]): void {
    if (!this.#jar.accept(now, datagram)) {
      actions.push({ type: "drop", reason: "bad-cookie" });
      return;
    }
    if (!this.handshaking) return;
    // The next attempt will be let in: no reason to sit out a long pause. Not at once, because whoever sees
    // our messages can make cookie replies, and must not get a larger datagram for each.
    this.#backoff.hasten(now);
  }

  // Responding

  #answer(now: number, message: ReadInitiation, random: Random, actions: SessionAction[]): void {
    const drop = (reason: SessionDropReason): void => void actions.push({ type: "drop", reason });
    const { payload } = message;
    const refusal = refuseInitiation(message.remoteStatic, payload, this.#config);
    if (refusal !== undefined) return drop(refusal);
    const accepted = this.#acceptedTimestamp;
    if (accepted !== undefined && compareTimestamps(payload.timestamp, accepted) <= 0) {
      return drop("replayed-initiation");
    }
    if (now - this.#acceptedAt < INITIATION_SPACING) return drop("initiation-flood");
    const aead = chooseAead(payload.aeadBits, this.#config.aeadBits);
    if (aead === undefined) return drop("no-common-aead");

    const localIndex = this.#config.allocateIndex();
    const written = writeResponse({
      initiation: message,
      psk: this.#psk,
      ephemeralPrivate: random(32),
      senderIndex: localIndex,
      payload: {
        aead,
        nodeId: this.#config.localNodeId,
        version: PROTOCOL_VERSION,
        signingKey: this.#config.localSigningKey ?? NO_SIGNING_KEY,
      },
      mac: this.#config.mac,
    });
    if (!written.ok) {
      this.#config.releaseIndex(localIndex);
      return drop(written.reason);
    }
    this.#acceptedTimestamp = payload.timestamp.slice();
    this.#acceptedAt = now;
    const keypair = this.#keypair(now, localIndex, aead, false, random);
    actions.push(install(keypair, message.senderIndex, written.keys));
    this.#apply(this.#keypairs.addAnswered(keypair), actions);
    this.#jar.stamp(now, written.datagram);
    actions.push({ type: "send", datagram: written.datagram });
  }

  #confirm(localIndex: number, actions: SessionAction[]): void {
    const change = this.#keypairs.confirm(localIndex);
    if (change === undefined) return;
    // The peer's handshake succeeded, so ours, if one is going on, is not needed.
    if (change.use !== undefined) this.#settle();
    this.#apply(change, actions);
  }

  // Time

  #tick(now: number, wallMs: number, random: Random, actions: SessionAction[]): void {
    const { rejectAfter } = this.#timers;
    const expired = this.#keypairs.remove((keypair) => now - keypair.createdAt >= rejectAfter);
    this.#remove(expired, actions);
    if (!this.#wanted) return;
    if (now >= this.#backoff.dueAt) this.#initiate(now, wallMs, random, actions);
    const current = this.#keypairs.current;
    if (current === undefined || now >= current.rekeyAt) this.#begin(now, wallMs, random, actions);
  }

  /** What the worker saw on the session decides whether it is dead or worn out. */
  #watch(
    now: number,
    event: Extract<SessionEvent, { type: "activity" }>,
    random: Random,
    actions: SessionAction[],
  ): void {
    const current = this.#keypairs.current;
    if (current === undefined) return;
    if (
      current.aead === AEAD_AES_256_GCM &&
      (event.localIndex ?? current.localIndex) === current.localIndex
    ) {
      if (event.sentRecords >= REJECT_AFTER_RECORDS) {
        this.#remove(
          this.#keypairs.remove((keypair) => keypair === current),
          actions,
        );
      }
      if (this.#wanted && event.sentRecords >= REKEY_AFTER_RECORDS) {
        this.#begin(now, event.wallMs, random, actions);
      }
    }
    if (!this.#wanted || event.unansweredSince === 0) return;
    // A keypair just taken into use gets its own second, whatever its predecessor suffered.
    const silentSince = Math.max(event.unansweredSince, event.lastHeard, current.createdAt);
    if (now - silentSince < this.#timers.silentAfter) return;
    this.#begin(now, event.wallMs, random, actions);
    if (now - (event.lastFrame ?? 0) < WANTED_FOR) this.#backoff.press();
  }

  // Bookkeeping

  #keypair(now: number, localIndex: number, aead: Aead, initiator: boolean, random: Random): Keypair {
    const { rekeyAfter, rekeyAfterAsResponder, rekeyJitter } = this.#timers;
    const age = (initiator ? rekeyAfter : rekeyAfterAsResponder) + rekeyJitter * fraction(random);
    return { localIndex, aead, initiator, createdAt: now, rekeyAt: now + age };
  }

  #apply(change: KeypairChange, actions: SessionAction[]): void {
    if (change.use !== undefined) {
      actions.push({ type: "use", localIndex: change.use });
      actions.push({ type: "established", localIndex: change.use });
    }
    this.#remove(change.removed, actions);
  }

  #remove(indices: readonly number[], actions: SessionAction[]): void {
    for (const localIndex of indices) {
      this.#config.releaseIndex(localIndex);
      actions.push({ type: "remove", localIndex });
    }
  }

  /** No handshake of ours is going on any more. */
  #settle(): void {
    this.#forgetPending();
    this.#backoff.stop();
  }

  #forgetPending(): void {
    if (this.#pending !== undefined) this.#config.releaseIndex(this.#pending.localIndex);
    this.#pending = undefined;
  }
}

function install(keypair: Keypair, remoteIndex: number, keys: SessionKeys): SessionAction {
  return {
    type: "install",
    localIndex: keypair.localIndex,
    remoteIndex,
    sendKey: keys.sendKey,
    receiveKey: keys.receiveKey,
    aead: keypair.aead,
    initiator: keypair.initiator,
  };
}

function samePsk(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}

/** Uniform in [0, 1). */
function fraction(random: Random): number {
  const bytes = random(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
}

/**
 * Watches every relayed path in use from end to end, and answers those who watch a path to here. DESIGN §7.
 *
 * A state machine like the links: events in, actions out. One instance serves all destinations. What it finds goes
 * out as "path" actions: whether a next hop may be used for a destination.
 */
import {
  decodePathProbe,
  encodePathProbe,
  PATH_PROBE_BYTES,
  PATH_PROBE_IS_REPLY,
} from "../wire/path-probe.ts";
import type { PathProbe } from "../wire/path-probe.ts";
import { TokenBucket } from "./token-bucket.ts";
import { WatchedPath } from "./watched-path.ts";

export type PathEvent =
  /** A relayed path carried traffic since the last such event; `path` is PATH_PRIMARY or PATH_BACKUP. */
  | { type: "use"; destination: number; nextHop: number; path: number }
  /** The own row leads to the destination directly now, or nowhere: no relayed path to it is of interest. */
  | { type: "direct"; destination: number }
  /** The own row leads to the destination by these next hops now: what was found of others is forgotten. */
  | { type: "row"; destination: number; nextHops: readonly number[] }
  /** An authentic record of kind 6 from `peer`, question or reply; `arrivalUs` is mesh clock. */
  | { type: "record"; peer: number; bytes: Uint8Array; arrivalUs: number }
  /** The mesh clock began a new epoch. */
  | { type: "epoch"; epoch: number }
  /** {@link PathWatch.nextDeadline} has passed. Hand in all received records first. */
  | { type: "tick" };

export type PathAction =
  /**
   * Seal for the destination and send through the next hop, whatever the row says. Stamp the departure (mesh clock)
   * into this very array with stampPathProbeSent right before sealing.
   */
  | { type: "probe"; destination: number; nextHop: number; payload: Uint8Array }
  /** Seal for the destination and send by the ordinary route, at once. */
  | { type: "answer"; destination: number; payload: Uint8Array }
  /** The next hop may (not) be used for this destination. */
  | { type: "path"; destination: number; nextHop: number; down: boolean };

/** What `status` shows of a path. Delays in µs; undefined = not known yet. */
export interface PathSnapshot {
  destination: number;
  nextHop: number;
  path: number;
  down: boolean;
  deaths: number;
  lastUseUs: number;
  lastAnswerUs: number | undefined;
  /** Working one-way delay to the destination over this path; contains the clock offset. */
  owdOut: number | undefined;
  /** Back from the destination, over whatever way it chose. */
  owdBack: number | undefined;
  rtt: number | undefined;
  localEpoch: number;
  remoteEpoch: number | undefined;
}

/** Paths watched to one destination, and destinations; what comes on top is not watched. */
const PATHS = 8;
const DESTINATIONS = 4096;
/** If the process itself was held up for longer than this, it does not judge others by what it missed. */
const OWN_STALL_US = 300_000;
/** Answers a second to one peer, and at once. */
const ANSWERS_PER_SECOND = 20;
const ANSWER_BURST = 10;

const NONE: readonly PathAction[] = Object.freeze([]);

export class PathWatch {
  readonly #paths: Map<number, WatchedPath[]> = new Map();
  readonly #answers: Map<number, TokenBucket> = new Map();
  readonly #isHopUp: (nextHop: number) => boolean;
  #epoch: number;
  #refused = 0;
  #nextUs = Infinity;
  #random32: () => number = () => 0;

  /** `epoch`: of the own mesh clock; `isHopUp`: whether the link to a next hop works, always if absent. */
  constructor(options: { epoch: number; isHopUp?: (nextHop: number) => boolean }) {
    this.#epoch = options.epoch;
    this.#isHopUp = options.isHopUp ?? (() => true);
  }

  /** Records that were malformed, too many, or answered nothing that was asked. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * Tell it something.
   * @param nowUs a clock for timers, which never steps
   * @param random32 gives 32 fresh random bits at each call; nonces are made of it, so a cryptographic source
   */
  handle(nowUs: number, event: PathEvent, random32: () => number): readonly PathAction[] {
    this.#random32 = random32;
    switch (event.type) {
      case "use":
        this.#onUse(nowUs, event.destination, event.nextHop, event.path);
        return NONE;
      case "direct":
        return this.#onDirect(event.destination);
      case "row":
        return this.#onRow(event.destination, event.nextHops);
      case "record":
        return this.#onRecord(nowUs, event.peer, event.bytes, event.arrivalUs);
      case "epoch":
        this.#epoch = event.epoch;
        for (const paths of this.#paths.values()) for (const path of paths) path.forgetDelays();
        return NONE;
      case "tick":
        return nowUs < this.#nextUs ? NONE : this.#onTick(nowUs);
    }
  }

  /** When the next tick is wanted, µs; Infinity when nothing is planned. */
  nextDeadline(): number {
    return this.#nextUs;
  }

  /** Whether this next hop must not be used for the destination. */
  isDown(destination: number, nextHop: number): boolean {
    return this.#find(destination, nextHop)?.down === true;
  }

  snapshot(): PathSnapshot[] {
    return Array.from(this.#paths.values()).flatMap((paths) =>
      paths.map((path) => ({
        destination: path.destination,
        nextHop: path.nextHop,
        path: path.path,
        down: path.down,
        deaths: path.deaths,
        lastUseUs: path.lastUseUs,
        lastAnswerUs: path.lastAnswerUs,
        owdOut: path.owdOut.working,
        owdBack: path.owdBack.working,
        rtt: path.rtt.working,
        localEpoch: this.#epoch,
        remoteEpoch: path.remoteEpoch,
      })),
    );
  }

  #onUse(nowUs: number, destination: number, nextHop: number, path: number): void {
    let watched = this.#find(destination, nextHop);
    if (watched) watched.used(nowUs, path, this.#random32());
    else watched = this.#add(nowUs, destination, nextHop, path);
    if (watched) this.#nextUs = Math.min(this.#nextUs, watched.nextDeadline(nowUs));
  }

  #add(nowUs: number, destination: number, nextHop: number, path: number): WatchedPath | undefined {
    let paths = this.#paths.get(destination);
    if (paths === undefined) {
      if (nextHop === destination || this.#paths.size >= DESTINATIONS) return undefined;
      paths = [];
      this.#paths.set(destination, paths);
    }
    if (nextHop === destination || paths.length >= PATHS) return undefined;
    const watched = new WatchedPath(nowUs, destination, nextHop, path, this.#random32());
    paths.push(watched);
    return watched;
  }

  #onDirect(destination: number): readonly PathAction[] {
    const paths = this.#paths.get(destination);
    if (paths === undefined) return NONE;
    this.#paths.delete(destination);
    return paths.filter((path) => path.down).map((path) => verdict(path, false));
  }

  #onRow(destination: number, nextHops: readonly number[]): readonly PathAction[] {
    const paths = this.#paths.get(destination) ?? [];
    const gone = paths.filter((path) => path.down && !nextHops.includes(path.nextHop));
    if (gone.length === 0) return NONE;
    const kept = paths.filter((path) => !gone.includes(path));
    if (kept.length === 0) this.#paths.delete(destination);
    else this.#paths.set(destination, kept);
    return gone.map((path) => verdict(path, false));
  }

  #onRecord(nowUs: number, peer: number, bytes: Uint8Array, arrivalUs: number): readonly PathAction[] {
    const probe = decodePathProbe(bytes);
    if (!probe) {
      this.#refused++;
      return NONE;
    }
    if ((probe.flags & PATH_PROBE_IS_REPLY) === 0) return this.#answer(nowUs, peer, probe, arrivalUs);
    for (const path of this.#paths.get(peer) ?? []) {
      const restored = path.answered(nowUs, probe, arrivalUs, this.#epoch);
      if (restored === undefined) continue;
      this.#nextUs = Math.min(this.#nextUs, path.nextDeadline(nowUs));
      return restored ? [verdict(path, false)] : NONE;
    }
    this.#refused++;
    return NONE;
  }

  #answer(nowUs: number, peer: number, question: PathProbe, arrivalUs: number): readonly PathAction[] {
    let bucket = this.#answers.get(peer);
    if (bucket === undefined) {
      // Only members get here; should the map ever be full, all begin with a full bucket again.
      if (this.#answers.size >= DESTINATIONS) this.#answers.clear();
      bucket = new TokenBucket(ANSWERS_PER_SECOND, ANSWER_BURST);
      this.#answers.set(peer, bucket);
    }
    if (!bucket.take(nowUs)) {
      this.#refused++;
      return NONE;
    }
    const payload = new Uint8Array(PATH_PROBE_BYTES);
    const answer = {
      ...question,
      flags: PATH_PROBE_IS_REPLY,
      arrivalUs: Math.round(arrivalUs),
      farEpoch: this.#epoch,
    };
    encodePathProbe(answer, payload);
    return [{ type: "answer", destination: peer, payload }];
  }

  #onTick(nowUs: number): readonly PathAction[] {
    const actions: PathAction[] = [];
    // Late for its own appointment: answers may lie unread in the socket.
    const stalled = nowUs - this.#nextUs > OWN_STALL_US;
    let next = Infinity;
    for (const [destination, paths] of this.#paths) {
      for (const path of paths) {
        const canAsk = this.#isHopUp(path.nextHop);
        if (!canAsk) path.suspend(nowUs);
        if (stalled) path.excuse(nowUs + OWN_STALL_US);
        if (path.judge(nowUs)) actions.push(verdict(path, true));
        const isDue = path.takeQuestion(nowUs, this.#random32());
        if (isDue && canAsk) actions.push(this.#ask(nowUs, path));
        next = Math.min(next, path.nextDeadline(nowUs));
      }
      if (!paths.some((path) => path.isIdle(nowUs))) continue;
      const kept = paths.filter((path) => !path.isIdle(nowUs));
      if (kept.length === 0) this.#paths.delete(destination);
      else this.#paths.set(destination, kept);
    }
    this.#nextUs = next;
    return actions;
  }

  #ask(nowUs: number, path: WatchedPath): PathAction {
    const sequence = path.nextSequence();
    const nonce = (BigInt(this.#random32() >>> 0) << 32n) | BigInt(this.#random32() >>> 0);
    const payload = new Uint8Array(PATH_PROBE_BYTES);
    const question = {
      flags: 0,
      path: path.path,
      sequence,
      nonce,
      sentUs: 0,
      epoch: this.#epoch,
      arrivalUs: 0,
      farEpoch: 0,
    };
    encodePathProbe(question, payload);
    path.asked(nowUs, sequence, nonce, this.#epoch, payload);
    return { type: "probe", destination: path.destination, nextHop: path.nextHop, payload };
  }

  #find(destination: number, nextHop: number): WatchedPath | undefined {
    return this.#paths.get(destination)?.find((path) => path.nextHop === nextHop);
  }
}

function verdict(path: WatchedPath, down: boolean): PathAction {
  const { destination, nextHop } = path;
  return { type: "path", destination, nextHop, down };
}

/**
 * Relayed paths from end to end (DESIGN §7): tells the {@link PathWatch} which ones frames take, sends its questions
 * and answers, and marks in the tables what must not be used.
 */
import { PathWatch, type PathAction, type PathEvent, type PathSnapshot } from "../link/path-watch.ts";
import { PATH_BACKUP, PATH_PRIMARY, stampPathProbeSent } from "../wire/path-probe.ts";
import { KIND_PATH_PROBE } from "./descriptors.ts";
import type { Dispatch } from "./dispatch.ts";
import { BACKUP_DOWN, LINK_UP, NO_NODE, PRIMARY_DOWN } from "./members.ts";
import type { FromWorker } from "./messages.ts";
import type { PlaneClock } from "./plane-clock.ts";
import type { PlaneState } from "./state.ts";
import { chooseWay, WAY_NODE, WAY_REPAIRED } from "./ways.ts";

export class Paths {
  readonly #state: PlaneState;
  readonly #clock: PlaneClock;
  readonly #dispatch: Dispatch;
  readonly #watch: PathWatch;
  readonly #random32: () => number;
  readonly #post: (message: FromWorker) => void;
  /** Destinations that the watch has been told of. */
  readonly #watched: Set<number> = new Set();
  #scannedMs = 0;

  constructor(
    state: PlaneState,
    clock: PlaneClock,
    dispatch: Dispatch,
    random32: () => number,
    post: (message: FromWorker) => void,
  ) {
    this.#state = state;
    this.#clock = clock;
    this.#dispatch = dispatch;
    this.#random32 = random32;
    this.#post = post;
    const isHopUp = (hop: number): boolean => state.members.linkState[hop] === LINK_UP;
    this.#watch = new PathWatch({ epoch: clock.epoch, isHopUp });
  }

  /** Records refused: malformed, too many, or answers to nothing. */
  get refused(): number {
    return this.#watch.refused;
  }

  /** Looks which of these nodes frames were sent to since the last call, and by which way. */
  scan(nodes: Iterable<number>): void {
    const { members, activity, nowMs } = this.#state;
    const since = this.#scannedMs;
    this.#scannedMs = nowMs;
    for (const destination of nodes) {
      if ((activity.framed[destination] ?? 0) <= since) continue;
      const way = chooseWay(members, destination, NO_NODE, NO_NODE);
      const nextHop = way & WAY_NODE;
      if (nextHop === NO_NODE || nextHop === destination) continue;
      this.#watched.add(destination);
      const path = (way & WAY_REPAIRED) !== 0 ? PATH_BACKUP : PATH_PRIMARY;
      this.#feed({ type: "use", destination, nextHop, path });
    }
  }

  tick(): void {
    if (this.#watch.nextDeadline() <= this.#state.nowMs * 1000) this.#feed({ type: "tick" });
  }

  /** A record of kind 6 from `node`; `arrivalUs` is mesh time. */
  record(node: number, bytes: Uint8Array, arrivalUs: number): void {
    this.#feed({ type: "record", peer: node, bytes, arrivalUs });
  }

  beginEpoch(): void {
    this.#feed({ type: "epoch", epoch: this.#clock.epoch });
  }

  /** The table is another one. */
  routesChanged(): void {
    const { nextHop, backup } = this.#state.members;
    for (const destination of this.#watched) {
      const next = nextHop[destination] ?? NO_NODE;
      if (next === NO_NODE || next === destination) {
        this.forget(destination);
        continue;
      }
      const nextHops = [next, backup[destination] ?? NO_NODE];
      this.#feed({ type: "row", destination, nextHops });
      this.#mark(destination);
    }
  }

  /** No relayed path to the node is of interest any more. */
  forget(destination: number): void {
    this.#watched.delete(destination);
    this.#feed({ type: "direct", destination });
    this.#state.members.pathDown[destination] = 0;
  }

  report(): PathSnapshot[] {
    return this.#watch.snapshot();
  }

  #feed(event: PathEvent): void {
    for (const action of this.#watch.handle(this.#clock.rawUs(), event, this.#random32)) this.#act(action);
  }

  #act(action: PathAction): void {
    switch (action.type) {
      case "probe": {
        const { destination, nextHop, payload } = action;
        stampPathProbeSent(payload, 0, this.#clock.meshUs());
        this.#dispatch.recordVia(KIND_PATH_PROBE, destination, nextHop, payload);
        return;
      }
      case "answer":
        this.#dispatch.record(KIND_PATH_PROBE, action.destination, action.payload, false);
        return;
      case "path": {
        const { destination, nextHop, down } = action;
        this.#mark(destination);
        this.#post({ type: "path", destination, nextHop, down });
      }
    }
  }

  #mark(destination: number): void {
    const { members } = this.#state;
    const isDown = (hop: number): boolean => this.#watch.isDown(destination, hop);
    members.pathDown[destination] =
      (isDown(members.nextHop[destination] ?? NO_NODE) ? PRIMARY_DOWN : 0) |
      (isDown(members.backup[destination] ?? NO_NODE) ? BACKUP_DOWN : 0);
  }
}

/** The simulated supernode: what node/super-node.ts does with its rooms, without sockets. */
import type { SuperMessage } from "../../src/control/messages.ts";
import type { EdgeConnection } from "../../src/control/super-server.ts";
import { EdgeFeed } from "../../src/node/edge-feed.ts";
import type { MemberBook } from "../../src/node/member-book.ts";
import { RestartGrace } from "../../src/node/restart-grace.ts";
import { Coordinator } from "../../src/routing/coordinator.ts";
import type { CoordinatorOptions, Member } from "../../src/routing/coordinator.ts";
import type { LinkReport } from "../../src/routing/types.ts";
import { MainThread } from "./main-thread.ts";
import type { EventQueue } from "./event-queue.ts";

/** In a simulation the supernode is node 0, so that tables stay small; edges count from 1. */
export const SUPER_ID = 0;
const GATHER_US = 5_000;
const TICK_US = 1_000_000;
const REPORT_TIMEOUT_US = 40_000_000;

export class SimSupernode {
  readonly main: MainThread;
  coordinator: Coordinator;
  #grace: RestartGrace;
  #feeds = new Map<number, EdgeFeed>();
  #isSoon = false;
  #incarnation: number;
  readonly #time: EventQueue;
  readonly #members: readonly Member[];
  readonly #options: Partial<CoordinatorOptions>;
  alive = true;

  constructor(time: EventQueue, members: readonly Member[], options: Partial<CoordinatorOptions>) {
    this.#time = time;
    this.#members = members;
    this.#options = options;
    this.#incarnation = 1_000_000;
    this.main = new MainThread(time);
    this.coordinator = this.#newCoordinator();
    this.#grace = new RestartGrace(false);
  }

  start(): void {
    const tick = (): void => {
      this.#time.after(TICK_US, tick);
      this.main.run(() => {
        if (!this.alive) return;
        this.coordinator.expire(this.#time.nowUs, REPORT_TIMEOUT_US);
        this.#tell();
      });
    };
    this.#time.after(TICK_US, tick);
  }

  /** Whether rows are given out. */
  get settled(): boolean {
    return this.#grace.settled;
  }

  stop(): void {
    this.alive = false;
    this.#feeds.clear();
  }

  /** Another process, that knows the members and (`remembers`) that there was one before, and nothing else. */
  restart(remembers: boolean): void {
    this.alive = true;
    this.#incarnation++;
    this.coordinator = this.#newCoordinator();
    this.#grace = new RestartGrace(remembers);
  }

  /**
   * @param send to the edge; false when the connection is gone
   * @param rowOf incarnation of the supernode whose row the edge has
   */
  onConnected(nodeId: number, send: (message: SuperMessage) => boolean, rowOf: number | undefined): void {
    if (rowOf !== undefined && rowOf !== this.#incarnation)
      this.#grace.foundRow(this.#time.nowUs / 1000, nodeId);
    const connection = { nodeId, send } as unknown as EdgeConnection;
    const book = undefined as unknown as MemberBook;
    this.#feeds.set(nodeId, new EdgeFeed(connection, book, this.coordinator));
    this.coordinator.setPresence(this.#time.nowUs, nodeId, true);
    this.#soon();
  }

  onClosed(nodeId: number): void {
    if (!this.#feeds.delete(nodeId)) return;
    this.coordinator.setPresence(this.#time.nowUs, nodeId, false);
    this.#soon();
  }

  onReport(nodeId: number, report: LinkReport): void {
    if (!this.#feeds.has(nodeId)) return;
    this.coordinator.report(this.#time.nowUs, nodeId, report);
    this.#grace.reported(this.#time.nowUs / 1000, nodeId, report.links);
    this.#soon();
  }

  onRowRequest(nodeId: number): void {
    this.#feeds.get(nodeId)?.forgetRow();
    this.#soon();
  }

  #newCoordinator(): Coordinator {
    const coordinator = new Coordinator({ incarnation: this.#incarnation, ...this.#options });
    coordinator.setMembers(this.#members);
    return coordinator;
  }

  #soon(): void {
    if (this.#isSoon) return;
    this.#isSoon = true;
    this.#time.after(GATHER_US, () => {
      this.main.run(() => {
        this.#isSoon = false;
        if (this.alive) this.#tell();
      });
    });
  }

  #tell(): void {
    this.coordinator.compute();
    if (!this.#grace.check(this.#time.nowUs / 1000, () => this.#members.map(({ nodeId }) => nodeId))) return;
    for (const feed of this.#feeds.values()) feed.sendRow();
  }
}

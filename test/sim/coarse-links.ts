/**
 * The links of a host in a large network, without probes: true delays with noise, and a state that follows the truth
 * after a while, as {@link FineLinks} would find it.
 */
import type { LinkSample } from "../../src/routing/reporter.ts";
import type { EventQueue } from "./event-queue.ts";
import type { HostClock } from "./host-clock.ts";
import type { Random } from "./random.ts";
import type { Underlay } from "./underlay.ts";

/** A dead link is found within these, and a live one again within those. */
const DEATH_US: readonly [number, number] = [250_000, 450_000];
const RECOVERY_US: readonly [number, number] = [2_000_000, 3_000_000];
const LOOK_US = 100_000;

export interface CoarseHost {
  readonly nodeId: number;
  readonly clock: HostClock;
  /** The other host, if it is alive. */
  clockOf(peer: number): HostClock | undefined;
  onLink(peer: number, up: boolean): void;
}

interface CoarseLink {
  peer: number;
  /** Something arrives; something sent is answered. */
  receiving: boolean;
  up: boolean;
  changeAtUs: number;
}

export class CoarseLinks {
  readonly #time: EventQueue;
  readonly #underlay: Underlay;
  readonly #host: CoarseHost;
  readonly #random: Random;
  readonly #noiseUs: number;
  readonly #links: CoarseLink[];

  /** @param noiseUs a measured delay is off by up to this, either way */
  constructor(
    time: EventQueue,
    underlay: Underlay,
    host: CoarseHost,
    peers: readonly number[],
    random: Random,
    noiseUs: number,
  ) {
    this.#time = time;
    this.#underlay = underlay;
    this.#host = host;
    this.#random = random;
    this.#noiseUs = noiseUs;
    this.#links = peers.map((peer) => ({ peer, receiving: false, up: false, changeAtUs: Infinity }));
  }

  start(): void {
    for (const link of this.#links) {
      link.receiving = this.#hears(link.peer);
      link.up = link.receiving && this.#isHeard(link.peer);
      if (link.up) this.#host.onLink(link.peer, true);
    }
    const look = (): void => {
      for (const link of this.#links) this.#look(link);
      this.#time.after(LOOK_US, look);
    };
    this.#time.after(this.#random.between(0, LOOK_US), look);
  }

  samples(): LinkSample[] {
    const { clock, nodeId } = this.#host;
    const ownUs = clock.meshUs();
    return this.#links.map((link): LinkSample => {
      const peerClock = this.#host.clockOf(link.peer);
      const there = this.#underlay.way(link.peer, nodeId).delayUs;
      const back = this.#underlay.way(nodeId, link.peer).delayUs;
      const offset = ownUs - (peerClock?.meshUs() ?? 0);
      const owdUs = there + offset + this.#random.between(-this.#noiseUs, this.#noiseUs);
      return {
        from: link.peer,
        up: link.receiving && peerClock !== undefined,
        sendDead: !link.up,
        owdUs,
        owdBaseUs: owdUs - this.#noiseUs,
        jitterUs: this.#noiseUs / 2,
        loss: 0,
        rttMinUs: link.up ? there + back : null,
        mtu: 1472,
        localEpoch: clock.epoch,
        remoteEpoch: peerClock?.epoch,
      };
    });
  }

  #look(link: CoarseLink): void {
    const receiving = this.#hears(link.peer);
    const up = receiving && this.#isHeard(link.peer);
    if (receiving === link.receiving && up === link.up) {
      link.changeAtUs = Infinity;
      return;
    }
    const now = this.#time.nowUs;
    const worse = !up && link.up;
    if (link.changeAtUs === Infinity)
      link.changeAtUs = now + this.#random.between(...(worse ? DEATH_US : RECOVERY_US));
    if (now < link.changeAtUs) return;
    link.changeAtUs = Infinity;
    link.receiving = receiving;
    if (up === link.up) return;
    link.up = up;
    this.#host.onLink(link.peer, up);
  }

  #hears(peer: number): boolean {
    return !this.#underlay.way(peer, this.#host.nodeId).cut && this.#host.clockOf(peer) !== undefined;
  }

  #isHeard(peer: number): boolean {
    return !this.#underlay.way(this.#host.nodeId, peer).cut;
  }
}

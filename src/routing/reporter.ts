/**
 * An edge's side of routing: from measurements to damped, versioned reports. DESIGN §8, §9.
 *
 * The cost of a link is damped; what is displayed of it, and what the honesty check compares (delay and round trip),
 * is refreshed whenever it moved, at most every 5 s, except that a shorter round trip is told at once: nobody may
 * be taken for a liar because of an old number. Everything is repeated once a minute.
 */
import { linkCostUs, lossIsDown, lossTermUs, provenLoss } from "./cost.ts";
import { LinkDamping } from "./damping.ts";
import type { LinkAdvert, LinkReport } from "./types.ts";

/** Evaluations closer together than this are not regular ones: they are about urgent things. */
const REGULAR_US = 700_000;
const FULL_EVERY_US = 60_000_000;
const REFRESH_US = 5_000_000;
const OWD_MOVED_US = 500;
const RTT_FELL_US = 500;
const RTT_ROSE_US = 1000;
const LOSS_MOVED = 0.02;
const FORWARD_MOVED_US = 500;
const FORWARD_MAX_US = 1_000_000;

/** What is measured now of one link on which this node receives. */
export interface LinkSample {
  /** NodeID of the sender. */
  from: number;
  /** False: nothing arrives, or nothing was measured yet; then the numbers do not count. */
  up: boolean;
  /** True: this node tries to send there directly and cannot. */
  sendDead: boolean;
  /** Working delay, µs, fractions allowed; may be negative. */
  owdUs: number;
  /** Windowed minimum, µs. */
  owdBaseUs: number;
  /** Mean deviation, µs. */
  jitterUs: number;
  /** 0..1; undefined = not known. */
  loss: number | undefined;
  /** Number of datagrams from which `loss` was told; undefined = many (1000). */
  lossOf?: number | undefined;
  rttMinUs: number | null;
  /** Largest UDP payload known to pass; 0 = not known. */
  mtu: number;
  localEpoch: number;
  remoteEpoch: number | undefined;
}

export interface ReporterOptions {
  /** max(wall-clock seconds, stored + 1) at start. */
  incarnation: number;
  /** The own clock epoch. */
  epoch: number;
  additionalCostUs?: number;
}

interface ReportedLink {
  readonly damping: LinkDamping;
  /** As reported last. */
  advert: LinkAdvert;
  refreshedUs: number;
  downByLoss: boolean;
}

export class Reporter {
  readonly #incarnation: number;
  readonly #additionalCostUs: number | undefined;
  readonly #links = new Map<number, ReportedLink>();
  #counter = 0;
  #epoch: number;
  #dead: number[] = [];
  #forwardUs = 0;
  #regularUs = -Infinity;
  #fullUs = -Infinity;
  /** Something besides links is to be told. */
  #news = true;

  constructor(options: ReporterOptions) {
    this.#incarnation = options.incarnation;
    this.#epoch = options.epoch;
    this.#additionalCostUs = options.additionalCostUs;
  }

  /** The own clock began a new epoch. Links are reported again when they were measured in it. */
  beginEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#news = true;
  }

  /** What forwarding one datagram takes here, µs; reported when it moved by more than 0.5 ms. */
  setForwardTime(forwardUs: number): void {
    const bounded = Math.round(Math.min(FORWARD_MAX_US, Math.max(0, forwardUs)));
    if (Math.abs(bounded - this.#forwardUs) <= FORWARD_MOVED_US) return;
    this.#forwardUs = bounded;
    this.#news = true;
  }

  /**
   * Call once a second (± 20 %), and at once after a link died or came back: calls in between let only what is
   * urgent pass.
   * @param samples all links of the moment; a sender that is missing is gone
   * @returns what is to be sent, if anything
   */
  evaluate(nowUs: number, samples: readonly LinkSample[]): LinkReport | undefined {
    const regular = nowUs - this.#regularUs >= REGULAR_US;
    if (regular) this.#regularUs = nowUs;
    const changed: LinkAdvert[] = [];
    const present = new Set<number>();
    for (const sample of samples) {
      present.add(sample.from);
      const advert = this.#evaluateLink(nowUs, sample, regular);
      if (advert) changed.push(advert);
    }
    const gone = [...this.#links.keys()].filter((from) => !present.has(from));
    for (const from of gone) this.#links.delete(from);
    const dead = samples.filter((sample) => sample.sendDead).map((sample) => sample.from);
    dead.sort((a, b) => a - b);
    if (dead.join() !== this.#dead.join()) this.#news = true;
    this.#dead = dead;
    if (regular && nowUs - this.#fullUs >= FULL_EVERY_US) return this.full(nowUs);
    if (changed.length === 0 && gone.length === 0 && !this.#news) return undefined;
    return this.#report(false, changed, gone);
  }

  /** Everything as advertised last: for a new connection to a supernode, and once a minute. */
  full(nowUs: number): LinkReport {
    this.#fullUs = nowUs;
    return this.#report(
      true,
      [...this.#links.values()].map((link) => link.advert),
      [],
    );
  }

  #report(full: boolean, links: LinkAdvert[], gone: number[]): LinkReport {
    this.#news = false;
    return {
      incarnation: this.#incarnation,
      counter: ++this.#counter,
      epoch: this.#epoch,
      full,
      links,
      gone,
      dead: this.#dead,
      forwardUs: this.#forwardUs,
      ...(this.#additionalCostUs !== undefined && { additionalCostUs: this.#additionalCostUs }),
    };
  }

  /** The link's new advertisement, if there is one. */
  #evaluateLink(nowUs: number, sample: LinkSample, regular: boolean): LinkAdvert | undefined {
    const { from, localEpoch, remoteEpoch } = sample;
    // Not measured in this epoch yet: what was said before stays, and its epochs tell that it is old.
    if (remoteEpoch === undefined || localEpoch !== this.#epoch) return undefined;
    let link = this.#links.get(from);
    if (!link) {
      if (!sample.up) return undefined;
      const advert = { ...UNKNOWN, from, localEpoch, remoteEpoch };
      link = { damping: new LinkDamping(), advert, refreshedUs: nowUs, downByLoss: false };
      this.#links.set(from, link);
    }
    const sameEpochs = link.advert.localEpoch === localEpoch && link.advert.remoteEpoch === remoteEpoch;
    if (!sameEpochs) link.damping.reset();
    const loss = provenLoss(sample.loss, sample.lossOf);
    link.downByLoss = lossIsDown(loss, link.downByLoss);
    const up = sample.up && !link.downByLoss;
    const truth = {
      costUs: up ? linkCostUs(sample.owdUs, sample.jitterUs, loss) : null,
      lossTermUs: lossTermUs(loss),
      jitterUs: sample.jitterUs,
    };
    const costChanged = link.damping.update(nowUs, truth, regular);
    if (!costChanged && sameEpochs && !(regular && isOutdated(nowUs, link, sample))) return undefined;
    link.refreshedUs = nowUs;
    link.advert = advertOf(sample, link.damping.advertised, remoteEpoch, link.advert);
    return link.advert;
  }
}

const UNKNOWN: Omit<LinkAdvert, "from" | "localEpoch" | "remoteEpoch"> = {
  costUs: null,
  owdUs: 0,
  jitterUs: 0,
  loss: 0,
  rttMinUs: null,
  mtu: 0,
};

/** A link that is down keeps the numbers it had. */
function advertOf(
  sample: LinkSample,
  costUs: number | null,
  remoteEpoch: number,
  before: LinkAdvert,
): LinkAdvert {
  const { from, mtu, localEpoch } = sample;
  if (!sample.up) return { ...before, costUs, mtu, localEpoch, remoteEpoch };
  return {
    from,
    costUs,
    owdUs: Math.round(sample.owdUs),
    jitterUs: Math.round(sample.jitterUs),
    loss: Math.min(1, Math.max(0, sample.loss ?? 0)),
    rttMinUs: sample.rttMinUs === null ? null : Math.round(sample.rttMinUs),
    mtu,
    localEpoch,
    remoteEpoch,
  };
}

/** Whether what was told of a link besides its cost is too far from what is measured. */
function isOutdated(nowUs: number, link: ReportedLink, sample: LinkSample): boolean {
  const { advert } = link;
  if (!sample.up) return false;
  if (sample.mtu !== advert.mtu) return true;
  if ((sample.rttMinUs === null) !== (advert.rttMinUs === null)) return true;
  const rttMoved = (sample.rttMinUs ?? 0) - (advert.rttMinUs ?? 0);
  if (rttMoved < -(RTT_FELL_US + sample.jitterUs)) return true;
  if (nowUs - link.refreshedUs < REFRESH_US) return false;
  return (
    rttMoved > RTT_ROSE_US + sample.jitterUs ||
    Math.abs(sample.owdUs - advert.owdUs) > OWD_MOVED_US + sample.jitterUs ||
    Math.abs((sample.loss ?? 0) - advert.loss) > LOSS_MOVED
  );
}

// Preloaded into an edge by tests (NODE_OPTIONS=--import): what it reports of its links is what LIE asks for.
//   near      incoming links are 15 ms shorter than they are
//   phantom   links that died are as they were before
//   nonsense  one report a second, each wrong in another way
import { isMainThread } from "node:worker_threads";
import type { Reporter as ReporterClass } from "../../src/routing/reporter.ts";
import type { LinkAdvert, LinkReport } from "../../src/routing/types.ts";

const NEAR_US = 15_000;
/** A NodeID that is not the liar's. */
const SOMEBODY = 1;

type Lie = (report: LinkReport) => LinkReport;

const near: Lie = (report) => ({
  ...report,
  links: report.links.map((link) => ({
    ...link,
    owdUs: link.owdUs - NEAR_US,
    costUs: link.costUs === null ? null : link.costUs - NEAR_US,
  })),
});

const alive = new Map<number, LinkAdvert>();
const phantom: Lie = (report) => {
  for (const link of report.links) if (link.costUs !== null) alive.set(link.from, link);
  return { ...report, full: true, links: [...alive.values()], gone: [], dead: [] };
};

const changed = (report: LinkReport, news: object): LinkReport => ({
  ...report,
  links: report.links.map((link) => ({ ...link, ...news })),
});
const wrongs: readonly Lie[] = [
  (report) => changed(report, { costUs: 1e308 }),
  (report) => changed(report, { owdUs: NaN }),
  (report) => changed(report, { to: SOMEBODY }),
  (report) => changed(report, { localEpoch: 1 }),
  (report) => ({ ...report, counter: 0 }),
  (report) => ({ ...report, counter: NaN }),
];
let told = 0;
const nonsense: Lie = (report) => wrongs[told++ % wrongs.length]?.(report) ?? report;

const lies: Readonly<Record<string, Lie>> = { near, phantom, nonsense };
const lie = lies[process.env["LIE"] ?? ""];

if (isMainThread && lie !== undefined) {
  const { Reporter } = await import("../../src/routing/reporter.ts");
  const { evaluate, full } = Reporter.prototype;
  const lied = new WeakSet<LinkReport>();
  const tell = (report: LinkReport): LinkReport => {
    if (lied.has(report)) return report;
    const untrue = lie(report);
    lied.add(untrue);
    return untrue;
  };
  Reporter.prototype.full = function (this: ReporterClass, nowUs) {
    return tell(full.call(this, nowUs));
  };
  Reporter.prototype.evaluate = function (this: ReporterClass, nowUs, samples) {
    const report = evaluate.call(this, nowUs, samples);
    if (lie === nonsense) return this.full(nowUs);
    return report && tell(report);
  };
}

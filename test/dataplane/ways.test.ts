import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  BACKUP_DOWN,
  LINK_DEAD,
  LINK_NEW,
  LINK_UP,
  Members,
  NO_NODE,
  PRIMARY_DOWN,
} from "../../src/dataplane/members.ts";
import { chooseWay, WAY_DEAD, WAY_NODE, WAY_REPAIRED } from "../../src/dataplane/ways.ts";

const TARGET = 9;
const PRIMARY = 2;
const BACKUP = 3;

/** Two neighbours that are up, one the next hop to node 9, one the backup; 9 itself is a neighbour not up yet. */
function table(directFallback: boolean = true): Members {
  const members = new Members(directFallback);
  members.setRoutes([{ destination: TARGET, nextHop: PRIMARY, hops: 2, backup: BACKUP }], new Uint16Array(0));
  for (const node of [PRIMARY, BACKUP, TARGET]) {
    members.link[node] = node;
    members.linkState[node] = node === TARGET ? LINK_NEW : LINK_UP;
    members.addressed[node] = 1;
    members.sendSlot[node] = node + 100;
  }
  return members;
}
const own = (members: Members): number => chooseWay(members, TARGET, NO_NODE, NO_NODE);

describe("the way to a node", () => {
  it("is the table's next hop while that answers, or has not been tried", () => {
    const members = table();
    assert.equal(own(members), PRIMARY);
    members.linkState[PRIMARY] = LINK_NEW;
    assert.equal(own(members), PRIMARY);
    // That a direct link is up is no reason to leave the table's way.
    members.linkState[TARGET] = LINK_UP;
    assert.equal(own(members), PRIMARY);
  });

  const broken: [string, (members: Members) => void][] = [
    ["died", (members) => void (members.linkState[PRIMARY] = LINK_DEAD)],
    ["has no session", (members) => void (members.sendSlot[PRIMARY] = -1)],
    ["has no address", (members) => void (members.addressed[PRIMARY] = 0)],
    ["leads nowhere", (members) => void (members.pathDown[TARGET] = PRIMARY_DOWN)],
  ];
  for (const [what, breakIt] of broken) {
    it(`is the backup when the next hop ${what}, then the node itself, then the next hop all the same`, () => {
      const members = table();
      breakIt(members);
      assert.equal(own(members), BACKUP | WAY_REPAIRED);
      members.linkState[TARGET] = LINK_UP;
      assert.equal(own(members), BACKUP | WAY_REPAIRED);
      members.linkState[BACKUP] = LINK_DEAD;
      assert.equal(own(members), TARGET | WAY_REPAIRED);
      members.sendSlot[TARGET] = -1;
      assert.equal(own(members), PRIMARY | WAY_DEAD);
    });
  }

  const unfit: [string, (members: Members) => void][] = [
    ["that was never up", (members) => void (members.linkState[BACKUP] = LINK_NEW)],
    ["without a session", (members) => void (members.sendSlot[BACKUP] = -1)],
    ["without an address", (members) => void (members.addressed[BACKUP] = 0)],
    ["that leads nowhere", (members) => void (members.pathDown[TARGET] = BACKUP_DOWN)],
  ];
  for (const [what, makeUnfit] of unfit) {
    it(`is never a backup ${what}`, () => {
      const members = table();
      members.linkState[PRIMARY] = LINK_DEAD;
      makeUnfit(members);
      assert.equal(own(members), PRIMARY | WAY_DEAD);
    });
  }

  it("is the link to the node itself where the table says nothing, if links may stand in for it", () => {
    for (const fallback of [true, false]) {
      const members = table(fallback);
      members.setRoutes([], new Uint16Array(0));
      assert.equal(own(members), NO_NODE);
      members.linkState[TARGET] = LINK_UP;
      assert.equal(own(members), fallback ? TARGET : NO_NODE);
      members.linkState[TARGET] = LINK_DEAD;
      assert.equal(own(members), NO_NODE);
    }
  });

  it("never leads back: not by the backup to where it came from, nor to who sent it", () => {
    const members = table();
    members.linkState[PRIMARY] = LINK_DEAD;
    assert.equal(chooseWay(members, TARGET, 4, 5), BACKUP | WAY_REPAIRED);
    assert.equal(chooseWay(members, TARGET, BACKUP, 5), PRIMARY | WAY_DEAD);
    assert.equal(chooseWay(members, TARGET, 4, BACKUP), PRIMARY | WAY_DEAD);
  });

  it("is not the next hop that it came from, or that sent it, but the backup, then the node itself", () => {
    for (const [previous, source] of [
      [PRIMARY, 5],
      [4, PRIMARY],
    ] as const) {
      const members = table();
      assert.equal(chooseWay(members, TARGET, previous, source), BACKUP | WAY_REPAIRED);
      members.linkState[BACKUP] = LINK_DEAD;
      members.linkState[TARGET] = LINK_UP;
      assert.equal(chooseWay(members, TARGET, previous, source), TARGET | WAY_REPAIRED);
      members.linkState[TARGET] = LINK_DEAD;
      assert.equal(chooseWay(members, TARGET, previous, source), PRIMARY | WAY_DEAD);
    }
  });

  it("heeds for what is others' no path that was watched for our own", () => {
    const members = table();
    members.pathDown[TARGET] = PRIMARY_DOWN;
    assert.equal(chooseWay(members, TARGET, 4, 5), PRIMARY);
  });

  it("is told anew with each table", () => {
    const members = table();
    members.pathDown[TARGET] = PRIMARY_DOWN;
    members.setRoutes([{ destination: TARGET, nextHop: BACKUP, hops: 2 }], new Uint16Array(0));
    assert.equal(own(members), BACKUP);
    members.linkState[BACKUP] = LINK_DEAD;
    assert.equal(own(members), BACKUP | WAY_DEAD);
  });
});

/** A mesh of nodes with one-way costs in clocks that disagree: row a, column b is a → b, Infinity = no link. */
interface Mesh {
  nodes: number;
  cost: number[][];
}

const meshes = fc.integer({ min: 3, max: 8 }).chain((nodes) =>
  fc
    .record({
      costs: fc.array(
        fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 50 }) }, fc.constant(Infinity)),
        {
          minLength: nodes * nodes,
          maxLength: nodes * nodes,
        },
      ),
      offsets: fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: nodes, maxLength: nodes }),
    })
    .map(({ costs, offsets }): Mesh => {
      const at = (a: number, b: number): number =>
        (costs[a * nodes + b] ?? Infinity) + (offsets[b] ?? 0) - (offsets[a] ?? 0);
      return {
        nodes,
        cost: Array.from({ length: nodes }, (_, a) => Array.from({ length: nodes }, (__, b) => at(a, b))),
      };
    }),
);

/** Shortest distances, by relaxing until nothing changes. */
function distances({ nodes, cost }: Mesh): number[][] {
  const d = cost.map((row, a) => row.map((value, b) => (a === b ? 0 : value)));
  for (let k = 0; k < nodes; k++)
    for (let a = 0; a < nodes; a++)
      for (let b = 0; b < nodes; b++) {
        const via = (d[a]?.[k] ?? Infinity) + (d[k]?.[b] ?? Infinity);
        if (via < (d[a]?.[b] ?? Infinity)) (d[a] ?? [])[b] = via;
      }
  return d;
}

/** The tables of all nodes, with backups as DESIGN §8 defines them; NodeIDs are index + 1. */
function tables(mesh: Mesh): Members[] {
  const d = distances(mesh);
  const D = (a: number, b: number): number => d[a]?.[b] ?? Infinity;
  const c = (a: number, b: number): number => (a === b ? Infinity : (mesh.cost[a]?.[b] ?? Infinity));
  const all = Array.from({ length: mesh.nodes }, (_, node) => node);
  return all.map((s) => {
    const members = new Members(true);
    const routes = all.flatMap((t) => {
      const hops = all
        .filter((n) => c(s, n) + D(n, t) < Infinity)
        .sort((a, b) => c(s, a) + D(a, t) - c(s, b) - D(b, t));
      const [h] = hops;
      if (t === s || h === undefined) return [];
      const free = hops.filter((n) => n !== h && D(n, t) < D(n, s) + D(s, t));
      const backup = free.find((n) => n === t || D(n, t) < D(n, h) + D(h, t)) ?? free[0];
      return [
        { destination: t + 1, nextHop: h + 1, hops: 0, ...(backup !== undefined && { backup: backup + 1 }) },
      ];
    });
    members.setRoutes(routes, new Uint16Array(0));
    for (const n of all) {
      members.sendSlot[n + 1] = n;
      if (c(s, n) === Infinity) continue;
      members.linkState[n + 1] = LINK_UP;
      members.addressed[n + 1] = 1;
    }
    return members;
  });
}

describe("repair in a mesh", () => {
  // Any links dead, noticed by those that send on them: each node decides by its own table and its own links.
  it("lets no datagram pass a node twice, nor be repaired twice", () => {
    const dead = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 6 });
    fc.assert(
      fc.property(meshes, dead, fc.option(fc.nat(7), { nil: -1 }), (mesh, links, node) => {
        const nodes = tables(mesh);
        for (const [from, to] of links) if (nodes[from]) nodes[from].linkState[to + 1] = LINK_DEAD;
        for (const members of nodes) members.linkState[node + 1] = LINK_DEAD;
        for (let source = 1; source <= mesh.nodes; source++) {
          for (let target = 1; target <= mesh.nodes; target++) {
            if (source !== target) walk(nodes, source, target);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

function walk(nodes: readonly Members[], source: number, target: number): void {
  const seen = new Set<number>();
  let [at, previous, repaired] = [source, NO_NODE, false];
  while (at !== target) {
    assert(!seen.has(at), `${source} → ${target}: ${[...seen].join(" ")} and ${at} again`);
    seen.add(at);
    const members = nodes[at - 1];
    if (members === undefined) return;
    const way = chooseWay(members, target, previous, previous === NO_NODE ? NO_NODE : source);
    const next = way & WAY_NODE;
    if (next === NO_NODE || next === previous || next === source) return;
    if (repaired && way !== next) return;
    if ((way & WAY_DEAD) !== 0) return;
    repaired ||= (way & WAY_REPAIRED) !== 0;
    [at, previous] = [next, at];
  }
}

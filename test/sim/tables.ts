/**
 * The data plane's own tables, but no larger than the simulator's NodeIDs: the real ones have room for all 65536, and a
 * simulation has hundreds of them.
 */
import { Activity } from "../../src/dataplane/activity.ts";
import { Members, NO_NODE } from "../../src/dataplane/members.ts";

/** Links may stand in for the table, as in super mode. Every session is there, every address is known. */
export function smallMembers(size: number, nodes: readonly number[]): Members {
  const members = Object.create(Members.prototype) as Members;
  const byNode = Int32Array.from({ length: size }, (_, node) => node);
  Object.assign(members, {
    nextHop: new Uint16Array(size).fill(NO_NODE),
    backup: new Uint16Array(size).fill(NO_NODE),
    hops: new Uint8Array(size),
    size: new Uint16Array(size),
    pathDown: new Uint8Array(size),
    sendSlot: byNode,
    link: byNode,
    linkState: new Uint8Array(size),
    linkMtu: new Uint16Array(size).fill(1500),
    linkIpv4: new Uint8Array(size).fill(1),
    addressed: new Uint8Array(size).fill(1),
    known: new Uint8Array(size),
    directFallback: true,
    hasTable: false,
    floodSet: new Uint16Array(0),
  });
  for (const node of nodes) members.known[node] = 1;
  return members;
}

export function smallActivity(size: number): Activity {
  const activity = Object.create(Activity.prototype) as Activity;
  Object.assign(activity, {
    heard: new Float64Array(size),
    unanswered: new Float64Array(size),
    owed: new Float64Array(size),
    framed: new Float64Array(size),
    carried: new Uint8Array(size),
  });
  return activity;
}

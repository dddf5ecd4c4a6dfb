/**
 * Which neighbour something goes to next (DESIGN §8, "Backup"). One function for frames, transit and messages:
 *
 *   table's next hop ── link alive, session there, path not known broken, not where it came from ──▶ it
 *        └ else: backup, if its link is up ──▶ it, with flag 0x20
 *             └ else: the node itself, if its link is up and links may stand in for the table ──▶ it
 *                  └ else: the next hop all the same
 *
 * What was repaired once is not repaired again, and nothing goes back to where it came from. Where that leaves nothing, a
 * relay gives the datagram to its destination itself if it can ({@link endsAt}): a walk that ends cannot loop.
 */
import { BACKUP_DOWN, LINK_UP, NO_NODE, PRIMARY_DOWN, type Members } from "./members.ts";

/** The NodeID in what {@link chooseWay} returns. */
export const WAY_NODE = 0xffff;
/** It is not the table's next hop, which cannot be used. */
export const WAY_REPAIRED = 0x10000;
/** It is the table's next hop, which cannot be used, for want of anything better. */
export const WAY_DEAD = 0x20000;

/** Flag of a transit header: it was sent to a backup (DESIGN §5). */
export const FLAG_REPAIRED = 0x20;

/**
 * @param previous where it came from, and `source` who sent it first; {@link NO_NODE} twice for what is our own
 * @returns a NodeID with the bits above; {@link NO_NODE} = no way
 */
export function chooseWay(members: Members, destination: number, previous: number, source: number): number {
  const primary = members.nextHop[destination] ?? NO_NODE;
  const direct = endsAt(members, destination);
  if (primary === NO_NODE) return direct ? destination : NO_NODE;
  // Paths are watched for what is our own.
  const down = previous === NO_NODE ? (members.pathDown[destination] ?? 0) : 0;
  // Rows of two generations: the one that it came from has the other.
  const back = primary === previous || primary === source;
  if (!back && (down & PRIMARY_DOWN) === 0 && members.canSend(primary)) return primary;
  const backup = members.backup[destination] ?? NO_NODE;
  const barred = backup === previous || backup === source || (down & BACKUP_DOWN) !== 0;
  if (!barred && members.linkState[backup] === LINK_UP && canTake(members, backup))
    return backup | WAY_REPAIRED;
  if (direct && destination !== primary) return destination | WAY_REPAIRED;
  return primary | WAY_DEAD;
}

/** Whether this node may and can give something to its destination itself, whatever the table says. */
export function endsAt(members: Members, destination: number): boolean {
  return (
    members.directFallback && members.linkState[destination] === LINK_UP && canTake(members, destination)
  );
}

function canTake(members: Members, node: number): boolean {
  return members.addressed[node] === 1 && (members.sendSlot[node] ?? -1) >= 0;
}

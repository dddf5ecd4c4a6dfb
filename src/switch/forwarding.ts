/**
 * Where one frame goes: a pure decision from where it came in and what the FIB says. DESIGN §3, §10.
 *
 * Places are FIB owner codes: >= 0 a NodeID (the mesh), < 0 a local port. Split horizon is the second column:
 * what came from the mesh goes to local ports only, never back into the mesh, so nothing can loop or be doubled.
 *
 * ```
 *  FIB says            from a local port                 from the mesh
 *  a NodeID            to that node                      drop: split horizon
 *  another port        to that port                      to that port
 *  the same place      drop: it is there already         drop: it is there already
 *  nothing, or group   all other ports + flood the mesh  all local ports
 * ```
 */
import { NOT_FOUND } from "./fib.ts";

export const TO_NODE = 0;
export const TO_PORT = 1;
/** Every other local port, and every destination of the flood set. */
export const FLOOD_ALL = 2;
/** Every local port; the frame came from the mesh. */
export const FLOOD_PORTS = 3;
/** The destination is where the frame came from. */
export const DROP_SAME_PLACE = 4;
export const DROP_SPLIT_HORIZON = 5;
export type ForwardingDecision = 0 | 1 | 2 | 3 | 4 | 5;

/**
 * Decide on a frame.
 * @param ingress owner code of where it came from
 * @param found owner code from the FIB, or NOT_FOUND
 * @param isGroup whether its destination is a group address, which no FIB entry answers for
 */
export function decide(ingress: number, found: number, isGroup: boolean): ForwardingDecision {
  const fromMesh = ingress >= 0;
  if (isGroup || found === NOT_FOUND) return fromMesh ? FLOOD_PORTS : FLOOD_ALL;
  if (found === ingress) return DROP_SAME_PLACE;
  if (found < 0) return TO_PORT;
  return fromMesh ? DROP_SPLIT_HORIZON : TO_NODE;
}

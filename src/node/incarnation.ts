/**
 * The number of a process's life: max(wall-clock seconds, stored + 1). With it a counter that starts anew is still
 * later than all that was said before a restart, also when the clock was set back (DESIGN §8).
 */
import type { StateDir } from "./state-dir.ts";

const FILE = "incarnation";

export interface Incarnation {
  readonly number: number;
  /** A process with this state directory has run before. */
  readonly restarted: boolean;
}

/** Takes the next one and stores it. @param wallMs ms since 1970 */
export function takeIncarnation(state: StateDir, wallMs: number): Incarnation {
  const text = state.read(FILE)?.trim() ?? "";
  const stored = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  const number = Math.max(Math.floor(wallMs / 1000), (stored ?? 0) + 1);
  state.write(FILE, `${number}\n`);
  return { number, restarted: stored !== undefined };
}

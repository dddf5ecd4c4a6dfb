/**
 * Gives back what the main thread does not need. Loading the program's modules leaves the young generation at its
 * largest, and nothing that a quiet thread does makes V8 shrink it again, nor after a busy time; and it lets some ten
 * megabytes of garbage gather before it looks. So there is a full collection some time after the start, and one whenever
 * the heap has grown by a few megabytes since the last, once a minute at most. Every minute pages that nobody needs go back
 * to the system: the C library's free ones, and those of the program itself, half of which only the start touched.
 * Frames are not held up: their thread is another one. Nodes that one machine started together do not all do this in the
 * same second: each has a minute of its own.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface MemoryKeeperOptions {
  /** Returns pages that nobody needs to the system. */
  readonly trim: () => void;
  /** ms until the first collection */
  readonly delayMs?: number;
  /** ms between looks at the heap's size */
  readonly everyMs?: number;
  /** bytes of growth worth a collection */
  readonly growth?: number;
  /** Bytes that the heap has of the system. */
  readonly heapSize?: () => number;
  readonly collect?: () => void;
}

type Collect = (options: { type: "major"; flavor: "last-resort" }) => void;

const DELAY_MS = 4000;
const EVERY_MS = 60_000;
/** A process' minute differs from this by so much, up or down. */
const SPREAD = 0.3;
const GROWTH = 4 << 20;

/** Returns what ends it. */
export function keepMemorySmall(options: MemoryKeeperOptions): () => void {
  const {
    trim,
    delayMs = DELAY_MS,
    everyMs = EVERY_MS * (1 - SPREAD + 2 * SPREAD * Math.random()),
    growth = GROWTH,
  } = options;
  const { heapSize = () => process.memoryUsage().heapTotal, collect = collectAll } = options;
  let smallest = 0;
  const collectNow = (): void => {
    collect();
    trim();
    smallest = heapSize();
  };
  let timer = setTimeout(() => {
    collectNow();
    timer = setInterval(() => {
      // Not what is in use: after a busy time the young generation stays at its largest again.
      if (heapSize() - smallest >= growth) collectNow();
      else trim();
    }, everyMs);
    timer.unref();
  }, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}

function collectAll(): void {
  setFlagsFromString("--expose-gc");
  // The flag takes effect in contexts made after it.
  const gc = runInNewContext("gc") as Collect;
  setFlagsFromString("--no-expose-gc");
  gc({ type: "major", flavor: "last-resort" });
}

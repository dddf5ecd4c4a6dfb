// Preloaded into a node by tests (NODE_OPTIONS=--import): both threads collect all garbage once a minute, so that what
// is left is in use. Without it V8 lets a few MB an hour lie until its heap is worth a full collection.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const EVERY_MS = 60_000;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
setInterval(collect, EVERY_MS).unref();

// Preloaded into a node by tests (NODE_OPTIONS=--import): SIGUSR2 blocks its main thread for three seconds.
import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  process.on("SIGUSR2", () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
  });
}

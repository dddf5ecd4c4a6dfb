/** The data-plane thread: opens the plane, passes messages, and says in one message what could not be opened. */
import { parentPort, workerData } from "node:worker_threads";
import { isSystemError, loadAddon } from "../native/addon.ts";
import { DataPlane } from "./data-plane.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./messages.ts";

if (parentPort === null) throw new Error("the data plane runs in a worker thread");
const port = parentPort;
const post = (message: FromWorker): void => port.postMessage(message);
const { addonPath, setup } = workerData as { addonPath: string; setup: WorkerSetup };

try {
  const plane = new DataPlane(loadAddon(addonPath), setup, post);
  port.on("message", (message: ToWorker) => {
    plane.handle(message);
    if (message.type === "close") port.close();
  });
} catch (error) {
  const { message } = error as Error;
  post({
    type: "failed",
    step: isSystemError(error) ? error.step : "data plane",
    errno: isSystemError(error) ? error.errno : 0,
    message,
  });
}

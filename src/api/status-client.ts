/** Finding running nodes on this machine and asking one for its status. */
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { EtherloomError, notAllowed } from "../errors.ts";
import type { QuestionRefused, StatusDocument, StatusRequest } from "./status-model.ts";
import { STATUS_SOCKET } from "./status-server.ts";
import { answers } from "./unix-listener.ts";

/** State directories live here unless the configuration says otherwise. */
export const STATE_ROOT = "/var/lib/etherloom";

const TIMEOUT_MS = 5000;
/** A forwarding table of 65 536 entries is about 6 MB. */
const MAX_DOCUMENT_BYTES = 64 << 20;
/** How connect(2), or the exchange after it, fails where a node is there: its backlog is full, or it serves too many. */
const BUSY: ReadonlyMap<string, string> = new Map([
  ["EAGAIN", "others wait for an answer already"],
  ["ECONNRESET", "it hung up"],
  ["EPIPE", "it hung up"],
]);

/** Names of the nodes below `stateRoot` whose status socket answers, sorted. @throws EtherloomError EL_NOT_ALLOWED */
export async function findRunning(stateRoot: string = STATE_ROOT): Promise<string[]> {
  const names = await readdir(stateRoot).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EACCES") throw notAllowed(stateRoot);
    return [];
  });
  const alive = await Promise.all(names.map((name) => answers(join(stateRoot, name, STATUS_SOCKET))));
  return names.filter((_, i) => alive[i]).sort();
}

/**
 * Asks the node behind the socket. @throws EtherloomError EL_NOT_RUNNING: there is none; EL_BUSY: it does not answer in
 * time; EL_NOT_ALLOWED: this user may not ask it
 */
export async function fetchStatus(path: string, request: StatusRequest): Promise<StatusDocument> {
  const text = await exchange(path, request.fib ? "status fib\n" : "status\n");
  try {
    return JSON.parse(text) as StatusDocument;
  } catch {
    throw new EtherloomError("EL_NOT_RUNNING", `${path}: the answer is not a status document`);
  }
}

/** Asks a question about another node; the answer's shape goes with the question (status-model.ts). */
export async function askNode(path: string, question: string): Promise<unknown> {
  const text = await exchange(path, `${question}\n`);
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new EtherloomError("EL_NOT_RUNNING", `${path}: the answer is not a document`);
  }
  const refused = (answer as Partial<QuestionRefused>).error;
  if (typeof refused === "string") throw new EtherloomError("EL_QUESTION", refused);
  return answer;
}

function exchange(path: string, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const socket = connect({ path }, () => socket.write(question));
    const fail = (error: EtherloomError): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(TIMEOUT_MS, () => fail(busy(path, `no answer within ${TIMEOUT_MS / 1000} s`)));
    socket.on("error", (error: NodeJS.ErrnoException) => fail(failure(path, error)));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_DOCUMENT_BYTES)
        fail(new EtherloomError("EL_NOT_RUNNING", `${path}: the answer is too long to be a node's`));
    });
    socket.on("end", () => {
      if (size === 0) fail(busy(path, "it hung up"));
      else resolve(Buffer.concat(chunks).toString("utf8"));
    });
  });
}

function failure(path: string, { code, message }: NodeJS.ErrnoException): EtherloomError {
  if (code === "EACCES") return notAllowed(path);
  const reason = BUSY.get(code ?? "");
  if (reason !== undefined) return busy(path, reason);
  return new EtherloomError("EL_NOT_RUNNING", `no running node answers on ${path} (${code ?? message})`);
}

function busy(path: string, detail: string): EtherloomError {
  return new EtherloomError(
    "EL_BUSY",
    `the node at ${path} is running but too busy to answer, or was stopped: try again (${detail})`,
  );
}
